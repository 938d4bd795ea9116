# SPDX-License-Identifier: Apache-2.0
"""Knitwear up close: the shade between its ribs, and the folds that it falls in.

Splats of cloth are far coarser than a rib. The valleys between ribs are thin dark splats of their
own, on top; the back and the shoulders' tops, seen at a glancing angle, go without.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from avatar_maker.source import Floats
from avatar_maker.splats.cloud import Cloud, flat_axes
from avatar_maker.splats.density import Density
from avatar_maker.splats.mesh import smoothstep, unit

PITCH: Final = 0.0062
"""From rib to rib, in metres."""
STEP: Final = 0.016
"""Length of one valley's splat at spacing 1, in metres; it falls with the spacing's power 0.6:
long ones would stand off a curved chest."""
FACING: Final = 0.40
"""Valleys end where the cloth's normal leans further from the front than this cosine."""
EDGE: Final = 0.015
"""A valley's ends lie this close to a cloth's splat at spacing 1, in metres: none sticks out."""
AFLOAT: Final = 0.004
"""A valley's ends stand no further than this off the cloth, in metres: no spikes on shoulders."""
FOLDS: Final = (
    (0.142, -0.118, 0.060, -0.080, 0.0046, 0.009),
    (0.140, -0.138, 0.045, -0.130, 0.0050, 0.011),
    (0.142, -0.105, 0.100, -0.030, 0.0036, 0.009),
    (0.150, -0.090, 0.165, -0.010, 0.0034, 0.010),
    (0.052, -0.060, 0.012, -0.125, 0.0022, 0.013),
)
"""Ridges on the left half: from (x, y) to (x, y) below the neck's middle, height, half width."""


def folded(points: Floats, middle: Floats) -> Floats:
    """Heights (n,) in metres of the folds at places (n,3); the halves differ a little."""
    height = np.zeros(len(points))
    for side in (1.0, -1.0):
        place = (points - middle)[:, :2] * [side, 1.0] + [0.004 * side, 0.005 * side]
        front = smoothstep(-0.03, 0.03, points[:, 2] - middle[2])
        for x0, y0, x1, y1, tall, wide in FOLDS:
            start, run = np.array([x0, y0]), np.array([x1 - x0, y1 - y0])
            along = np.clip((place - start) @ run / (run @ run), 0, 1)
            # a fold sags between its ends
            sag = np.stack([0 * along, -0.012 * np.sin(np.pi * along)], axis=1)
            away = np.linalg.norm(place - start - along[:, None] * run - sag, axis=1) / wide
            ridge = (1 - 0.9 * away**2) * np.exp(-(away**2))
            # several start at an armpit: each rises a little away from it
            height += front * tall * ridge * (1 - 0.75 * along) * smoothstep(0.0, 0.35, along)
    return height


def valleys(cloth: Cloud, color: Floats, density: Density) -> Cloud:
    """Thin dark splats between ribs that run down the front of a cloth's splats."""
    front = np.flatnonzero(cloth.normals[:, 2] > FACING)
    places, normals = cloth.positions[front], cloth.normals[front]
    low, high = places.min(axis=0), places.max(axis=0)
    step = STEP * density.spacing**0.6
    columns = (np.arange(np.ceil(low[0] / PITCH), np.floor(high[0] / PITCH)) + 0.5) * PITCH
    rows = np.arange(low[1], high[1], step)
    x, y = (grid.ravel() for grid in np.meshgrid(columns, rows))
    depth = np.full(len(x), np.nan)
    normal = np.zeros((len(x), 3))
    skin = np.zeros((len(x), cloth.skin.shape[1]))
    reach = 0.009 * density.spacing
    for index in range(len(x)):
        near = np.flatnonzero(
            (abs(places[:, 0] - x[index]) < 3 * reach) & (abs(places[:, 1] - y[index]) < 3 * reach)
        )
        if len(near) < 3:
            continue
        # an arm's cloth may lie behind the chest's
        near = near[places[near, 2] > places[near, 2].max() - 0.03]
        gap = np.array([x[index], y[index]]) - places[near, :2]
        weight = np.exp(-((np.linalg.norm(gap, axis=1) / reach) ** 2))
        if weight.sum() < 0.5:
            continue
        weight /= weight.sum()
        plane = places[near, 2] - (gap * normals[near, :2]).sum(axis=1) / normals[near, 2]
        depth[index] = weight @ plane
        normal[index] = weight @ normals[near]
        skin[index] = weight @ cloth.skin[front[near]]
    found = np.isfinite(depth)
    normal = unit(normal[found])
    count = len(normal)
    down = unit(np.column_stack([np.zeros(count), normal[:, 2], -normal[:, 1]]))
    aside = np.cross(down, normal)
    place = np.column_stack([x, y, depth])[found] + normal * 0.0008
    sight = smoothstep(FACING, 0.7, normal[:, 2])
    # rows are as far apart as the picture shows them: on a slope they are longer
    long = step * 0.50 / np.clip(-down[:, 1:2], 0.5, 1.0)
    lines = Cloud(
        positions=place,
        normals=normal,
        axes=flat_axes(down * long, aside * 0.0006, 0.0002),
        albedo=np.broadcast_to(color * 0.45, (count, 3)),
        opacity=0.6 * sight,
        gloss=np.zeros(count),
        deltas=np.zeros((len(cloth.deltas), count, 3)),
        skin=skin[found],
    )
    within = np.ones(count, dtype=bool)
    for end in (1.7, -1.7):
        tips = place + down * long * end
        for rows in np.array_split(np.arange(count), max(1, count // 200)):
            apart = np.linalg.norm(tips[rows, None] - places, axis=-1)
            nearest = apart.argmin(axis=1)
            off = ((tips[rows] - places[nearest]) * normals[nearest]).sum(axis=1)
            within[rows] &= (apart.min(axis=1) < EDGE * density.spacing) & (off < AFLOAT)
    return lines.where(within)
