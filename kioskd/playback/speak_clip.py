# SPDX-License-Identifier: Apache-2.0
"""Head and brows for speech that moves none: the avatar's `speak` clip, softly, on top.

Lips made from the sound, and streams that drive the mouth alone, leave a head that hardly moves.
The clip's nods and raised brows are added to them from the utterance's start on; its mouth, cheeks
and eyes are left out, for those are the speech's and the life layer's. A stream whose head moves
gets none of it: two players of one head are worse than none.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from driving_client.motion import ARKIT_NAMES, FRAME_RATE, FloatArray, MotionSample, ParameterSpace
from driving_client.utterance import Utterance
from kioskd.playback.face import Face
from kioskd.playback.transition import Transition
from splat_gles.avatar import Avatar
from splat_gles.clips import sample

_SOFTLY: Final = np.float32(0.6)
_MOVES_RAD: Final = 0.005
"""A recorded head wanders by several times as much, a held one by nothing."""

_JUDGED_AFTER: Final = round(FRAME_RATE)
"""Frames before a head that has not moved counts as still: a second, as most nods come within."""

_HEAD: Final = {
    ParameterSpace.FLAME: slice(3, 9),
    ParameterSpace.ARKIT: slice(len(ARKIT_NAMES), len(ARKIT_NAMES) + 3),
}
"""Where a frame holds the rotations of head and neck."""


class HeadWatch:
    """Whether one utterance's stream leaves the head alone."""

    def __init__(self, utterance: Utterance) -> None:
        self._utterance = utterance
        self._held: FloatArray | None = None
        self._moves = False

    def still(self, sample: MotionSample) -> bool:
        """Whether the head is known to be still up to this sample of the stream's motion."""
        if self._held is None and not self._moves:
            self._judge()
        if self._held is not None:
            turn = sample.values[_HEAD[sample.space]]
            if np.abs(turn - self._held).max() > _MOVES_RAD:
                self._held, self._moves = None, True
        return self._held is not None

    def _judge(self) -> None:
        """Look once at what has come, when that is enough to tell."""
        utterance = self._utterance
        if utterance.motion_length < _JUDGED_AFTER and not utterance.motion_ended:
            return
        frames = utterance.motion_frames()
        # Places that motion skipped at the start are zeros and tell nothing
        told = frames[frames.any(axis=1)]
        turns = (told if len(told) else frames)[:, _HEAD[utterance.space]]
        self._moves = bool(np.ptp(turns, axis=0).max() > _MOVES_RAD)
        self._held = None if self._moves else turns[0]


class SpeakClip:
    """The layer over the pose; used by the render thread only."""

    def __init__(self, avatar: Avatar, face: Face) -> None:
        self._clip = avatar.clips.get("speak")
        self._face = face
        self._nothing = face.rest()
        self._transition = Transition(self._nothing, None)

    @property
    def shown(self) -> FloatArray:
        """What is added to the pose."""
        return self._transition.shown

    def follow(self, now: float, ticket: int, seconds: float, duration_s: float) -> None:
        """Be where the clip is at `seconds` of this turn's sound; ease in where it was not."""
        if self._clip is None:
            return
        weights, rotations = sample(self._clip, seconds)
        target = _SOFTLY * self._face.head_and_brows(weights, rotations)
        self._transition.follow(now, ticket, target, duration_s)

    def leave(self, now: float, duration_s: float) -> None:
        """Ease out."""
        self._transition.follow(now, None, self._nothing, duration_s)
