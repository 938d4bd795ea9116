# SPDX-License-Identifier: Apache-2.0
"""Every error that kioskd raises on purpose, under one root.

A message says what is wrong, where, and how to mend it.
"""


class KioskError(Exception):
    """Root of the errors of kioskd."""
