# SPDX-License-Identifier: Apache-2.0
"""Which of head, brows and cheeks one utterance's stream leaves still.

What a stream moves is its own: two players of one head are worse than none. It is judged by what
is seen of it, after retargeting, on some of the frames that have come before they are heard, so
that a still face is alive from its first word; and it is watched on from there, for a face that
begins to move later.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from driving_client.motion import FRAME_RATE, FloatArray, MotionSample
from driving_client.utterance import Utterance
from kioskd.playback.face import Face, MotionRetarget
from kioskd.playback.upper_face import UpperFace

_MOVES: Final = np.array([0.005, 0.05, 0.05], np.float32)
"""Radians of the head, weights of brows and cheeks. A recorded head wanders by several times as
much, a held one by nothing; a mouth that is fitted to FLAME's shapes draws a cheek along a little.
"""

_JUDGED_AFTER: Final = round(FRAME_RATE)
"""Frames before what has not moved counts as still: a second, as most nods come within."""

_LOOKED_AT: Final = 8
"""Of the frames that have come: retargeting one takes up to 0.1 ms."""


class Stillness:
    """One utterance's; used by the render thread only."""

    def __init__(self, utterance: Utterance, face: Face, upper: UpperFace) -> None:
        self._utterance = utterance
        self._face = face
        self._upper = upper
        self._low: FloatArray | None = None
        self._high: FloatArray | None = None
        self._moves = np.zeros(3, bool)

    def of(self, pose: FloatArray, retarget: MotionRetarget) -> FloatArray:
        """1 for each of head, brows and cheeks known to be still up to this pose, else 0.

        `pose` is the stream's own of this instant, `retarget` what made it.
        """
        if self._low is None or self._high is None:
            if not self._judge(retarget):
                return np.zeros(3, np.float32)
            assert self._low is not None
            assert self._high is not None
        if not self._moves.all():
            values = self._upper.values(pose)
            np.minimum(self._low, values, out=self._low)
            np.maximum(self._high, values, out=self._high)
            self._moves |= self._upper.widest(self._high - self._low) > _MOVES
        return (~self._moves).astype(np.float32)

    def _judge(self, retarget: MotionRetarget) -> bool:
        """Look once at what has come, when that is enough to tell."""
        utterance = self._utterance
        if utterance.motion_length < _JUDGED_AFTER and not utterance.motion_ended:
            return False
        frames = utterance.motion_frames()
        # Places that motion skipped at the start are zeros and tell nothing
        told = frames[frames.any(axis=1)]
        told = told if len(told) else frames
        chosen = told[np.linspace(0, len(told) - 1, min(_LOOKED_AT, len(told))).astype(int)]
        poses = [
            self._face.of_motion(MotionSample(utterance.space, frame, 0.0), retarget)
            for frame in chosen
        ]
        values = np.stack([self._upper.values(pose) for pose in poses])
        self._low, self._high = values.min(axis=0), values.max(axis=0)
        return True
