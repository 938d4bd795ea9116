# SPDX-License-Identifier: Apache-2.0
"""Where one avatar's head, brows, lids and cheeks lie in its pose: what speech may leave to us.

Also the smile that a face had before it spoke. Lips that speak hold none, and a face that drops its
smile at the first word looks caught. So much of it stays as a mouth can speak with, and what is
more fades; a rounded mouth takes it back for as long.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from driving_client.motion import ARKIT_NAMES, FloatArray
from kioskd.playback.face import Face
from kioskd.prosody.strokes import CHANNELS, CHEEKS, HEAD
from splat_gles.avatar import Avatar

_SMILE: Final = tuple(
    name for name in ARKIT_NAMES if name.startswith(("mouthSmile", "cheekSquint", "eyeSquint"))
)
_ROUND: Final = ("mouthPucker", "mouthFunnel")
_SPOKEN_WITH: Final = 0.25
"""A smile that stays through an answer; a broader one comes down to it."""

_FADES_S: Final = 2.0
_ROUNDED: Final = 0.8
"""How much of the smile a mouth that is fully rounded takes back."""

Places = NDArray[np.intp]


class UpperFace:
    """Channels of `kioskd.prosody.strokes` to and from poses of one avatar."""

    def __init__(self, avatar: Avatar, face: Face) -> None:
        self._face = face
        self._places = {name: place for place, name in enumerate(avatar.blendshapes)}
        self._brows = self._known(n for n in ARKIT_NAMES if n.startswith("brow"))
        self._cheeks = self._known(CHANNELS[CHEEKS])
        self._smile = self._known(_SMILE)
        self._round = self._known(_ROUND)
        weights = [name for name in CHANNELS[HEAD.stop :] if name in self._places]
        self._from_channel = np.array([CHANNELS.index(name) for name in weights], np.intp)
        self._to_shape = self._known(weights)

    def layer(self, channels: FloatArray) -> FloatArray:
        """What is added to a pose, shape (face.size,), for channels, shape (12,)."""
        pose = self._face.rest()
        pose[self._to_shape] = channels[self._from_channel]
        self._face.turn_head(pose, channels[HEAD])
        return pose

    def values(self, pose: FloatArray) -> FloatArray:
        """Head, brows and cheeks of a pose in one row, for `widest`."""
        head = np.array(self._face.head_turn(pose), np.float32)
        return np.concatenate([head, pose[self._brows], pose[self._cheeks]])

    def widest(self, ranges: FloatArray) -> FloatArray:
        """The largest of each group, shape (3,): head, brows, cheeks; an empty group's is 0."""
        head, brows, cheeks = np.split(ranges, (3, 3 + len(self._brows)))
        return np.array([part.max(initial=0.0) for part in (head, brows, cheeks)], np.float32)

    def smile(self, pose: FloatArray) -> FloatArray:
        """The smile of a pose, to be kept."""
        return pose[self._smile].copy()

    def keep_smile(self, pose: FloatArray, smile: FloatArray, seconds: float) -> None:
        """Put a smile on a pose that speaks for `seconds`, where it does not smile more itself."""
        kept = np.minimum(smile, _SPOKEN_WITH)
        kept = kept + (smile - kept) * np.float32(math.exp(-max(seconds, 0.0) / _FADES_S))
        rounded = min(float(pose[self._round].sum()), 1.0)
        kept *= np.float32(1.0 - _ROUNDED * rounded)
        pose[self._smile] = np.maximum(pose[self._smile], kept)

    def _known(self, names: Iterable[str]) -> Places:
        return np.array([self._places[n] for n in names if n in self._places], np.intp)
