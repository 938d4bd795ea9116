# SPDX-License-Identifier: Apache-2.0
"""How the face gets from what it shows to what it is to show, without a jump.

Every change of target eases from the pose shown at that moment, so a start during an ending
needs no case of its own. Weight 0.5 − 0.5 cos πp: the speed is zero at both ends and at
most π/2 of the distance per duration.
"""

from __future__ import annotations

from collections.abc import Hashable

import numpy as np

from driving_client.motion import FloatArray
from kioskd.life.easing import ease


class Transition:
    """Follows one target at a time; a target is known by its key and may move."""

    def __init__(self, pose: FloatArray, key: Hashable) -> None:
        self.shown = pose
        self._key = key
        self._origin = pose
        self._started = 0.0
        self._duration = 0.0

    def settled(self, now: float) -> bool:
        """Whether the target itself is shown."""
        return now - self._started >= self._duration

    def follow(self, now: float, key: Hashable, target: FloatArray, duration_s: float) -> None:
        """Show `target`, easing over `duration_s` from the pose shown when the key changed."""
        if key != self._key:
            self._key = key
            self._origin = self.shown
            self._started = now
            self._duration = duration_s
        if self.settled(now):
            self.shown = target
            return
        weight = np.float32(ease((now - self._started) / self._duration))
        self.shown = self._origin + (target - self._origin) * weight
