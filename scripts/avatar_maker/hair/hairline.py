# SPDX-License-Identifier: Apache-2.0
"""Where the scalp begins: a hairline around the head, by azimuth seen from the head's axis."""

from __future__ import annotations

from typing import Final

import numpy as np

from avatar_maker.recipe import Look
from avatar_maker.source import Floats
from avatar_maker.splats.mesh import smoothstep

AXIS_BEHIND_EYES: Final = 0.085
"""The head's vertical axis lies this far behind the middle of the eyes, in metres."""

_AZIMUTH: Final = np.radians(
    [0, 14, 24, 34, 42, 50, 58, 64, 67, 74, 78, 86, 96, 108, 125, 150, 180]
)
_LONG: Final = (63, 63, 62, 60, 54, 44, 36, 29, 26, 18, 16, 12, 10, -14, -52, -66, -70)
_SHORT: Final = (63, 63, 62, 60, 55, 50, 44, 34, -14, -14, 15, 14, 10, -14, -46, -56, -58)
_HEIGHT: Final = {
    "waves": 0.001 * np.array(_LONG, dtype=np.float64),
    "coils": 0.001 * np.array(_SHORT, dtype=np.float64),
}
"""The hairline's height above the eyes in metres at each azimuth from the front; short hair has
sideburns and a trimmed neck."""
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
    values: Floats = (
        rel[:, 1] - np.interp(azimuth, _AZIMUTH, _HEIGHT[look.word("style")]) - bay + wave
    )
    return values


def fade(points: Floats, eyes: Floats) -> Floats:
    """How long (n,) short hair is at places of the head: 0 at its lower edge to 1 on top."""
    height = points[:, 1] - eyes[0, 1]
    behind = smoothstep(0.0, -0.06, points[:, 2] - head_axis(eyes)[2])
    low = -0.01 - 0.05 * behind
    values: Floats = np.clip((height - low) / 0.085, 0.0, 1.0)
    return values


def scalp_cover(points: Floats, eyes: Floats, look: Look) -> Floats:
    """How much (n,) of the scalp's colour shows at each point of the head: 0 to 1, soft."""
    above = above_hairline(points, eyes, look)
    if look.word("style") == "coils":
        return smoothstep(-0.001, 0.006, above) * (0.45 + 0.55 * fade(points, eyes))
    return smoothstep(-0.001, 0.010, above)


def scalp_color(look: Look) -> Floats:
    """Albedo (3,) of the scalp where hair covers it: hair again, further down."""
    share = 0.5 if look.word("style") == "coils" else 0.8
    values: Floats = look.colors("colors").mean(axis=0) * share
    return values
