# SPDX-License-Identifier: Apache-2.0
"""Small moves of the gaze: fixations joined by saccades, mostly on the person in front.

A saccade takes 21 ms and 2.2 ms a degree (the main sequence of the eye-movement literature),
a fixation 0.5 to 3 s; most return to the middle, so that the eyes keep contact.
"""

from __future__ import annotations

import math
import random
from typing import Final

from kioskd.life.activity import Activity
from kioskd.life.easing import ease

_HOME: Final = {
    Activity.IDLE: 0.65,
    Activity.LISTENING: 0.8,
    Activity.THINKING: 0.2,
    Activity.SPEAKING: 0.65,
}
"""Of how many fixations is the person in front."""

_UP_PART: Final = 0.6


class Gaze:
    """Wanders within a few `degrees`; times must not go backwards."""

    def __init__(self, degrees: float, chance: random.Random) -> None:
        self._spread = math.radians(degrees)
        self._chance = chance
        self._origin = (0.0, 0.0)
        self._target = (0.0, 0.0)
        self._start: float | None = None
        self._next = 0.0
        self._seconds = 0.05

    def at(self, now: float, activity: Activity = Activity.IDLE) -> tuple[float, float]:
        """Radians to the avatar's left and up."""
        if self._start is None or now - self._next > 60:
            self._start = now
            self._next = now + self._chance.uniform(0.5, 3.0)
        while now >= self._next:
            self._origin, self._target = self._target, self._draw(activity)
            self._start = self._next
            turn = math.degrees(math.dist(self._origin, self._target))
            self._seconds = 0.021 + 0.0022 * turn
            self._next = self._start + self._seconds + self._chance.uniform(0.5, 3.0)
        part = ease((now - self._start) / self._seconds)
        left, up = (a + (b - a) * part for a, b in zip(self._origin, self._target, strict=True))
        return left, up

    def _draw(self, activity: Activity) -> tuple[float, float]:
        home = self._chance.random() < _HOME[activity]
        spread = self._spread * (0.15 if home else 1.0)
        left = min(max(self._chance.gauss(0, spread), -2 * spread), 2 * spread)
        up = min(max(self._chance.gauss(0, spread * _UP_PART), -2 * spread), 2 * spread)
        return left, up
