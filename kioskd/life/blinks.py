# SPDX-License-Identifier: Apache-2.0
"""When the eyes blink and how the lids move.

A blink closes in a third of its time and opens in the rest, after a short stay; 160 to
280 ms in all, of a normal blink's 100 to 400. Gaps follow a gamma distribution of shape 4:
irregular, but neither bursts nor long stares. One blink in ten is double. Events are drawn
in the order of time, so what is seen does not depend on how often it is sampled.
"""

from __future__ import annotations

import math
import random
from typing import Final

_GAP_SHAPE: Final = 4.0
_DOUBLE: Final = 0.1
_CLOSING: Final = 0.33
_OPENING_FROM: Final = 0.45


def lid(progress: float) -> float:
    """How far the lids are shut, 0 to 1, at this part (0 to 1) of a blink."""
    if progress <= 0 or progress >= 1:
        return 0.0
    if progress < _CLOSING:
        return 0.5 - 0.5 * math.cos(math.pi * progress / _CLOSING)
    if progress < _OPENING_FROM:
        return 1.0
    return 0.5 + 0.5 * math.cos(math.pi * (progress - _OPENING_FROM) / (1 - _OPENING_FROM))


class Blinks:
    """An endless series of blinks at `per_minute` on average; none at 0."""

    def __init__(self, per_minute: float, chance: random.Random) -> None:
        self._chance = chance
        self._mean_gap = 60.0 / per_minute * (1 + _DOUBLE) if per_minute > 0 else math.inf
        self._start: float | None = None
        self._seconds = 0.0
        self._double = False

    def at(self, now: float) -> float:
        """How far the lids are shut at `now`; times must not go backwards."""
        if math.isinf(self._mean_gap):
            return 0.0
        if self._start is None or now - self._start > 60:
            self._draw(now)
        assert self._start is not None
        while now >= self._start + self._seconds:
            if self._double:
                self._double = False
                self._start += self._seconds + 0.08
            else:
                self._draw(self._start + self._seconds)
        return lid((now - self._start) / self._seconds)

    def _draw(self, after: float) -> None:
        gap = self._chance.gammavariate(_GAP_SHAPE, self._mean_gap / _GAP_SHAPE)
        self._start = after + max(gap, 0.4)
        self._seconds = self._chance.uniform(0.16, 0.28)
        self._double = self._chance.random() < _DOUBLE
