# SPDX-License-Identifier: Apache-2.0
"""Teeth and gums: a crown for each tooth on its jaw's arch, and a scalloped gum above them.

A crown is a sheet that runs from the gum down the front, over the edge and some way back: what
nobody in front can see is left out. Widths and heights are common ones of adults (Wheeler).
Light hardly reaches into a mouth; how dark each place is is painted here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from avatar_maker.face.dental_arch import Arch
from avatar_maker.source import Floats
from avatar_maker.splats.cloud import HEAD, UNITS, Cloud, bound_to, flat_axes, joined
from avatar_maker.splats.density import Density
from avatar_maker.splats.light import linear
from avatar_maker.splats.mesh import smoothstep, unit

CELL: Final = 0.0017
"""Edge of a splat's cell on a crown at spacing 1, in metres."""
GUM_HEIGHT: Final = 0.0085
PAPILLA: Final = 0.0034
"""How far the gum reaches between two crowns, in metres."""
ENAMEL: Final = linear(240, 231, 214)
GUM: Final = linear(190, 104, 100)
UNEVEN: Final = 7
"""Seed of the small differences between teeth."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A tooth, in metres: width along the arch, height, depth of what shows of its top.

    `corner` is how much the edge rises towards the sides, by the power `bend` of the distance.
    """

    width: float
    height: float
    depth: float
    corner: float
    bend: float
    round: float


UPPER: Final = (
    Kind(0.0084, 0.0104, 0.0022, 0.0009, 9.0, 0.0012),
    Kind(0.0066, 0.0090, 0.0022, 0.0010, 7.0, 0.0012),
    Kind(0.0075, 0.0098, 0.0030, 0.0016, 2.0, 0.0018),
    Kind(0.0070, 0.0084, 0.0048, 0.0016, 1.6, 0.0024),
    Kind(0.0070, 0.0080, 0.0052, 0.0013, 1.8, 0.0024),
    Kind(0.0100, 0.0074, 0.0075, 0.0008, 3.0, 0.0026),
)
LOWER: Final = (
    Kind(0.0054, 0.0088, 0.0022, 0.0006, 6.0, 0.0010),
    Kind(0.0059, 0.0090, 0.0022, 0.0007, 5.0, 0.0011),
    Kind(0.0068, 0.0100, 0.0030, 0.0017, 1.6, 0.0018),
    Kind(0.0070, 0.0084, 0.0048, 0.0014, 1.7, 0.0024),
    Kind(0.0072, 0.0080, 0.0052, 0.0012, 1.9, 0.0024),
    Kind(0.0110, 0.0074, 0.0075, 0.0008, 3.0, 0.0026),
)
"""From the middle to the first molar: those behind it show in no expression."""


@dataclass(frozen=True, slots=True)
class Row:
    """A row of teeth: its arch, the height of its edges, and +1 if the gum is above them."""

    arch: Arch
    kinds: tuple[Kind, ...]
    edge: float
    up: float
    bright: float


def row_of_teeth(row: Row, density: Density) -> Cloud:
    """The crowns and the gum of one jaw, still: the caller moves the lower one."""
    chance = np.random.default_rng(UNEVEN if row.up > 0 else UNEVEN + 1)
    crowns = []
    for side in (1.0, -1.0):
        begin = 0.0
        for number, kind in enumerate(row.kinds):
            width = kind.width * row.arch.scale
            lean, shift, tone = chance.normal(size=3) * [0.00012, 0.00016, 0.02]
            middle = side * (begin + width / 2)
            crowns.append(_crown(row, kind, middle, (lean, shift), 1 + tone, number, density))
            begin += width
    return joined([*crowns, _gum(row, density)])


