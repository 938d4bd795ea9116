# SPDX-License-Identifier: Apache-2.0
"""The root of the errors that building and flashing firmware raises on purpose."""


class FirmwareError(Exception):
    """What is wrong, where, and how to mend it."""
