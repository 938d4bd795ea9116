# SPDX-License-Identifier: Apache-2.0
"""The tongue: a sheet with a groove behind the lower teeth, that follows the jaw and comes out.

It is made here, not from the mesh's helper, which fills the mouth up to the palate and would
hide the dark behind it. Its underside, which only a raised tongue shows, is left out.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from avatar_maker.face.dental_arch import Arch, moved_by
from avatar_maker.source import Floats
from avatar_maker.splats.cloud import HEAD, Cloud, bound_to, flat_axes
from avatar_maker.splats.density import Density
from avatar_maker.splats.light import linear
from avatar_maker.splats.mesh import smoothstep, unit
from driving_client.motion import ARKIT_NAMES

CELL: Final = 0.0031
"""Edge of a splat's cell at spacing 1, in metres."""
LENGTH: Final = 0.058
"""From the tip to where the throat hides it, in metres."""
HALF_WIDTH: Final = 0.0205
COLOR: Final = linear(204, 112, 110)
OUT: Final = 0.034
"""How far tongueOut takes the tip, in metres: a thumb's breadth in front of the lips."""


def tongue(arch: Arch, edge: float, jaw: Floats, density: Density) -> Cloud:
    """The tongue behind the lower `arch`, whose teeth end at the height `edge`, metres.

    `jaw` (52,4,3) says how face units move the jaw.
    """
    size = arch.scale
    cell = CELL * density.spacing
    columns = round(2.3 * HALF_WIDTH * size / cell)
    rows = round(LENGTH * size / cell)
    u = np.tile((np.arange(columns) + 0.5) / columns * 2 - 1, rows)
    s = np.repeat((np.arange(rows) + 0.5) / rows, columns)

    def droop(u: Floats, s: Floats) -> Floats:
        """How far the sides hang, 0 to 1: little at the tip."""
        values: Floats = (1 - np.cos(u * np.pi / 2)) ** 1.2 * (0.2 + 0.8 * smoothstep(0.05, 0.4, s))
        return values

    def rest(u: Floats, s: Floats) -> Floats:
        """Lying in the mouth: u across from -1 to 1, s from the tip's underside to the root."""
        tip = np.clip(s / 0.30, 0, 1)
        width = HALF_WIDTH * size * (0.42 + 0.58 * np.sqrt(1 - (1 - np.clip(s / 0.55, 0, 1)) ** 2))
        x = width * np.sin(u * np.pi / 2)
        z = arch.front - 0.0052 * size - LENGTH * size * np.clip(s - 0.07, 0, 1)
        z = z - 0.0075 * (1 - np.sqrt(1 - (np.abs(u) * 0.98) ** 2)) * (1 - tip)
        back = smoothstep(0.05, 0.6, s) * 0.0085 - smoothstep(0.75, 1.0, s) * 0.004
        y = edge - 0.0048 + back - 0.006 * np.clip(0.10 - s, 0, 1) / 0.10
        y = y - 0.0075 * size * droop(u, s)
        groove = np.exp(-((x / (0.0026 * size)) ** 2)) * smoothstep(0.10, 0.35, s)
        return np.stack([x, y - 0.0015 * groove, z], axis=1)

    def pushed(u: Floats, s: Floats) -> Floats:
        """What tongueOut adds: over the teeth and the lip, which half of it clears as well."""
        front = 1 - smoothstep(0.0, 0.95, s)
        over = smoothstep(0.75, 0.35, s) * 0.0070
        down = smoothstep(0.45, 0.0, s) * 0.0055
        rounded = 0.0070 * (1 - np.sqrt(1 - (np.abs(u) * 0.98) ** 2)) * smoothstep(0.4, 0.0, s)
        flat = 0.0050 * size * droop(u, s) * front
        place = rest(u, s)
        return np.stack(
            [-0.30 * place[:, 0] * front, over - down + flat, OUT * size * front - rounded],
            axis=1,
        )

    places = rest(u, s)
    along = (rest(u + 1 / columns, s) - rest(u - 1 / columns, s)) / 2
    across = (rest(u, s - 0.5 / rows) - rest(u, s + 0.5 / rows)) / 2
    normal = unit(np.cross(across, along))
    deltas = moved_by(jaw, places)
    # an open jaw lets the tongue's back sink: the throat shows above it
    sink = np.stack([0 * s, -0.0045 * smoothstep(0.05, 0.6, s), -0.001 + 0 * s], axis=1)
    deltas[ARKIT_NAMES.index("jawOpen")] += sink
    deltas[ARKIT_NAMES.index("tongueOut")] += pushed(u, s)
    # pushed out, its front is drawn out to nearly twice its length, and bends down: there its
    # splats, which do not turn with it, are thick
    thick = 0.0003 + 0.0010 * smoothstep(0.9, 0.4, s)[:, None]
    drawn = 1 + 0.75 * smoothstep(0.9, 0.5, s)[:, None] * smoothstep(0.05, 0.3, s)[:, None]
    groove = np.exp(-((places[:, :1] / 0.0020) ** 2)) * smoothstep(0.15, 0.4, s)[:, None]
    # taste buds: pale specks, the same at any density
    specks = np.sin(places[:, 0] * 2600) * np.sin(places[:, 2] * 2300 + places[:, 0] * 900)
    color = COLOR * (1 - 0.30 * groove) * (1 + 0.05 * specks[:, None])
    deep = (1 - 0.85 * smoothstep(0.12, 0.9, s)) * (1 - 0.35 * np.abs(u) ** 3)
    count = len(places)
    return Cloud(
        positions=places,
        normals=normal,
        axes=flat_axes(along * 1.35, across * 1.35 * drawn, thick),
        albedo=color * deep[:, None],
        opacity=np.full(count, 0.98),
        gloss=1.8 * deep,
        deltas=deltas,
        skin=bound_to(HEAD, count),
        least_share=np.array(0.02),
        posed_light=np.array(1.0),
        # its front is in the open when it is seen best
        least_light=0.55 + 0.25 * smoothstep(0.5, 0.1, s),
    )
