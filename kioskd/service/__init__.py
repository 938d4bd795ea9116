# SPDX-License-Identifier: Apache-2.0
"""One process out of the parts: threads, signals, loading, reloading, the end."""
