# SPDX-License-Identifier: Apache-2.0
"""The breath before longer speech: chest and mouth say that somebody is about to speak.

People breathe in before a sentence and not before a word (Scobbie, Schaeffler and Mennen 2011), and
open the mouth while they do (Rasskazova, Mooshammer and Fuchs 2019). There is time for it where a
voice waits for its motion, up to 0.3 s; a voice that need not wait is never held back for it. It is
spent on the speech: the chest sinks slowly from the first sound on.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from driving_client.motion import ARKIT_NAMES, FloatArray, MotionSample, ParameterSpace
from driving_client.utterance import Utterance
from kioskd.playback.transition import Transition

INHALE_S: Final = 0.28
_EXHALE_S: Final = 2.5
_LONG_S: Final = 2.0
_CHEST_RAD: Final = np.float32(np.radians(1.2))
_PARTED: Final = {
    "jawOpen": 0.07,
    "mouthLowerDownLeft": 0.08,
    "mouthLowerDownRight": 0.08,
    "mouthUpperUpLeft": 0.05,
    "mouthUpperUpRight": 0.05,
}
"""Lips a few millimetres apart, the teeth as good as closed."""

PARTED: Final = MotionSample(
    ParameterSpace.ARKIT,
    np.array([_PARTED.get(name, 0) for name in ARKIT_NAMES] + [0, 0, 0], np.float32),
    0.0,
)
"""A mouth that breathes in, to be added to a face at rest."""


def wants_breath(utterance: Utterance) -> bool:
    """Whether this voice has begun to come and is, or may well be, longer than two seconds."""
    if utterance.audio_length == 0:
        return False
    return not utterance.audio_ended or utterance.audio_seconds > _LONG_S


class Chest:
    """How far the breath before speech lifts the chest; used by the render thread only."""

    def __init__(self, amount: float) -> None:
        self._full = np.array([_CHEST_RAD * amount, 0, 0], np.float32)
        self._transition = Transition(np.zeros(3, np.float32), False)

    @property
    def breath(self) -> FloatArray:
        """Added to `Life.breath`, radians."""
        return self._transition.shown

    def follow(self, now: float, *, breathing_in: bool) -> None:
        """Fill, or sink back; once per frame."""
        target = self._full if breathing_in else np.zeros(3, np.float32)
        duration = INHALE_S if breathing_in else _EXHALE_S
        self._transition.follow(now, breathing_in, target, duration)