def _crown(
    row: Row,
    kind: Kind,
    middle: float,
    off: tuple[float, float],
    tone: float,
    number: int,
    density: Density,
) -> Cloud:
    size = row.arch.scale
    cell = CELL * density.spacing
    width, height, depth = kind.width * size, kind.height * size, kind.depth * size
    columns = max(3, round(width / cell))
    front = max(3, round(height / cell))
    back = max(1, round(depth / cell))
    u = np.tile((np.arange(columns) + 0.5) / columns * 2 - 1, front + back)
    t = np.repeat(
        np.concatenate(
            [
                -(np.arange(back)[::-1] + 0.5) / back * depth,
                (np.arange(front) + 0.5) / front * height,
            ]
        ),
        columns,
    )

    def place(u: Floats, t: Floats) -> Floats:
        part = np.clip(t / height, 0, 1)
        behind = np.clip(-t / depth, 0, 1)
        taper = 0.97 + 0.03 * smoothstep(0.0, 0.3, part) - 0.17 * smoothstep(0.35, 1.1, part)
        along = middle + u * width / 2 * taper
        rise = kind.corner * size * np.abs(u) ** kind.bend
        bowl = (
            0.0014 * size * (1 - (2 * behind - 1) ** 2) if depth > 0.004 else 0.4 * depth * behind
        )
        up = np.where(t > 0, t + rise * (1 - part), rise + bowl)
        out = -kind.round * size * (1 - np.sqrt(1 - (0.96 * u) ** 2)) + off[0] * u * 3
        # the front leans back towards the edge, which is rounded off, and towards the gum
        out = out - 0.0006 * (1 - part) ** 2 - 0.0006 * part**3
        out = out - 0.0004 * np.exp(-np.abs(t) / 0.0005) - np.clip(-t, 0, None)
        return row.arch.at(along, out, row.edge + off[1] + row.up * up)

    half_u, half_t = 1 / columns, 0.5 * cell
    along = (place(np.clip(u + half_u, -1, 1), t) - place(np.clip(u - half_u, -1, 1), t)) / 2
    across = (place(u, t + half_t) - place(u, t - half_t)) / 2
    places = place(u, t)
    normal = unit(np.cross(along, across)) * row.up
    reach = np.abs(middle) + 0 * u
    part = t / height
    thin = (1 - smoothstep(0.0, 0.0016, np.abs(t))) * (0.9 if number < 3 else 0.4)
    color = ENAMEL * tone * np.array([1.0, 0.97, 0.90] if number == 2 else [1.0, 1.0, 1.0])
    neck = smoothstep(0.35, 1.0, part)[:, None]
    color = color * (1 - neck * [0.05, 0.11, 0.22])
    color = color * (1 - thin[:, None] * [0.26, 0.21, 0.15])
    top = np.clip(-t / depth, 0, 1) * (depth > 0.004)
    fissure = np.exp(-(((top - 0.5) / 0.17) ** 2)) * np.cos(u * np.pi / 2)
    side = smoothstep(0.6, 1.0, np.abs(u)) * (0.55 - 0.35 * smoothstep(0.0, 0.2, top))
    dim = (1 - 0.35 * fissure) * (1 - side) * (1 - 0.45 * top)
    return _cloud(
        places, normal, along * 1.34, across * 1.34, color * dim[:, None], 2.2, row, reach, part
    )


def _gum(row: Row, density: Density) -> Cloud:
    size = row.arch.scale
    ends = np.concatenate([[0.0], np.cumsum([kind.width * size for kind in row.kinds])])
    heights = np.array([kind.height * size for kind in row.kinds])
    cell = 1.35 * CELL * density.spacing
    columns = round(2 * ends[-1] / cell)
    rows = max(4, round(GUM_HEIGHT / cell))
    along = np.tile((np.arange(columns) + 0.5) / columns * 2 - 1, rows) * ends[-1]
    part = np.repeat((np.arange(rows) + 0.5) / rows, columns)

    def place(along: Floats, part: Floats) -> Floats:
        far = np.clip(np.abs(along), 0, ends[-1] * 0.999)
        tooth = np.searchsorted(ends, far, side="right") - 1
        off = (far - ends[tooth]) / np.diff(ends)[tooth] * 2 - 1
        crest = np.interp(far, (ends[:-1] + ends[1:]) / 2, heights)
        start = crest - PAPILLA * size * np.abs(off) ** 3.5
        up = start + part * (crest + GUM_HEIGHT - start)
        full = 0.0007 * np.sin(np.pi * np.clip(part * 1.6, 0, 1))
        out = full - 0.0011 + 0.0003 * (1 - off**2)
        return row.arch.at(along, out - 0.0012 * part**2, row.edge + row.up * up)

    half = ends[-1] / columns
    right = (place(along + half, part) - place(along - half, part)) / 2
    up = (place(along, part + 0.5 / rows) - place(along, part - 0.5 / rows)) / 2
    normal = unit(np.cross(right, up)) * row.up
    color = GUM * (1 - 0.35 * part[:, None] * [0.6, 1.0, 1.0])
    return _cloud(
        place(along, part),
        normal,
        right * 1.3,
        up * 1.3,
        color,
        1.2,
        row,
        np.abs(along),
        part * 0 + 1,
    )


def _cloud(
    places: Floats,
    normal: Floats,
    along: Floats,
    across: Floats,
    color: Floats,
    gloss: float,
    row: Row,
    reach: Floats,
    part: Floats,
) -> Cloud:
    count = len(places)
    # the lips' shadow: deeper in the mouth and nearer to the gum it is darker
    dim = 1 - 0.80 * smoothstep(0.010, 0.034, reach / row.arch.scale)
    dim *= 1 - 0.30 * smoothstep(0.3, 1.0, part)
    return Cloud(
        positions=places,
        normals=normal,
        axes=flat_axes(along, across, 0.0002),
        # what light is left has been reflected by red walls
        albedo=color * dim[:, None] ** [0.72, 1.15, 1.2],
        opacity=np.full(count, 0.98),
        gloss=gloss * dim,
        deltas=np.zeros((UNITS, count, 3)),
        skin=bound_to(HEAD, count),
        least_share=np.array(0.005),
        posed_light=np.array(1.0),
        least_light=np.full(count, row.bright),
    )
