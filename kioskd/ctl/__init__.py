# SPDX-License-Identifier: Apache-2.0
"""kioskctl, the operator's command line. Talks only HTTP: it works from any machine."""
