# SPDX-License-Identifier: Apache-2.0
"""The head as hair meets it: a smooth star-shaped hull, and places of roots on the real scalp.

Roots are asked for by direction, not picked among the skin's splats: hairs then grow from the same
places however finely the skin is covered.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from avatar_maker.source import Floats, Ints
from avatar_maker.splats.cloud import Cloud
from avatar_maker.splats.mesh import unit


@dataclass(frozen=True, slots=True)
class Hull:
    """Radius of the head by direction from `center`: rows by polar angle, columns by azimuth."""

    center: Floats
    radius: Floats

    def at(self, points: Floats) -> tuple[Floats, Floats]:
        """Hull radius (n,) in the direction of each point, and the point's own radius (n,)."""
        rel = points - self.center
        own = np.linalg.norm(rel, axis=1)
        rows, columns = self.radius.shape
        row = np.arccos(np.clip(rel[:, 1] / np.maximum(own, 1e-9), -1, 1)) / np.pi * (rows - 1)
        column = (np.arctan2(rel[:, 0], rel[:, 2]) / (2 * np.pi) % 1) * columns
        top, left = np.minimum(row.astype(int), rows - 2), column.astype(int) % columns
        down, right = row - top, column - np.floor(column)
        after = (left + 1) % columns
        upper = self.radius[top, left] * (1 - right) + self.radius[top, after] * right
        lower = self.radius[top + 1, left] * (1 - right) + self.radius[top + 1, after] * right
        return upper * (1 - down) + lower * down, own


def head_hull(points: Floats, center: Floats) -> Hull:
    """A smooth hull around the points of head and neck."""
    rows, columns = 40, 72
    rel = points - center
    own = np.linalg.norm(rel, axis=1)
    row = np.round(np.arccos(rel[:, 1] / own) / np.pi * (rows - 1)).astype(int)
    column = np.floor((np.arctan2(rel[:, 0], rel[:, 2]) / (2 * np.pi) % 1) * columns).astype(int)
    radius = np.zeros((rows, columns))
    np.maximum.at(radius, (row, column % columns), own)
    for _ in range(30):
        empty = radius == 0
        spread = [np.roll(radius, (r, c), (0, 1)) for r in (-1, 0, 1) for c in (-1, 0, 1)]
        radius = np.where(empty, np.max(spread, axis=0), radius)
    radius[0], radius[-1] = radius[0].mean(), radius[-1].mean()
    for _ in range(3):
        padded = np.concatenate([radius[:1], radius, radius[-1:]])
        radius = (padded[:-2] + 2 * padded[1:-1] + padded[2:]) / 4
        radius = (np.roll(radius, 1, 1) + 2 * radius + np.roll(radius, -1, 1)) / 4
    return Hull(center, radius)


def on_skin(skin: Cloud, center: Floats, rays: Floats) -> tuple[Floats, Ints]:
    """Places (n,3) where unit rays from the centre leave the skin, and the splat (n,) of each."""
    towards = unit(skin.positions - center)
    near = np.concatenate(
        [np.argmax(part @ towards.T, axis=1) for part in np.array_split(rays, len(rays) // 256 + 1)]
    )
    normals = skin.normals[near]
    height = ((skin.positions[near] - center) * normals).sum(axis=1)
    reach = height / np.maximum((rays * normals).sum(axis=1), 0.3)
    own = np.linalg.norm(skin.positions[near] - center, axis=1)
    return center + rays * np.clip(reach, own - 0.004, own + 0.004)[:, None], near


def spread_rays(count: int, rng: np.random.Generator) -> Floats:
    """Unit vectors (count,3) in random order: the first n cover the sphere evenly for every n."""
    # the R2 sequence of Roberts 2018, from a random start
    start = rng.random(2)
    plastic = 1.32471795724474602596
    index = np.arange(count)[:, None]
    u, v = ((start + index * np.array([1 / plastic, 1 / plastic**2])) % 1).T
    height, turn = 2 * u - 1, 2 * np.pi * v
    ring = np.sqrt(1 - height**2)
    return np.stack([ring * np.sin(turn), height, ring * np.cos(turn)], axis=1)
