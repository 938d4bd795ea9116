# SPDX-License-Identifier: Apache-2.0
"""Whether a device's time stamps can be believed, and whether its rate is the one that it says."""

from __future__ import annotations

import math
from typing import Final

from kioskd.ears.capture import Captured

NEAR_S: Final = 0.2
"""A time stamp further from the present, or from what is known so far, is none of this sound's."""
_DISTRUST_AFTER: Final = 20
_TRUST_AFTER: Final = 500
"""Readings in a row with new frames; 0.2 and 5 s in periods of 10 ms."""

WRONG_RATE: Final = 0.01
_SETTLE_S: Final = 2.0
_MEASURE_S: Final = 5.0


class StampWatch:
    """Stamps that stand still while frames come, jump, or are missing, are not used."""

    def __init__(self) -> None:
        self._before = (0, math.nan)
        self._row = 0
        self.trusted = True

    def moment(self, captured: Captured, earliest: float, now: float) -> float | None:
        """When `captured.frames` had come, as far as is known; None for a reading that tells
        nothing. `earliest` is when they can have come, `now` when this was read.
        """
        frames, stamp = self._before
        if captured.frames <= frames and not captured.anew:
            return None
        near = max(earliest, now - NEAR_S) < captured.stamp < now + NEAR_S
        good = near and captured.stamp != stamp
        self._before = captured.frames, captured.stamp
        self._row = self._row + 1 if good is not self.trusted else 0
        if self._row >= (_DISTRUST_AFTER if self.trusted else _TRUST_AFTER):
            self.trusted, self._row = not self.trusted, 0
        if not self.trusted:
            return now
        return min(captured.stamp, now) if good else None


class RateWatch:
    """Compares frames with the monotonic clock, over 5 s and once more before it believes it."""

    def __init__(self) -> None:
        self._since: tuple[float, float] | None = None
        self._begun: float | None = None
        self._suspected: float | None = None

    def factor(self, edge: float, now: float) -> float | None:
        """Frames a second that come, by those that should; None while that is right or unknown.

        `edge` is StreamClock's.
        """
        self._begun = now if self._begun is None else self._begun
        if now - self._begun < _SETTLE_S:
            return None
        if self._since is None:
            self._since = now, edge
        at, edge_then = self._since
        if now - at < _MEASURE_S:
            return None
        slope, self._since = (edge - edge_then) / (now - at), (now, edge)
        before, self._suspected = self._suspected, slope
        if before is None or min(abs(slope), abs(before)) < WRONG_RATE:
            return None
        return 1 + slope if abs(slope - before) < WRONG_RATE else None
