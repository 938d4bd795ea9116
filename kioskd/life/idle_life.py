# SPDX-License-Identifier: Apache-2.0
"""What the face does by itself, at idle and on top of speech: the stream holds none of it.

Blinks, a wandering gaze, breath and a slight sway of the head. Everything is a smooth
function of time and a seed. Moods and gestures are not part of it.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from driving_client.motion import FloatArray
from kioskd.life.attention import NOBODY, Attention
from kioskd.life.blinks import Blinks
from kioskd.life.gaze import Gaze
from kioskd.life.settings import IdleSettings

_BREATH_HZ: Final = 0.23
"""Fourteen breaths a minute."""

_BREATH_RAD: Final = math.radians(0.7)
_SWAY_RAD: Final = tuple(math.radians(degrees) for degrees in (0.7, 1.0, 0.5))
"""Pitch, yaw and roll; each the sum of two slow waves whose periods share no multiple."""

_SWAY_HZ: Final = ((0.083, 0.137), (0.059, 0.113), (0.071, 0.127))


def _zero() -> FloatArray:
    return np.zeros(3, np.float32)


@dataclass(frozen=True, slots=True)
class Life:
    """One instant: lids shut 0 to 1, left and right; gaze in radians from the visitor to the
    avatar's left and up, in the room; head and breath as axis-angle radians."""

    lids: tuple[float, float] = (0.0, 0.0)
    gaze_left: float = 0.0
    gaze_up: float = 0.0
    head: FloatArray = field(default_factory=_zero)
    breath: FloatArray = field(default_factory=_zero)


class IdleLife:
    """An endless performance; sampled in the order of time."""

    def __init__(self, settings: IdleSettings) -> None:
        self._settings = settings
        chance = random.Random(settings.seed)
        self._phases = [[chance.uniform(0, math.tau) for _ in pair] for pair in _SWAY_HZ]
        # Each has a chance of its own: how often one is asked must not change the other
        self._blinks = Blinks(settings.blinks_per_minute, random.Random(chance.random()))
        self._gaze = Gaze(settings.gaze_degrees, random.Random(chance.random()))

    def at(self, now: float, attention: Attention = NOBODY) -> Life:
        """What is added at `now` (monotonic seconds) to a face that is doing this."""
        if not self._settings.enabled:
            return Life()
        glance = self._gaze.at(now, attention.activity, attention.side)
        large, self._gaze.large = self._gaze.large, []
        head = [self._sway(axis, now) for axis in range(3)]
        scale = self._settings.breath
        breath = _BREATH_RAD * math.sin(math.tau * _BREATH_HZ * now)
        return Life(
            lids=self._blinks.at(now, attention, large),
            gaze_left=glance.left,
            gaze_up=glance.up,
            head=np.array(head, np.float32) * np.float32(scale) + np.array(glance.head, np.float32),
            breath=np.array([breath * scale, 0, 0], np.float32),
        )

    def _sway(self, axis: int, now: float) -> float:
        waves = zip(_SWAY_HZ[axis], self._phases[axis], strict=True)
        return _SWAY_RAD[axis] / 2 * sum(math.sin(math.tau * hz * now + at) for hz, at in waves)
