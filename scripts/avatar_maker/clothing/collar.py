# SPDX-License-Identifier: Apache-2.0
"""The shirt's collar: a rib of long splats along the neckline, where the surface's are too coarse.

The neckline crosses the mesh's quads anywhere, so that their splats would give it a ragged edge.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np

from avatar_maker.source import Floats
from avatar_maker.splats.cloud import Cloud, flat_axes, joined
from avatar_maker.splats.mesh import smoothstep, unit

ROWS: Final = (0.0002, 0.0026, 0.0052, 0.0078, 0.0102, 0.0126, 0.0150)
"""How far inside the neckline each row of splats lies, in metres."""
COLUMNS: Final = 90
"""Splats around the neck in each row."""
ROUND: Final = (0.50, 0.15, 0.0, 0.0, 0.0, -0.08, -0.25)
"""How far each row's normal leans towards the neck: the rib is a little round."""
RAISED: Final = (0.0034, 0.0048, 0.0052, 0.0052, 0.0051, 0.0047, 0.0040)
ASIDE: Final = (0.0010, 0.0025, 0.0032, 0.0034, 0.0031, 0.0024, 0.0012)
"""How far each row stands above the skin, in metres: in front, and beside the neck, where it hugs
the shoulder's ridge and its end must not show."""
COVERED: Final = 0.0115
"""The rib hides the shirt up to this far inside the neckline, in metres."""
RIBBED: Final = (2, 5)
"""Rows that carry the thin dark lines between the band's ribs."""
NEAR: Final = (0.10, 0.006)
"""Reach of the fit in radians around the neck and in metres across the neckline."""


def collar(surface: Cloud, inside: Floats, middle: Floats, color: Floats) -> Cloud:
    """The rib's splats, from those of skin and shirt near it.

    `inside` (n,) says by how many metres each splat of the surface lies inside the shirt;
    `middle` (3,) is a place inside the neck; `color` (3,) the cloth's albedo.
    """
    close = np.abs(inside - np.mean(ROWS)) < 0.02
    points, depth = surface.positions[close], inside[close]
    around = np.arctan2(points[:, 0] - middle[0], points[:, 2] - middle[2])
    turns = (np.arange(COLUMNS) + 0.5) / COLUMNS * 2 * np.pi - np.pi
    place = np.zeros((len(ROWS), COLUMNS, 3))
    skin = np.zeros((len(ROWS), COLUMNS, surface.skin.shape[1]))
    deltas = np.zeros((len(surface.deltas), len(ROWS), COLUMNS, 3))
    found = np.zeros((len(ROWS), COLUMNS), dtype=bool)
    for column, turn in enumerate(turns):
        aside = np.mod(around - turn + np.pi, 2 * np.pi) - np.pi
        for row, wished in enumerate(ROWS):
            apart = np.stack([aside / NEAR[0], (depth - wished) / NEAR[1]], axis=1)
            weight = np.exp(-(apart**2).sum(axis=1))
            rows = weight > 0.01
            found[row, column] = rows.sum() > 8
            if not found[row, column]:
                continue
            # a plane through the neighbours, read at the wished place
            basis = np.column_stack([np.ones(rows.sum()), apart[rows]]) * weight[rows, None]
            mix: Floats = np.linalg.pinv(basis)[0] * weight[rows]
            index = np.flatnonzero(close)[rows]
            place[row, column] = mix @ surface.positions[index]
            skin[row, column] = mix @ surface.skin[index]
            deltas[:, row, column] = np.einsum("n,bnk->bk", mix, surface.deltas[:, index])
    along = (np.roll(place, -1, axis=1) - np.roll(place, 1, axis=1)) / 2
    beside = smoothstep(0.35, 1.25, np.abs(turns))[None, :]
    raised = np.array(RAISED)[:, None] * (1 - beside) + np.array(ASIDE)[:, None] * beside
    whole = found.all(axis=0)
    whole &= np.roll(whole, 1) & np.roll(whole, -1)
    place, deltas = place[:, whole], deltas[:, :, whole]
    across = unit(np.stack([place[1] - place[0], *(place[1:] - place[:-1])]))
    normal = unit(np.cross(across, along[:, whole]))
    count = normal.shape[0] * normal.shape[1]
    rounded = unit(normal - np.array(ROUND)[:, None, None] * across)
    followed = np.clip(skin[:, whole].reshape(count, -1), 0, None)
    band = Cloud(
        positions=(place + normal * raised[:, whole, None]).reshape(-1, 3),
        normals=rounded.reshape(-1, 3),
        axes=flat_axes(
            along[:, whole].reshape(-1, 3) * 0.7, across.reshape(-1, 3) * 0.0024, 0.0003
        ),
        albedo=np.broadcast_to(color, (count, 3)),
        opacity=np.ones(count),
        gloss=np.zeros(count),
        deltas=deltas.reshape(len(deltas), count, 3),
        skin=followed / followed.sum(axis=1, keepdims=True),
    )
    # the valleys between the band's ribs, at two rows that they span
    rows = np.isin(np.arange(count) // normal.shape[1], RIBBED)
    lines = replace(
        band.where(rows),
        positions=band.positions[rows] + band.normals[rows] * 0.0007,
        axes=flat_axes(
            across.reshape(-1, 3)[rows] * 0.0023,
            unit(along[:, whole].reshape(-1, 3)[rows]) * 0.0006,
            0.0002,
        ),
        opacity=np.full(rows.sum(), 0.5),
    )
    return joined([band, lines.colored(color * 0.45)])
