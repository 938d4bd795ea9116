# SPDX-License-Identifier: Apache-2.0
"""How an avatar holds itself while it idles, listens and thinks.

A clip that goes round is seen to go round, however long it is. So of the avatar's clips of these
names only the middle is taken, for each face unit and angle the median over the clip: how this
person's face rests, and how this person listens. The movement around it is the life layer's
(`kioskd.life`), which never repeats. For an avatar without such a clip there is a pose for anybody.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from driving_client.motion import ARKIT_NAMES, FloatArray
from kioskd.life.activity import Activity
from kioskd.playback.face import Face
from kioskd.playback.snapshot import IDLE
from splat_gles.avatar import Avatar

ACTIVITIES: Final = {
    IDLE: Activity.IDLE,
    "listen": Activity.LISTENING,
    "think": Activity.THINKING,
}
"""What is held and not played."""

_TURNED_RAD: Final = np.radians(1.5)
_TURNS_DEG: Final = {IDLE: (0.0, 0.0, 0.0), "listen": (1.6, -1.2, 3.8), "think": (-2.2, 4.0, -1.8)}
_UNITS: Final[dict[str, dict[str, float]]] = {
    IDLE: {},
    "listen": {"mouthSmileLeft": 0.08, "mouthSmileRight": 0.10, "browInnerUp": 0.10},
    "think": {"browDownRight": 0.12, "browInnerUp": 0.10, "browOuterUpLeft": 0.12},
}


class Attitudes:
    """The pose of each of `ACTIVITIES`, of one avatar.

    Where nothing is `alive`, a clip's gaze stands for the one that would be drawn; who idles looks
    at the visitor.
    """

    def __init__(self, avatar: Avatar, face: Face, *, alive: bool) -> None:
        self._poses = {name: _held(name, avatar, face, alive=alive) for name in ACTIVITIES}
        self._sides = {name: face.head_turn(pose)[1] for name, pose in self._poses.items()}

    def pose(self, name: str) -> FloatArray:
        """The pose held for one of `ACTIVITIES`, shape (face.size,)."""
        return self._poses[name]

    def side(self, name: str) -> float:
        """Radians to the avatar's left that it turns the head by; 0 where that is hardly seen."""
        return self._sides[name] if abs(self._sides[name]) > _TURNED_RAD else 0.0


def _held(name: str, avatar: Avatar, face: Face, *, alive: bool) -> FloatArray:
    clip = avatar.clips.get(name)
    if clip is not None:
        weights, rotations = (np.median(each, axis=0) for each in (clip.weights, clip.rotations))
        own_gaze = not alive and name != IDLE and face.has_gaze(clip)
        return face.of_clip_frame(weights, rotations, own_gaze=own_gaze)
    arkit = np.zeros(len(ARKIT_NAMES) + 3, np.float32)
    for unit, weight in _UNITS[name].items():
        arkit[ARKIT_NAMES.index(unit)] = weight
    arkit[len(ARKIT_NAMES) :] = np.radians(_TURNS_DEG[name])
    return face.of_arkit(arkit)
