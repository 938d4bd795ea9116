# SPDX-License-Identifier: Apache-2.0
"""Strokes of head and upper face over time: a quick way there, a stay, a slower way back.

Both ways follow the path of least jerk, 10 p³ − 15 p⁴ + 6 p⁵ (Flash and Hogan 1985): speed and
acceleration are zero at either end, as in a movement with a goal. A stroke that does not return
becomes part of the posture.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from driving_client.motion import FloatArray

CHANNELS: Final = (
    "pitch", "yaw", "roll",
    "browInnerUp", "browOuterUpLeft", "browOuterUpRight", "browDownLeft", "browDownRight",
    "eyeSquintLeft", "eyeSquintRight", "cheekSquintLeft", "cheekSquintRight",
)  # fmt: skip
"""What moves: three rotations of the head in radians (down, to its left, to its right shoulder),
then ARKit's weights."""

HEAD: Final = slice(0, 3)
BROWS: Final = slice(3, 8)
CHEEKS: Final = slice(8, 12)
"""The groups of channels that a stream may move by itself: head, brows, lids and cheeks."""


def amounts_of(**channels: float) -> FloatArray:
    """Channels by name, shape (12,), the others 0: degrees of the head, weights."""
    amounts = np.zeros(len(CHANNELS), np.float32)
    for name, value in channels.items():
        amounts[CHANNELS.index(name)] = math.radians(value) if name in CHANNELS[HEAD] else value
    return amounts


def least_jerk(progress: float) -> float:
    """From 0 to 1 for progress 0 to 1, held outside."""
    p = min(max(progress, 0.0), 1.0)
    return p * p * p * (10.0 - 15.0 * p + 6.0 * p * p)


@dataclass(frozen=True, slots=True, eq=False)
class Stroke:
    """Reaches `amounts`, shape (12,), at `at` after `rise` seconds, and leaves after `hold`."""

    at: float
    rise: float
    hold: float
    fall: float
    amounts: FloatArray

    @property
    def begin(self) -> float:
        """When it begins to move."""
        return self.at - self.rise

    @property
    def end(self) -> float:
        """When it is over; infinite for one that stays."""
        return self.at + self.hold + self.fall

    def share(self, seconds: float) -> float:
        """How much of it shows, 0 to 1."""
        if seconds <= self.at:
            return least_jerk((seconds - self.begin) / self.rise)
        if math.isinf(self.hold):
            return 1.0
        return 1.0 - least_jerk((seconds - self.at - self.hold) / self.fall)


class Strokes:
    """The sum of all strokes; asked for times that do not go back by more than a frame."""

    def __init__(self) -> None:
        self._moving: list[Stroke] = []
        self._posture = np.zeros(len(CHANNELS), np.float32)

    def add(self, stroke: Stroke) -> None:
        """From now on; one that should have begun already jumps."""
        self._moving.append(stroke)

    def at(self, seconds: float) -> FloatArray:
        """The channels at this second, shape (12,)."""
        shown = self._posture.copy()
        kept = []
        for stroke in self._moving:
            if seconds >= stroke.begin:
                shown += np.float32(stroke.share(seconds)) * stroke.amounts
            if seconds < stroke.at or seconds < stroke.end < math.inf:
                kept.append(stroke)
            elif math.isinf(stroke.end):
                self._posture += stroke.amounts
        self._moving = kept
        return shown
