# SPDX-License-Identifier: Apache-2.0
"""Strokes of brows, lids and cheeks: up for emphasis, down for weight, a little tighter at times.

No stroke is the same on both sides. Brows have one stroke at a time: raises that add up are a
face of surprise. When they come and how strong they are is `gestures`' to say, which also cites
the studies; sizes are as they look right on the shipped avatars.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator

from kioskd.prosody.strokes import Stroke, amounts_of


class FaceGestures:
    """One utterance's, drawn from its chance."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._moved_until = -math.inf

    def brows(self, at: float, strength: float) -> Iterator[Stroke]:
        """Up and down again; brows that are on their way already are left alone."""
        chance = self._chance
        size = strength * chance.uniform(0.3, 0.75)
        # Further takes longer
        rise, fall = 0.15 + 0.15 * size + chance.uniform(0.0, 0.06), chance.uniform(0.22, 0.45)
        hold = chance.choice((0.0, chance.uniform(0.03, 0.12), chance.uniform(0.1, 0.3)))
        raised = amounts_of(
            browInnerUp=size * chance.uniform(0.7, 1.0),
            browOuterUpLeft=0.8 * size * chance.uniform(0.55, 1.0),
            browOuterUpRight=0.8 * size * chance.uniform(0.55, 1.0),
        )
        if at - rise >= self._moved_until:
            self._moved_until = at + hold + 0.7 * fall
            yield Stroke(at, rise, hold, fall, raised)

    def frown(self, at: float, strength: float) -> Iterator[Stroke]:
        """Down and back, where they are not up."""
        chance = self._chance
        rise, hold, fall = 0.22, chance.uniform(0.2, 0.7), chance.uniform(0.4, 0.7)
        size = strength * chance.uniform(0.18, 0.38)
        lowered = amounts_of(
            browDownLeft=size * chance.uniform(0.7, 1.0),
            browDownRight=size * chance.uniform(0.7, 1.0),
            eyeSquintLeft=0.5 * size,
            eyeSquintRight=0.5 * size,
        )
        if at - rise >= self._moved_until:
            self._moved_until = at + hold + 0.7 * fall
            yield Stroke(at, rise, hold, fall, lowered)

    def cheeks(self, at: float) -> Stroke:
        """A little tighter for a while."""
        chance = self._chance
        size = chance.uniform(0.12, 0.32)
        tight = amounts_of(
            cheekSquintLeft=size * chance.uniform(0.6, 1.0),
            cheekSquintRight=size * chance.uniform(0.6, 1.0),
            eyeSquintLeft=0.6 * size,
            eyeSquintRight=0.6 * size * chance.uniform(0.8, 1.2),
        )
        return Stroke(at, 0.25, chance.uniform(0.2, 0.8), chance.uniform(0.4, 0.8), tight)
