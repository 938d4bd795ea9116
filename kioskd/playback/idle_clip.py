# SPDX-License-Identifier: Apache-2.0
"""The avatar's own idle clip as an endless movement under everything else.

A clip whose end does not meet its start is closed by letting its last part fade into its
first: the loop is shorter by the overlap and has no seam.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from driving_client.motion import FloatArray
from kioskd.life.easing import ease
from kioskd.playback.face import Face
from splat_gles.avatar import Avatar

_OVERLAP_S: Final = 0.8


class IdleClip:
    """The rest pose as a function of time: the clip if the avatar has one, else neutral."""

    def __init__(self, avatar: Avatar, face: Face) -> None:
        clip = avatar.clips.get("idle")
        if clip is None or clip.frames < 2:
            self._poses = face.rest()[None]
            self._rate = 1.0
            return
        self._rate = clip.rate
        poses = np.stack(
            [face.of_clip_frame(clip.weights[i], clip.rotations[i]) for i in range(clip.frames)]
        )
        self._poses = poses if clip.loop else _closed(poses, clip.rate)

    def at(self, now: float) -> FloatArray:
        """The rest pose at `now`, shape (face.size,)."""
        count = len(self._poses)
        place = (now * self._rate) % count
        index = int(place) % count
        lower, upper = self._poses[index], self._poses[(index + 1) % count]
        return np.asarray(lower + (upper - lower) * np.float32(place - int(place)), np.float32)


def _closed(poses: FloatArray, rate: float) -> FloatArray:
    overlap = min(round(_OVERLAP_S * rate), len(poses) // 4)
    if overlap == 0:
        return poses
    kept = poses[: len(poses) - overlap].copy()
    for i in range(overlap):
        weight = np.float32(ease((i + 1) / (overlap + 1)))
        tail = poses[len(kept) + i]
        kept[i] = tail + (poses[i] - tail) * weight
    return kept
