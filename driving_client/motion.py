# SPDX-License-Identifier: Apache-2.0
"""Motion parameters: the two spaces, in fixed order, and a track of frames over time.

`flame` is what the wire carries; `arkit` is what clips, rigs and local drivers use. Which time a
frame is for: driving_client/README.md, An utterance and its time axis. A track interpolates
linearly between frames: at 25 frames a second, axis-angle values of a talking head differ by a
few degrees from frame to frame, where linear and spherical interpolation agree to well under a
hundredth of a degree.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]

FRAME_RATE: Final = 25.0
"""Frames a second on the wire, whatever the audio's sample rate."""

FLAME_SLICES: Final[dict[str, slice]] = {
    "translation": slice(0, 3),
    "rotation": slice(3, 6),
    "neck_pose": slice(6, 9),
    "jaw_pose": slice(9, 12),
    "eye_pose": slice(12, 18),
    "eye_lid": slice(18, 20),
    "expression": slice(20, 120),
}
"""Where each field of a FLAME frame lies in a row of 120 values (metres, axis-angle radians)."""

ARKIT_NAMES: Final[tuple[str, ...]] = (
    "browDownLeft", "browDownRight", "browInnerUp", "browOuterUpLeft", "browOuterUpRight",
    "cheekPuff", "cheekSquintLeft", "cheekSquintRight",
    "eyeBlinkLeft", "eyeBlinkRight", "eyeLookDownLeft", "eyeLookDownRight",
    "eyeLookInLeft", "eyeLookInRight", "eyeLookOutLeft", "eyeLookOutRight",
    "eyeLookUpLeft", "eyeLookUpRight", "eyeSquintLeft", "eyeSquintRight",
    "eyeWideLeft", "eyeWideRight",
    "jawForward", "jawLeft", "jawOpen", "jawRight",
    "mouthClose", "mouthDimpleLeft", "mouthDimpleRight", "mouthFrownLeft", "mouthFrownRight",
    "mouthFunnel", "mouthLeft", "mouthLowerDownLeft", "mouthLowerDownRight",
    "mouthPressLeft", "mouthPressRight", "mouthPucker", "mouthRight",
    "mouthRollLower", "mouthRollUpper", "mouthShrugLower", "mouthShrugUpper",
    "mouthSmileLeft", "mouthSmileRight", "mouthStretchLeft", "mouthStretchRight",
    "mouthUpperUpLeft", "mouthUpperUpRight",
    "noseSneerLeft", "noseSneerRight", "tongueOut",
)  # fmt: skip
"""The 52 ARKit blendshapes in alphabetical order; weights are 0 to 1."""


class ParameterSpace(Enum):
    """The two spaces of motion parameters; the value is the name used in files."""

    FLAME = "flame"
    ARKIT = "arkit"

    @property
    def size(self) -> int:
        """Values per frame: FLAME 120; ARKit 52 weights, then the head's axis-angle rotation."""
        return 120 if self is ParameterSpace.FLAME else len(ARKIT_NAMES) + 3


@dataclass(frozen=True, slots=True)
class MotionSample:
    """Motion at one instant.

    `values` is one frame, interpolated, shape (space.size,). `overdue_s` is 0 while frames
    exist for the instant (or the track has ended and its last frame is being held, which
    covers the tail under 40 ms that has no frame of its own), otherwise the seconds since
    the last frame that arrived: the player holds, then eases to rest.
    """

    space: ParameterSpace
    values: FloatArray
    overdue_s: float


class MotionTrack:
    """Frames of one utterance on a grid of places, 1 / rate apart. Not locked: `Utterance` is.

    Frames normally fill the grid without a break. A break is left by `skip_to`, when motion
    was lost for a while and comes again for a later part of the same audio.
    """

    def __init__(self, space: ParameterSpace, rate: float = FRAME_RATE) -> None:
        self.space = space
        self.rate = rate
        self.ended = False
        self._frames: FloatArray = np.zeros((256, space.size), np.float32)
        self._count = 0
        self._next = 0
        self._breaks: list[tuple[int, int]] = []

    def __len__(self) -> int:
        """Places up to the last frame, breaks included."""
        return self._count

    @property
    def next_place(self) -> int:
        """Where the next frame will go: frame i is for i / rate seconds."""
        return self._next

    def skip_to(self, place: int) -> None:
        """Let the next frame go to `place`; places already filled or skipped stay as they are."""
        self._next = max(self._next, place)

    def append(self, frames: FloatArray) -> None:
        """Add frames, shape (n, space.size); raises ValueError for another shape."""
        if frames.ndim != 2 or frames.shape[1] != self.space.size:
            raise ValueError(f"motion frames have shape {frames.shape}, not (n, {self.space.size})")
        if len(frames) == 0:
            return
        needed = self._next + len(frames)
        if needed > len(self._frames):
            grown = np.zeros((max(needed, 2 * len(self._frames)), self.space.size), np.float32)
            grown[: self._count] = self._frames[: self._count]
            self._frames = grown
        if self._next > self._count:
            self._breaks.append((self._count, self._next))
            if self._count:
                self._frames[self._count : self._next] = self._frames[self._count - 1]
        self._frames[self._next : needed] = frames
        self._count = self._next = needed

    def frames(self) -> FloatArray:
        """All places so far, shape (len(self), space.size), as a copy; breaks hold the last frame.

        A break before the first frame is zeros.
        """
        return self._frames[: self._count].copy()

    def sample(self, seconds: float) -> MotionSample | None:
        """Motion at `seconds` on the utterance's axis, or None where no frame has come yet.

        In a break the frame before it is held, overdue by the time since that frame's place.
        """
        position = max(seconds * self.rate, 0.0)
        for start, end in self._breaks:
            if start - 1 < position < end:
                if start == 0:
                    return None
                return self._held(start, position)
        if self._count == 0:
            return None
        if position >= self._count - 1:
            return self._held(self._count, self._count if self.ended else position)
        index = int(position)
        fraction = np.float32(position - index)
        lower, upper = self._frames[index], self._frames[index + 1]
        return MotionSample(self.space, lower + (upper - lower) * fraction, 0.0)

    def _held(self, end: int, position: float) -> MotionSample:
        """The frame before place `end`, overdue from that place on."""
        overdue = max(position - end, 0.0) / self.rate
        return MotionSample(self.space, self._frames[end - 1].copy(), overdue)
