# SPDX-License-Identifier: Apache-2.0
"""From a device's coarse counter to a smooth position, in seconds since its last reset.

A counter moves in steps (a period over PulseAudio, a transfer on USB cards), so a single
reading is late by up to one step and never early. The offset between played seconds and the
monotonic clock is therefore the largest one seen lately; drift of the device's crystal
(some 0.1 ms a second at worst) is followed because old readings are forgotten. Measured over
PulseAudio with 10 ms periods: readings scatter over 10 ms, this estimate over 1 ms.
"""

from __future__ import annotations

from typing import Final

from kioskd.audio.settings import UNPACED_S

_BUCKET_S: Final = 0.5
"""Readings are remembered for one to two of these."""

_DRIFT: Final = 1e-3
"""No device runs faster than its nominal rate by more than this; a reading that does is wrong."""


class PositionClock:
    """Smooths readings; `reset` at every start, drop or underrun of the device."""

    def __init__(self) -> None:
        self._started: float | None = None
        self._base = 0.0
        self._bucket = 0.0
        self._current = 0.0
        self._previous: float | None = None

    def reset(self, played_s: float = 0.0) -> None:
        """The device rests at this position until the next start."""
        self._started = None
        self._base = played_s

    def start(self, at: float) -> None:
        """The first frames were written at this moment: nothing can be heard before it."""
        if self._started is None:
            self._started = at
            self._bucket = at
            self._current = self._base - at
            self._previous = None

    def update(self, played_s: float, at: float) -> bool:
        """Take one reading; False when the device has outrun the monotonic clock."""
        if self._started is None:
            return True
        offset = played_s - at
        ceiling = self._base - self._started + _DRIFT * (at - self._started)
        known = self._current if self._previous is None else max(self._previous, self._current)
        if offset > min(known, ceiling) + UNPACED_S:
            return False
        offset = min(offset, ceiling)
        if at - self._bucket > _BUCKET_S:
            self._previous, self._current, self._bucket = self._current, offset, at
        else:
            self._current = max(self._current, offset)
        return True

    def position(self, now: float) -> float:
        """Seconds played at `now` if the device has enough to play."""
        if self._started is None:
            return self._base
        offset = self._current
        if self._previous is not None:
            offset = max(offset, self._previous)
        return max(now + offset, self._base)
