# SPDX-License-Identifier: Apache-2.0
"""From a device's coarse counter to a smooth position, in seconds since its last reset.

A counter moves in steps (a period over PulseAudio, a transfer on USB cards), so a single
reading is late by up to one step and never early. The offset between played seconds and the
monotonic clock is therefore the largest one seen lately; drift of the device's crystal
(some 0.1 ms a second at worst) is followed because old readings are forgotten. Measured over
PulseAudio with 10 ms periods: readings scatter over 10 ms, this estimate over 1 ms.
"""

from __future__ import annotations

import math
from typing import Final

from kioskd.audio.settings import UNPACED_S

_BUCKET_S: Final = 0.5
"""Readings are remembered for one to two of these."""

_DRIFT: Final = 1e-3
"""No device runs faster than its nominal rate by more than this; a reading that does is wrong."""


class RecentMaximum:
    """The largest of the values that were taken within the last one or two of _BUCKET_S."""

    def __init__(self) -> None:
        self._since: float | None = None
        self._current = self._previous = -math.inf

    def take(self, value: float, at: float) -> None:
        """A value at this moment."""
        if self._since is None or at - self._since > _BUCKET_S:
            self._previous, self._current, self._since = self._current, value, at
        else:
            self._current = max(self._current, value)

    @property
    def value(self) -> float:
        """Minus infinity before the first."""
        return max(self._previous, self._current)


class PositionClock:
    """Smooths readings; `reset` at every start, drop or underrun of the device."""

    def __init__(self) -> None:
        self._started: float | None = None
        self._base = 0.0
        self._offset = RecentMaximum()

    def reset(self, played_s: float = 0.0) -> None:
        """The device rests at this position until the next start."""
        self._started = None
        self._base = played_s

    def start(self, at: float) -> None:
        """The first frames were written at this moment: nothing can be heard before it."""
        if self._started is None:
            self._started = at
            self._offset = RecentMaximum()
            self._offset.take(self._base - at, at)

    def update(self, played_s: float, at: float) -> bool:
        """Take one reading; False when the device has outrun the monotonic clock."""
        if self._started is None:
            return True
        offset = played_s - at
        ceiling = self._base - self._started + _DRIFT * (at - self._started)
        if offset > min(self._offset.value, ceiling) + UNPACED_S:
            return False
        self._offset.take(min(offset, ceiling), at)
        return True

    def position(self, now: float) -> float:
        """Seconds played at `now` if the device has enough to play."""
        if self._started is None:
            return self._base
        return max(now + self._offset.value, self._base)
