# SPDX-License-Identifier: Apache-2.0
"""The error that all of the flashing raises on purpose."""

from __future__ import annotations

from firmware.errors import FirmwareError


class FlashError(FirmwareError):
    """Flashing was refused or failed: what, where, and how to mend it."""
