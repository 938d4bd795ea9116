# SPDX-License-Identifier: Apache-2.0
"""From polylines of hairs to splats: one long opaque splat a piece, and the light hair throws back.

The highlight is the pair of lobes of Marschner et al. 2003 in the form of Kajiya and Kay 1989: the
hair's direction, tilted towards the root (the lamp's colour) or the tip (the hair's). It is baked
for a viewer in front, as is all light here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from avatar_maker.source import Floats, Masks
from avatar_maker.splats.cloud import UNITS, Cloud
from avatar_maker.splats.light import LAMPS
from avatar_maker.splats.mesh import unit

LIGHTS: Final = (np.array(LAMPS[0].direction), np.array([0.1, 1.0, 0.55]))
"""Towards the key and a window above, which draws the halo around the crown."""


@dataclass(frozen=True, slots=True)
class Pieces:
    """Pieces (s,n) of n hairs: ends (s,n,3), outward directions (s,n,3), half widths in metres.

    `width` (s,n) is a standard deviation; `there` (s,n) is false beyond a hair's tip.
    """

    starts: Floats
    ends: Floats
    outward: Floats
    width: Floats
    there: Masks


def highlight(along: Floats, normal: Floats, jitter: Floats) -> tuple[Floats, Floats]:
    """Strength of the white and the coloured lobe, each like `jitter` (...), for unit vectors."""
    white, tinted = np.zeros(jitter.shape), np.zeros(jitter.shape)
    for light in LIGHTS:
        half = unit(unit(light) + np.array([0.0, 0.0, 1.0]))
        facing = np.clip(normal @ half, 0, 1)
        for lobe, tilt, power in ((white, 0.10, 90), (tinted, -0.14, 22)):
            tangent = unit(along + (tilt + jitter)[..., None] * normal)
            lobe += facing * (1 - (tangent @ half) ** 2) ** (power / 2)
    return white, tinted


def hair_splats(pieces: Pieces, albedo: Floats, opacity: Floats, skin: Floats) -> Cloud:
    """Splats of the pieces that are there; albedo (s,n,3), opacity (s,n), skin weights (s,n,5)."""
    keep = pieces.there
    middle = (pieces.starts + pieces.ends)[keep] / 2
    along = (pieces.ends - pieces.starts)[keep] * 0.47
    outward = pieces.outward[keep]
    across = unit(np.cross(along, outward))
    normal = unit(np.cross(across, along))
    width = pieces.width[keep][:, None]
    count = len(middle)
    return Cloud(
        positions=middle,
        normals=unit(normal + 0.6 * outward),
        axes=np.stack([along, across * width, normal * np.minimum(width, 0.0006)], axis=1),
        albedo=albedo[keep],
        opacity=opacity[keep],
        gloss=np.zeros(count),
        deltas=np.zeros((UNITS, count, 3)),
        skin=skin[keep],
    )
