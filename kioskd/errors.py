# SPDX-License-Identifier: Apache-2.0
"""Every error that kioskd raises on purpose, under one root.

A message says what is wrong, where, and how to mend it. A fault of a running kiosk (no
sound device, a lost link) is not raised to the top: it becomes a log line with a code, a
metric and a reason in the health answer.
"""

from typing import Final


class KioskError(Exception):
    """Root of the errors of kioskd. `exit_code` is the process's status if it ends the start."""

    exit_code: int = 1


EXIT_CONFIG: Final = 78
"""EX_CONFIG of sysexits.h: systemd can be told not to restart on it."""


class ConfigError(KioskError):
    """The configuration cannot be used; the message names file, line and key."""

    exit_code = EXIT_CONFIG


class AudioError(KioskError):
    """The sound device cannot be opened, or has gone away while it played."""
