# SPDX-License-Identifier: Apache-2.0
"""The root of every error that kioskd raises on purpose, and the sound's.

A message says what is wrong, where, and how to mend it. A fault of a running kiosk (no
sound device, a lost link) is not raised to the top: it becomes a log line with a code, a
metric and a reason in the health answer. The other errors lie beside what raises them; the
exit status of each is decided in one place, `kioskd.cli`.
"""


class KioskError(Exception):
    """Root of the errors of kioskd."""


class AudioError(KioskError):
    """The sound device cannot be opened, or has gone away while it played."""
