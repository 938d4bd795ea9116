# SPDX-License-Identifier: Apache-2.0
"""How the face gets from what it shows to what it is to show, without a jump in place or speed.

What is kept of the old target is a difference from the new one, which decays (Bollo 2018,
"Inertialization: High-Performance Animation Transitions in Gears of War"): the place's difference
as a minimum-jerk curve (Flash and Hogan 1985), 1 − 10s³ + 15s⁴ − 6s⁵, over the channel's duration;
the speed's as s − 6s³ + 8s⁴ − 3s⁵, over that or `let_go_s`, whichever is shorter. So a target that
moves is followed exactly once the duration is over, and nearly so from the start where it begins
near what is shown; a change amid a change begins with the speed that is seen.

The curve's speed is at most 1.875 of the distance per duration. What is thrown carries on by at
most a fifth of its speed times the shorter duration: a jaw at 10 a second, let
go of within 0.05 s, by 0.1.
A duration shorter than two frames is seen as a step over one frame; nothing is ever slower than
asked. Where a frame is late by more than a duration, its target is shown.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Final

import numpy as np

from driving_client.motion import FloatArray

LET_GO_S: Final = 0.1
"""How long a movement that is not wanted any more goes on, at most."""


class Transition:
    """Follows one target at a time; a target is known by its key and may move."""

    def __init__(
        self, pose: FloatArray, key: Hashable, let_go_s: FloatArray | float = LET_GO_S
    ) -> None:
        self.shown = pose
        self._key = key
        self._let_go = np.float32(let_go_s)
        self._target = pose
        self._speed = np.zeros_like(pose)
        """Of what is shown, a second."""
        self._at: float | None = None
        self._began = -np.inf
        self._ends = -np.inf
        self._joined_at: float | None = None
        self._duration = self._letting_go = np.ones_like(pose)
        self._difference = self._speed_difference = np.zeros_like(pose)

    def settled(self, now: float) -> bool:
        """Whether the target itself is shown."""
        return now >= self._ends

    def follow(
        self, now: float, key: Hashable, target: FloatArray, duration_s: FloatArray | float
    ) -> None:
        """Show `target`; from a change of key on, ease to it over `duration_s`.

        `duration_s` is one for all places of the pose or one for each, in seconds, above 0.
        """
        before = now if self._at is None else self._at
        if key != self._key:
            self._key = key
            self._begin(before, now, target, duration_s)
        elif self._joined_at is not None and now > self._joined_at:
            self._learn_speed(now, target)
        shown = target
        if not self.settled(now):
            place = np.clip((now - self._began) / self._duration, 0, 1)
            speed = np.clip((now - self._began) / self._letting_go, 0, 1)
            shown = (
                target
                + self._difference * (1 + place**3 * (place * (15 - 6 * place) - 10))
                + self._speed_difference
                * (self._letting_go * speed * (1 - speed) ** 3 * (1 + 3 * speed))
            ).astype(np.float32)
        if now > before:
            self._speed = (shown - self.shown) / np.float32(now - before)
        self.shown, self._target, self._at = shown, target, now

    def _begin(
        self, before: float, now: float, target: FloatArray, duration_s: FloatArray | float
    ) -> None:
        """The change takes place where the last frame was: so this one is on its way already."""
        self._began, self._joined_at = before, now
        self._duration = np.broadcast_to(np.float32(duration_s), target.shape)
        self._letting_go = np.minimum(self._duration, self._let_go)
        self._ends = before + float(self._duration.max())
        self._difference = self.shown - target
        self._speed_difference = self._speed

    def _learn_speed(self, now: float, target: FloatArray) -> None:
        """A target's speed shows at its second frame only; from its first on it counts."""
        assert self._joined_at is not None
        speed = (target - self._target) / np.float32(now - self._joined_at)
        passed = np.float32(self._joined_at - self._began)
        self._began, self._joined_at = self._joined_at, None
        self._duration = np.maximum(self._duration - passed, passed)
        self._letting_go = np.minimum(self._duration, self._let_go)
        self._difference = self.shown - self._target
        self._speed_difference = self._speed - speed
