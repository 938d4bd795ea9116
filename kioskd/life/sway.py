# SPDX-License-Identifier: Apache-2.0
"""What never stands still: the noise of head, body and face, one `Wander` for all of it."""

from __future__ import annotations

import random
from typing import Final

import numpy as np

from driving_client.motion import ARKIT_NAMES, FloatArray
from kioskd.life.wander import Wander

_SPACINGS_S: Final = (0.3, 0.7, 1.6, 3.7, 8.5)
_HEAD_DEG: Final = (
    (0.41, 0.32, 0.19),
    (0.43, 0.44, 0.22),
    (0.42, 0.42, 0.20),
    (0.28, 0.28, 0.15),
    (0.16, 0.16, 0.08),
)
"""Standard deviation of pitch, yaw and roll in each layer."""

_BODY_DEG: Final = (0.010, 0.020, 0.030, 0.040, 0.040)
"""The same of the body's lean, either way: a few millimetres at the head, and slow."""

_FACE: Final = (0.0, 0.010, 0.012, 0.008, 0.003)
"""The same of face units, before the shares below."""

_UNITS: Final = (
    {
        "mouthSmileLeft": 1.0,
        "mouthSmileRight": 0.9,
        "cheekSquintLeft": 0.7,
        "cheekSquintRight": 0.7,
    },
    {"mouthSmileLeft": 0.5, "mouthSmileRight": -0.5},
    {"browInnerUp": 1.1, "browOuterUpLeft": 0.8, "browOuterUpRight": 0.6},
    {"browOuterUpLeft": 0.4, "browOuterUpRight": -0.5, "browInnerUp": 0.3},
    {"browDownLeft": 0.7, "browDownRight": 0.8},
    {"eyeSquintLeft": 1.1, "eyeSquintRight": 1.2},
)
"""Muscles that move together, and how much each does of it."""

_MOUTH_UNITS: Final = (
    {"mouthPressLeft": 0.9, "mouthPressRight": 1.0},
    {"mouthRollLower": 0.9, "mouthRollUpper": 0.5, "mouthPucker": -0.6},
    {"mouthShrugLower": 0.9, "mouthDimpleLeft": 0.3, "mouthDimpleRight": 0.2},
    {"mouthDimpleLeft": 0.6, "mouthDimpleRight": -0.6},
)


def _shares(groups: tuple[dict[str, float], ...]) -> FloatArray:
    shares = np.zeros((len(groups), len(ARKIT_NAMES)), np.float32)
    for row, group in zip(shares, groups, strict=True):
        for name, share in group.items():
            row[ARKIT_NAMES.index(name)] = share
    return shares


_FACE_SHARES: Final = _shares(_UNITS)
_MOUTH_SHARES: Final = _shares(_MOUTH_UNITS)
_LAYERS: Final = {
    spacing: np.array(
        [
            *np.radians([*head, body, body]),
            *[face] * (len(_UNITS) + len(_MOUTH_UNITS)),
        ],
        np.float32,
    )
    for spacing, head, body, face in zip(_SPACINGS_S, _HEAD_DEG, _BODY_DEG, _FACE, strict=True)
}


class Sway:
    """Sampled in the order of time."""

    def __init__(self, chance: random.Random) -> None:
        self._wander = Wander(_LAYERS, chance)

    def at(self, now: float, mouth: float) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Head (3,) and body (2,) in radians, face units (52,); `mouth` scales the lips' own."""
        values = self._wander.at(now)
        lips = 5 + len(_UNITS)
        face = values[5:lips] @ _FACE_SHARES + values[lips:] * np.float32(mouth) @ _MOUTH_SHARES
        return values[:3], values[3:5], np.asarray(face, np.float32)
