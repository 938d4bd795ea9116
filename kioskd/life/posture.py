# SPDX-License-Identifier: Apache-2.0
"""How head and body are held: for a while, and then otherwise.

Who stands holds a posture for irregular times. Fidgets, shifts and drifts of the weight, forward
and sideways, come to one in 20 s together, with shifts of 17 and 22 mm on average (Duarte and
Zatsiorsky 1999: every 59 and 49 s, 316 and 199 s, 319 and 529 s); stays are heavy-tailed (Pareto's
here). A head in the same way turns a little to another place and stays. Moves are of minimum jerk.
Turns that go with a gaze are the gaze's: these leave the eyes where they look.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from driving_client.motion import FloatArray
from kioskd.life.easing import minimum_jerk
from kioskd.life.manner import Manner
from kioskd.life.wander import LONG_S

_TAIL: Final = 1.6
_LONGEST: Final = 9.0
"""A Pareto's exponent, and its longest stay as a multiple of the shortest: mean 2.2."""

_WEIGHT_STAY_S: Final = 7.0
_WEIGHT_DEG: Final = (0.12, 0.26)
"""Standard deviation of the body's lean forward and sideways: 3 and 7 mm at the head."""


@dataclass(frozen=True, slots=True)
class Move:
    """From one place to another, radians; `seconds` from `starts` (monotonic) on."""

    starts: float
    seconds: float
    origin: FloatArray
    target: FloatArray

    @property
    def ends(self) -> float:
        """When the target is reached."""
        return self.starts + self.seconds

    def at(self, now: float) -> FloatArray:
        """Where it is at `now`."""
        part = np.float32(minimum_jerk((now - self.starts) / self.seconds))
        return np.asarray(self.origin + (self.target - self.origin) * part, np.float32)


class Held:
    """A place that is held and moved, at first the middle."""

    def __init__(self, dimensions: int, draw: Callable[[Move, float, Manner], Move]) -> None:
        """`draw` makes the move that follows one, held from a time on."""
        self._draw = draw
        rest = np.zeros(dimensions, np.float32)
        self._move = Move(-math.inf, 1.0, rest, rest)
        self._manner: Manner | None = None
        self._coming = self._move

    def at(self, now: float, manner: Manner) -> FloatArray:
        """Where it is at `now`; times must not go backwards."""
        if now - self._coming.starts > LONG_S or manner is not self._manner:
            # Slept through, or in another mood: what was planned is no more
            self._manner = manner
            self._coming = self._draw(self._move, max(now, self._move.ends), manner)
        while now >= self._coming.starts:
            self._move = self._coming
            self._coming = self._draw(self._move, self._move.ends, manner)
        return self._move.at(now)


def head(chance: random.Random) -> Held:
    """Pitch, yaw and roll: down, to the avatar's left, to its right shoulder."""

    def draw(last: Move, held_from: float, manner: Manner) -> Move:
        degrees = [_spread(chance, size) for size in manner.turns]
        # Who turns the head tilts it a little the other way
        degrees[2] -= 0.2 * degrees[1]
        target = np.radians(degrees).astype(np.float32)
        far = float(np.degrees(np.abs(target - last.target).max()))
        seconds = (0.45 + 0.11 * far) * chance.uniform(0.9, 1.5)
        return Move(held_from + _stay_s(chance, manner.stay_s), seconds, last.target, target)

    return Held(3, draw)


def weight(chance: random.Random) -> Held:
    """The body's lean about its feet: forward, and to its right."""

    def draw(last: Move, held_from: float, _: Manner) -> Move:
        target = np.radians([_spread(chance, size) for size in _WEIGHT_DEG]).astype(np.float32)
        starts = held_from + _stay_s(chance, _WEIGHT_STAY_S)
        return Move(starts, chance.uniform(1.1, 2.4), last.target, target)

    return Held(2, draw)


def _stay_s(chance: random.Random, shortest_s: float) -> float:
    return shortest_s * min(chance.paretovariate(_TAIL), _LONGEST)


def _spread(chance: random.Random, size: float) -> float:
    return size * min(max(chance.gauss(0, 1), -2.2), 2.2)
