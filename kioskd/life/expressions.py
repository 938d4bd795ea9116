# SPDX-License-Identifier: Apache-2.0
"""What a resting face does: small smiles, brows, lips, a swallow; each comes, stays and goes.

A spontaneous smile comes about as fast as any (Schmidt, Cohn and Tian 2003), goes more slowly, and
takes cheeks and lids along when it is meant (Ambadar, Cohn and Reed 2009). A waking adult swallows
once a minute (Bulmer et al. 2021: 0.98). No expression is the same on both sides or the same twice:
its mix of face units is drawn each time. Rates and sizes of the rest are by eye.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from driving_client.motion import ARKIT_NAMES, FloatArray
from kioskd.life.easing import minimum_jerk
from kioskd.life.manner import Manner
from kioskd.life.wander import LONG_S

_LEAST_GAP_S: Final = 0.4
_SWALLOWS: Final = 0.98


@dataclass(frozen=True, slots=True)
class _Course:
    """Seconds to come, to stay and to go, each from and to."""

    come_s: tuple[float, float]
    stay_s: tuple[float, float]
    go_s: tuple[float, float]


@dataclass(frozen=True, slots=True)
class _Expression:
    starts: float
    come_s: float = 1.0
    stay_s: float = 0.0
    go_s: float = 1.0
    weights: FloatArray | None = None

    @property
    def ends(self) -> float:
        return self.starts + self.come_s + self.stay_s + self.go_s

    def level(self, now: float) -> float:
        passed = now - self.starts
        going = (passed - self.come_s - self.stay_s) / self.go_s
        return minimum_jerk(passed / self.come_s) - minimum_jerk(going)


class _Kind:
    """Expressions of one kind, one after the other at irregular times."""

    def __init__(
        self,
        course: _Course,
        rate: Callable[[Manner], float],
        mix: Callable[[random.Random, Manner], dict[str, float]],
        chance: random.Random,
    ) -> None:
        self._course, self._rate, self._mix, self._chance = course, rate, mix, chance
        self._manner: Manner | None = None
        self._shown = _Expression(-math.inf)
        self._next = math.inf

    def add_to(self, face: FloatArray, now: float, manner: Manner, scale: float = 1.0) -> None:
        """Add what is shown at `now` to ARKit's weights (52,)."""
        if manner is not self._manner or now - self._next > LONG_S:
            self._manner = manner
            self._next = self._after(max(now, self._shown.ends), manner)
        while now >= self._next:
            self._shown = self._draw(self._next, manner)
            self._next = self._after(self._shown.ends, manner)
        if self._shown.weights is not None and now < self._shown.ends:
            face += self._shown.weights * np.float32(scale * self._shown.level(now))

    def _after(self, ended: float, manner: Manner) -> float:
        rate = self._rate(manner)
        if rate == 0:
            return math.inf
        return ended + _LEAST_GAP_S + self._chance.expovariate(rate / 60)

    def _draw(self, starts: float, manner: Manner) -> _Expression:
        chance, course = self._chance, self._course
        weights = np.zeros(len(ARKIT_NAMES), np.float32)
        for name, weight in self._mix(chance, manner).items():
            weights[ARKIT_NAMES.index(name)] = weight
        come_s, stay_s, go_s = (
            chance.uniform(*span) for span in (course.come_s, course.stay_s, course.go_s)
        )
        return _Expression(starts, come_s, stay_s, go_s, weights)


def _sides(chance: random.Random, name: str, weight: float) -> dict[str, float]:
    """A unit of both sides, one of them by up to a third weaker."""
    weaker = chance.uniform(0.67, 1.0)
    left, right = (1.0, weaker) if chance.random() < 0.5 else (weaker, 1.0)
    return {f"{name}Left": weight * left, f"{name}Right": weight * right}


def _smile(chance: random.Random, manner: Manner) -> dict[str, float]:
    size = manner.smile * chance.uniform(0.5, 1.5)
    return {
        **_sides(chance, "mouthSmile", size),
        **_sides(chance, "cheekSquint", size * chance.uniform(0.5, 1.1)),
        **_sides(chance, "eyeSquint", size * chance.uniform(0.2, 0.6)),
        **_sides(chance, "mouthDimple", size * chance.uniform(0.1, 0.5)),
    }


def _brows(chance: random.Random, manner: Manner) -> dict[str, float]:
    size = manner.brow * chance.uniform(0.5, 1.5)
    if chance.random() < 0.3:
        return {
            **_sides(chance, "browDown", size * chance.uniform(0.6, 1.2)),
            **_sides(chance, "eyeSquint", size * chance.uniform(0.2, 0.6)),
        }
    return {
        "browInnerUp": size * chance.uniform(0.4, 1.2),
        **_sides(chance, "browOuterUp", size * chance.uniform(0.3, 1.1)),
    }


def _lips(chance: random.Random, manner: Manner) -> dict[str, float]:
    size = manner.lip * chance.uniform(0.6, 1.4)
    shares = [chance.uniform(0, 1) ** 2 for _ in range(4)]
    press, roll, shrug, purse = (size * share for share in shares)
    return {
        **_sides(chance, "mouthPress", press),
        "mouthRollLower": roll,
        "mouthRollUpper": roll * chance.uniform(0.3, 0.6),
        "mouthShrugLower": shrug,
        "mouthPucker": 0.6 * purse,
    }


def _swallow(chance: random.Random, _: Manner) -> dict[str, float]:
    size = chance.uniform(0.7, 1.2)
    return {**_sides(chance, "mouthPress", 0.16 * size), "mouthShrugLower": 0.12 * size}


_SMILING: Final = _Course((0.5, 0.9), (0.3, 2.0), (0.8, 1.6))
_RAISING: Final = _Course((0.2, 0.5), (0.1, 1.5), (0.4, 1.1))
_MOUTHING: Final = _Course((0.3, 0.6), (0.1, 1.2), (0.4, 0.9))
_SWALLOWING: Final = _Course((0.22, 0.3), (0.1, 0.25), (0.35, 0.5))


class Expressions:
    """The face units (52,) that are added to the pose; sampled in the order of time."""

    def __init__(self, chance: random.Random) -> None:
        def own() -> random.Random:
            return random.Random(chance.random())

        self._smiles = _Kind(_SMILING, lambda manner: manner.smiles, _smile, own())
        self._brows = _Kind(_RAISING, lambda manner: manner.brows, _brows, own())
        self._lips = _Kind(_MOUTHING, lambda manner: manner.lips, _lips, own())
        self._swallows = _Kind(_SWALLOWING, lambda _: _SWALLOWS, _swallow, own())

    def at(self, now: float, manner: Manner, mouth: float) -> FloatArray:
        """At `now`; `mouth` scales what lips do but for smiling."""
        face = np.zeros(len(ARKIT_NAMES), np.float32)
        self._smiles.add_to(face, now, manner)
        self._brows.add_to(face, now, manner)
        self._lips.add_to(face, now, manner, mouth)
        self._swallows.add_to(face, now, manner, mouth)
        return face
