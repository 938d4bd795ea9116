# SPDX-License-Identifier: Apache-2.0
"""Where the scalp begins: a hairline around the head, by azimuth seen from the head's axis."""

from __future__ import annotations

from typing import Final

import numpy as np

from avatar_maker.mesh import smoothstep
from avatar_maker.source import Floats

AXIS_BEHIND_EYES: Final = 0.085
"""The head's vertical axis lies this far behind the middle of the eyes, in metres."""

_AZIMUTH: Final = np.radians([0, 22, 38, 50, 62, 74, 84, 96, 108, 125, 150, 180])
_HEIGHT: Final = (
    0.059,
    0.058,
    0.054,
    0.044,
    0.026,
    0.018,
    0.012,
    0.010,
    -0.014,
    -0.052,
    -0.066,
    -0.070,
)
"""The hairline's height above the eyes in metres at each azimuth from the front."""


def head_axis(eyes: Floats) -> Floats:
    """A point on the head's axis at the height of the eyes; eyes (2,3)."""
    middle: Floats = eyes.mean(axis=0) - [0.0, 0.0, AXIS_BEHIND_EYES]
    return middle


def above_hairline(points: Floats, eyes: Floats) -> Floats:
    """Metres (n,) by which points of the head lie above the hairline; negative on the face."""
    rel = points - head_axis(eyes)
    azimuth = np.abs(np.arctan2(rel[:, 0], rel[:, 2]))
    wave = 0.0022 * np.sin(azimuth * 31) + 0.0014 * np.sin(azimuth * 73 + 1)
    values: Floats = rel[:, 1] - np.interp(azimuth, _AZIMUTH, _HEIGHT) + wave
    return values


def scalp_cover(points: Floats, eyes: Floats) -> Floats:
    """How much (n,) of the scalp's colour shows at each point of the head: 0 to 1, soft."""
    return smoothstep(-0.002, 0.010, above_hairline(points, eyes))
