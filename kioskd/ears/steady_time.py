# SPDX-License-Identifier: Apache-2.0
"""The microphone's time as its samples count it, and only in the long run as its stamps tell it.

Stamps wander where a machine is busy or a sound server is between (seen: jumps of 3 ms, back within
two seconds, through PulseAudio on an overloaded machine), while samples follow each other without
a gap. What is laid beside them, sample by sample, must not wander: a canceller would lose what it
knows of the room. So frames are as long as the microphone's crystal makes them, which is learned,
and the stamps are followed slowly.
"""

from __future__ import annotations

from typing import Final

from kioskd.ears.frames import RawFrame
from kioskd.ears.run_clock import Crystal
from kioskd.ears.settings import FRAME_S

_SCATTER_S: Final = 2e-3
"""How much stamps wander at worst, see above."""

_EVERY: Final = 50
"""Frames between two stamps that the crystal is learned from."""

_FOLLOW: Final = 1 / 4000
"""Of the distance to the stamp so much is made up in a frame, when many were seen: 40 s."""

_WRONG_S: Final = 0.02
_WRONG_FRAMES: Final = 100
"""Stamps that are this far off for so long are right: something was lost and nobody told."""


class SteadyTime:
    """Used by the ears' thread only."""

    def __init__(self) -> None:
        self._crystal = Crystal(_SCATTER_S)
        self._at = 0.0
        self._first = 0.0
        self._count = 0
        self._wrong = 0

    @property
    def frame_s(self) -> float:
        """How long a frame takes."""
        return FRAME_S * (1 + self._crystal.error)

    def place(self, frame: RawFrame) -> tuple[float, bool]:
        """When it was recorded (monotonic), and whether that does not follow the one before."""
        away = frame.at - self._at
        self._wrong = self._wrong + 1 if abs(away) > _WRONG_S else 0
        jumps = frame.gap or self._count == 0 or self._wrong > _WRONG_FRAMES
        if jumps:
            self._at = self._first = frame.at
            self._count = self._wrong = 0
            self._crystal.next_run()
        elif self._wrong == 0:
            self._at += away * max(1 / (self._count + 1), _FOLLOW)
        if self._count % _EVERY == 0 and self._wrong == 0:
            passed = self._count * FRAME_S
            self._crystal.learn(passed, frame.at - self._first - passed)
        self._count += 1
        at, self._at = self._at, self._at + self.frame_s
        return at, jumps
