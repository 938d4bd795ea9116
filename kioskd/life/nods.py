# SPDX-License-Identifier: Apache-2.0
"""A listener's nods: irregular bouts of one to three.

Within a bout the first nod is larger the more follow, each is smaller than the one before, and the
last one smaller still (Mori, Den and Jokinen 2025). The movement is a sum of cubic B-spline bumps,
one a nod, which has no corner and no jump of acceleration.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from typing import Final

from kioskd.life.manner import Manner
from kioskd.life.wander import LONG_S

_COUNTS: Final = (0.45, 0.33, 0.22)
_FIRST_DEG: Final = (4.2, 4.9, 5.3)
_SMALLER: Final = 0.8
_LAST: Final = 0.75
_CYCLE_S: Final = ((0.75, 1.05), (0.60, 0.85), (0.56, 0.74))
"""What a nod takes, down and up, in a bout of one, two or three."""

_KNOTS: Final = 0.42
"""A bump's knots are this part of a cycle apart: it has ended before the middle of the next."""

_LEAST_GAP_S: Final = 0.8


@dataclass(frozen=True, slots=True)
class _Bout:
    starts: float
    cycle_s: float
    sizes: tuple[float, ...] = ()

    @property
    def ends(self) -> float:
        return self.starts + (len(self.sizes) - 1 + 4 * _KNOTS) * self.cycle_s

    def at(self, now: float) -> float:
        cycles = (now - self.starts) / self.cycle_s - 2 * _KNOTS
        return sum(size * _bump((cycles - i) / _KNOTS) for i, size in enumerate(self.sizes))


class Nods:
    """The head's pitch by them; sampled in the order of time."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._manner: Manner | None = None
        self._bout = _Bout(-math.inf, 1.0)
        self._next = math.inf

    def at(self, now: float, manner: Manner) -> float:
        """Radians down at `now`."""
        if manner is not self._manner or now - self._next > LONG_S:
            self._manner = manner
            self._next = self._after(max(now, self._bout.ends), manner)
        while now >= self._next:
            self._bout = self._draw(self._next)
            self._next = self._after(self._bout.ends, manner)
        return self._bout.at(now)

    def _after(self, ended: float, manner: Manner) -> float:
        if manner.nods == 0:
            return math.inf
        return ended + _LEAST_GAP_S + self._chance.expovariate(manner.nods / 60)

    def _draw(self, starts: float) -> _Bout:
        chance = self._chance
        (index,) = chance.choices(range(len(_COUNTS)), _COUNTS)
        large = chance.uniform(0.6, 1.3)
        size = math.radians(_FIRST_DEG[index]) * large
        sizes = [size * _SMALLER**i * chance.uniform(0.85, 1.15) for i in range(index + 1)]
        if index:
            sizes[-1] *= _LAST
        return _Bout(starts, chance.uniform(*_CYCLE_S[index]) * large**0.4, tuple(sizes))


def _bump(knots: float) -> float:
    """A cubic B-spline of height 1, this many knots from its middle."""
    away = abs(knots)
    if away >= 2:
        return 0.0
    if away >= 1:
        return (2 - away) ** 3 / 4
    return 1 - 1.5 * away * away + 0.75 * away**3
