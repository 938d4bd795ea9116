# SPDX-License-Identifier: Apache-2.0
"""Signed images, the two slots that hold them, installing one, and falling back.

Nothing here needs more than the standard library and `openssl`, so that tools which build
and check images import it as it is. The hook in the board's root file system reads the same
files with a shell; tests hold the two against each other.
"""
