# SPDX-License-Identifier: Apache-2.0
"""What the face does by itself, at idle and on top of speech: the stream holds none of it.

Layers that know nothing of each other: blinks, gaze, breath, sway, postures of head and weight, a
listener's nods, small expressions. Each is a function of time and a seed, smooth but for the eyes,
irregular and never repeated, and sampled in the order of time. How much of it is shown goes with
what the kiosk does (`manner`). Moods and gestures are not part of it.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from driving_client.motion import ARKIT_NAMES, FloatArray
from kioskd.life import posture
from kioskd.life.attention import NOBODY, Attention
from kioskd.life.blinks import Blinks
from kioskd.life.breath import Breath
from kioskd.life.easing import minimum_jerk
from kioskd.life.expressions import Expressions
from kioskd.life.gaze import Gaze
from kioskd.life.manner import MANNERS, Manner
from kioskd.life.nods import Nods
from kioskd.life.settings import IdleSettings
from kioskd.life.sway import Sway

_NECK_BREATHES: Final = math.radians(1.5)
_HEAD_BREATHES: Final = math.radians(-0.3)
_CHEST_BREATHES: Final = math.radians(-0.3)
"""What a full breath does: the neck leans under a level head, which rises a little, and the body
leans back, as the chest has no joint of its own."""

_HALF_FULL: Final = 0.4
"""How full the chest is on average: a resting pose is neither the deepest nor the emptiest."""

_SETTLES_S: Final = 1.2
"""From one manner into another."""


@dataclass(frozen=True, slots=True)
class Life:
    """One instant: lids shut 0 to 1, left and right, rotations as axis-angle radians.

    The gaze is in radians from the visitor to the avatar's left and up, in the room. `head` turns
    the head (shared with the neck), `body` leans everything under an upright head, `breath` leans
    the neck under a level head. `face` (52,) is added to ARKit's weights.
    """

    lids: tuple[float, float] = (0.0, 0.0)
    gaze_left: float = 0.0
    gaze_up: float = 0.0
    head: FloatArray = field(default_factory=lambda: np.zeros(3, np.float32))
    body: FloatArray = field(default_factory=lambda: np.zeros(3, np.float32))
    breath: FloatArray = field(default_factory=lambda: np.zeros(3, np.float32))
    face: FloatArray = field(default_factory=lambda: np.zeros(len(ARKIT_NAMES), np.float32))


class IdleLife:
    """An endless performance; sampled in the order of time."""

    def __init__(self, settings: IdleSettings) -> None:
        self._settings = settings
        chance = random.Random(settings.seed)

        def own() -> random.Random:
            # Each has a chance of its own: how often one is asked must not change the other
            return random.Random(chance.random())

        self._blinks = Blinks(settings.blinks_per_minute, own())
        self._gaze = Gaze(settings.gaze_degrees, own())
        self._breath = Breath(own())
        self._sway = Sway(own())
        self._head = posture.head(own())
        self._weight = posture.weight(own())
        self._nods = Nods(own())
        self._expressions = Expressions(own())
        self._amounts = _Amounts()

    def at(self, now: float, attention: Attention = NOBODY) -> Life:
        """What is added at `now` (monotonic seconds) to a face that is doing this."""
        if not self._settings.enabled:
            return Life()
        manner = MANNERS[attention.activity]
        visible, mouth = self._amounts.at(now, manner)
        visible *= self._settings.breath
        swaying, leaning, moved = self._sway.at(now, mouth)
        full = self._settings.breath * (self._breath.at(now) - _HALF_FULL)
        glance = self._gaze.at(now, attention.activity, attention.side)
        large, self._gaze.large = self._gaze.large, []
        head = np.float32(visible) * swaying + self._head.at(now, manner)
        head += np.array(glance.head, np.float32)
        head[0] += self._nods.at(now, manner) + full * _HEAD_BREATHES
        forward, right = np.float32(visible) * leaning + self._weight.at(now, manner)
        return Life(
            lids=self._blinks.at(now, attention, large),
            gaze_left=glance.left,
            gaze_up=glance.up,
            head=head,
            body=np.array([forward + full * _CHEST_BREATHES, 0.0, right], np.float32),
            breath=np.array([full * _NECK_BREATHES, 0.0, 0.0], np.float32),
            face=moved + self._expressions.at(now, manner, mouth),
        )


class _Amounts:
    """Sway and what lips do, eased from one manner into another."""

    def __init__(self) -> None:
        self._manner: Manner | None = None
        self._origin = self._shown = (0.0, 0.0)
        self._since = -math.inf

    def at(self, now: float, manner: Manner) -> tuple[float, float]:
        if manner is not self._manner:
            self._since = -math.inf if self._manner is None else now
            self._manner, self._origin = manner, self._shown
        part = minimum_jerk((now - self._since) / _SETTLES_S)
        target = (manner.sway, manner.mouth)
        sway, mouth = (a + (b - a) * part for a, b in zip(self._origin, target, strict=True))
        self._shown = sway, mouth
        return self._shown
