# SPDX-License-Identifier: Apache-2.0
"""Short coily hair: many small open rings that stand on the scalp, short at the sides.

Rings lie within a layer whose height grows from the hairline to the top; the deeper ones are dark.
What shows between them is the scalp, which has the hair's colour there.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from avatar_maker.hair.hairline import above_hairline, fade, head_axis
from avatar_maker.hair.hull import Hull, on_skin, spread_rays
from avatar_maker.hair.strands import Pieces, hair_splats
from avatar_maker.recipe import Look
from avatar_maker.source import Floats
from avatar_maker.splats.cloud import HEAD, Cloud, bound_to
from avatar_maker.splats.density import Density
from avatar_maker.splats.mesh import smoothstep, unit

RINGS: Final = 2600
"""At spacing 1."""
MOST: Final = 20000
PIECES: Final = 3
"""Splats of a ring."""
ARC: Final = 4.4
"""How far a ring goes around, in radians."""


def coils(skin: Cloud, eyes: Floats, hull: Hull, look: Look, density: Density) -> Cloud:
    """The splats of short coily hair, bound to the head."""
    rng = np.random.default_rng(12)
    rays = spread_rays(6 * MOST, rng)
    reach = hull.at(hull.center + rays)[0]
    rough = hull.center + rays * reach[:, None]
    above = above_hairline(rough, eyes, look)
    seen = smoothstep(-0.09, -0.01, rough[:, 2] - head_axis(eyes)[2])
    # short hair needs more hairs than curls
    chance = (0.55 + 0.45 * (1 - fade(rough, eyes))) * (0.3 + 0.7 * seen) * (reach / 0.125) ** 2
    rows = np.flatnonzero((above > 0.0012) & (rng.random(len(rays)) < chance))[:MOST]
    chosen, leaning = rng.random((MOST, 8)), rng.normal(0, 1, (MOST, 2, 3))
    rows = rows[: density.hairs(RINGS)]
    count = len(rows)
    chosen, leaning = chosen[:count], leaning[:count]
    root, near = on_skin(skin, hull.center, rays[rows])
    outward = unit(skin.normals[near] + 0.5 * rays[rows])

    tall = fade(root, eyes) * smoothstep(0.0, 0.010, above[rows] + 0.003)
    lumps = np.sin(root @ [310.0, 170, 240]) * np.sin(root @ [-190.0, 260, 330] + 1.0)
    height = 0.0012 + look.number("volume") * 0.021 * tall * (1 + 0.20 * lumps)
    depth = 1 - 0.65 * chosen[:, 0] ** 2
    # a fine model has more and smaller rings
    size = (density.spacing / 0.45) ** 0.5
    radius = np.minimum((0.0013 + 0.0010 * chosen[:, 1]) * size, 0.0008 + 0.45 * height)
    axis = unit(leaning[:, 0] + 0.6 * np.cross(outward, leaning[:, 1]))
    first = unit(np.cross(axis, outward + 0.2 * leaning[:, 1]))
    second = np.cross(axis, first)
    turn = 2 * np.pi * chosen[:, 2] + ARC * np.linspace(0, 1, PIECES + 1)[:, None]
    ring = first * np.cos(turn)[..., None] + second * np.sin(turn)[..., None]
    rise = (height * depth - radius * 0.6)[:, None] * outward
    # the ends of a ring lie apart, as in a spring
    pitch = (np.linspace(-0.5, 0.5, PIECES + 1)[:, None] * radius * 1.2)[..., None] * axis
    points = root + rise + ring * radius[:, None] + pitch
    inside = ((points - root) * outward).sum(axis=2)
    points = points + outward * np.clip(0.0007 - inside, 0, None)[..., None]

    away = (ring[1:] + ring[:-1]) / 2
    width = np.broadcast_to(0.00048 * size**1.7 * (0.8 + 0.4 * chosen[:, 3]), (PIECES, count))
    pieces = Pieces(
        points[:-1], points[1:], unit(outward + 0.7 * away), width, np.ones(width.shape, bool)
    )
    facing = (away * outward).sum(axis=2)
    shade = _shades(root, eyes, look, chosen)
    dark = (0.35 + 0.65 * (depth - 0.35) / 0.65) * (0.85 + 0.30 * facing)
    albedo = shade * dark[..., None]
    skin_weights = np.broadcast_to(bound_to(HEAD, count), (PIECES, count, 5))
    return hair_splats(pieces, albedo, np.full(width.shape, 0.94), skin_weights)


def _shades(root: Floats, eyes: Floats, look: Look, chosen: Floats) -> Floats:
    """Albedo (n,3); it greys first at the temples."""
    shades = look.colors("colors")
    rel = root - head_axis(eyes)
    azimuth = np.abs(np.arctan2(rel[:, 0], rel[:, 2]))
    temple = np.exp(-(((azimuth - 1.2) / 0.55) ** 2)) * smoothstep(0.085, 0.02, rel[:, 1])
    place = chosen[:, 4] ** (1.5 - 1.0 * temple) * len(shades)
    values: Floats = shades[np.minimum(place.astype(int), len(shades) - 1)]
    return values * (0.8 + 0.4 * chosen[:, 5])[:, None]
