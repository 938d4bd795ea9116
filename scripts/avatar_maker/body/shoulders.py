# SPDX-License-Identifier: Apache-2.0
"""Shoulders at ease: MakeHuman's stand straight out from the neck when its arms are lowered.

The shoulders, and with them arms and chest, sink the more the further they are from the neck.
"""

from __future__ import annotations

from typing import Final

from avatar_maker.source import Floats
from avatar_maker.splats.mesh import smoothstep

SINKS: Final = (0.035, 0.165)
"""Metres beside the middle between which the shoulder's line falls."""
BELOW: Final = (0.045, -0.015)
"""Metres above the neck's joint between which the sinking sets in: the head keeps its place."""


def sloped(vertices: Floats, neck: float, sink: float) -> Floats:
    """Vertices (V,3) in metres with shoulders that fall by `sink` more; `neck` is its height."""
    aside = smoothstep(*SINKS, abs(vertices[:, 0]))
    low = smoothstep(neck + BELOW[0], neck + BELOW[1], vertices[:, 1])
    moved = vertices.copy()
    moved[:, 1] -= sink * aside * low
    return moved
