# SPDX-License-Identifier: Apache-2.0
"""Quiet breathing, no breath like another.

14 a minute, of 12 to 20 in adults. From one breath to the next the rate varies by 21 %, the depth
by 33 % and the part that is breathing in by 18 % (Tobin et al. 1988, 65 people at rest); in takes
some 40 % of the time, and out ends in a pause. A sigh, of at least twice the depth, comes 14 times
an hour (people watching a film: Ann Allergy Asthma Immunol 2005, 94:247).
"""

from __future__ import annotations

import math
import random
from typing import Final

from kioskd.life.easing import minimum_jerk
from kioskd.life.wander import LONG_S

_MEAN_S: Final = 60 / 14
_RATE_VARIES: Final = 0.21
_DEPTH_VARIES: Final = 0.33
_IN: Final = 0.40
_IN_VARIES: Final = 0.18
_OUT_ENDS: Final = 0.9
_SIGHS: Final = 14 / 60 / 14
"""Of all breaths."""


class Breath:
    """How full the chest is; sampled in the order of time."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._start: float | None = None
        self._seconds = self._in_s = 1.0
        self._depth = 1.0

    def at(self, now: float) -> float:
        """0 after a breath out, about 1 after one in, up to 3 in a sigh."""
        if self._start is None or now - self._start > LONG_S:
            self._draw(now)
        assert self._start is not None
        while now >= self._start + self._seconds:
            self._draw(self._start + self._seconds)
        passed = now - self._start
        if passed < self._in_s:
            return self._depth * minimum_jerk(passed / self._in_s)
        out_s = _OUT_ENDS * self._seconds - self._in_s
        return self._depth * (1 - minimum_jerk((passed - self._in_s) / out_s))

    def _draw(self, start: float) -> None:
        chance = self._chance
        self._start = start
        self._seconds = _MEAN_S * _about_one(chance, _RATE_VARIES)
        self._in_s = _IN * self._seconds * _about_one(chance, _IN_VARIES)
        self._depth = _about_one(chance, _DEPTH_VARIES)
        if chance.random() < _SIGHS:
            self._depth = chance.uniform(2.0, 3.0)
            self._seconds *= 1.5
            self._in_s *= 1.5


def _about_one(chance: random.Random, varies: float) -> float:
    """Log-normal of mean 1 and this standard deviation, no further than 2.5 of it."""
    spread = math.sqrt(math.log1p(varies * varies))
    turn = min(max(chance.gauss(0, 1), -2.5), 2.5)
    return math.exp(spread * turn - spread * spread / 2)
