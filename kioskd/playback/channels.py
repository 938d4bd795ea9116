# SPDX-License-Identifier: Apache-2.0
"""The parts of a face that change at a pace of their own: mouth, gaze, and all the rest.

A mouth must be where the voice is: it joins in 80 ms, which is what a syllable's opening takes.
Eyes jump: a saccade of 25 degrees takes some 80 ms (Bahill, Clark and Stark 1975: 21 ms and
2.2 ms a degree). Head, brows and lids follow the durations that are set for the face.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from driving_client.motion import FloatArray
from kioskd.playback.transition import LET_GO_S
from splat_gles.avatar import Avatar

MOUTH_S: Final = 0.08
"""From anything into a mouth that speaks."""

_SOONEST_S: Final = 0.05
"""Where the sound is nearer than that. Speech itself crosses as much in two frames of the wire."""

_GAZE_S: Final = 0.1
_MOUTH_STOPS_S: Final = 0.05
"""Lips meet at full speed and stop at once (Löfqvist and Gracco 1997); heads do not."""

_MOUTH: Final = ("jaw", "mouth", "tongue", "cheekPuff")
_GAZE: Final = ("eyeLook", "leftEye", "rightEye")


class Channels:
    """Which place of one avatar's pose (`Face`) belongs to which part."""

    def __init__(self, avatar: Avatar) -> None:
        joints = [joint.name for joint in avatar.joints for _ in range(3)]
        names = (*avatar.blendshapes, *joints, "eyeLook of its own")
        self._mouth = np.array([name.startswith(_MOUTH) for name in names])
        self._gaze = np.array([name.startswith(_GAZE) for name in names])
        self.letting_go = np.where(self._mouth, _MOUTH_STOPS_S, LET_GO_S).astype(np.float32)
        """How long each place goes on with a movement that is not wanted any more, seconds."""

    def durations(self, face_s: float, mouth_s: float | None = None) -> FloatArray:
        """Seconds for each place of a pose; the mouth's as the face's where it need not hurry."""
        durations = np.full(self._mouth.shape, face_s, np.float32)
        if mouth_s is not None:
            durations[self._mouth] = mouth_s
        durations[self._gaze] = min(_GAZE_S, face_s)
        return durations

    def arriving(self, durations: FloatArray, within_s: float) -> FloatArray:
        """The same with a mouth that arrives `within_s`, as far as one can (`_SOONEST_S`)."""
        arriving = durations.copy()
        arriving[self._mouth] = min(max(within_s, _SOONEST_S), MOUTH_S)
        return arriving
