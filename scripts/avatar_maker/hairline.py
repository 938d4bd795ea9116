# SPDX-License-Identifier: Apache-2.0
"""Where the scalp begins: a hairline around the head, by azimuth seen from the head's axis."""

from __future__ import annotations

from typing import Final

import numpy as np

from avatar_maker.mesh import smoothstep
from avatar_maker.recipe import Look
from avatar_maker.source import Floats

AXIS_BEHIND_EYES: Final = 0.085
"""The head's vertical axis lies this far behind the middle of the eyes, in metres."""

_AZIMUTH: Final = np.radians([0, 14, 24, 34, 42, 50, 58, 66, 74, 84, 96, 108, 125, 150, 180])
_HEIGHT: Final = 0.001 * np.array(
    [63, 63, 62, 60, 54, 44, 36, 27, 18, 12, 10, -14, -52, -66, -70], dtype=np.float64
)
"""The hairline's height above the eyes in metres at each azimuth from the front."""
TEMPLES: Final = (np.radians(33), np.radians(12))
"""Azimuth and half width of the bays that the hairline has at the temples."""


def head_axis(eyes: Floats) -> Floats:
    """A point on the head's axis at the height of the eyes; eyes (2,3)."""
    middle: Floats = eyes.mean(axis=0) - [0.0, 0.0, AXIS_BEHIND_EYES]
    return middle


def above_hairline(points: Floats, eyes: Floats, look: Look) -> Floats:
    """Metres (n,) by which points of the head lie above the hairline; negative on the face."""
    rel = points - head_axis(eyes)
    azimuth = np.abs(np.arctan2(rel[:, 0], rel[:, 2]))
    wave = 0.0016 * np.sin(azimuth * 23 + 2) + 0.0012 * np.sin(azimuth * 61 + 1)
    wave += 0.0008 * np.sin(azimuth * 127)
    bay = look.number("temples") * np.exp(-(((azimuth - TEMPLES[0]) / TEMPLES[1]) ** 2))
    values: Floats = rel[:, 1] - np.interp(azimuth, _AZIMUTH, _HEIGHT) - bay + wave
    return values


def scalp_cover(points: Floats, eyes: Floats, look: Look) -> Floats:
    """How much (n,) of the scalp's colour shows at each point of the head: 0 to 1, soft."""
    return smoothstep(-0.001, 0.016, above_hairline(points, eyes, look))
