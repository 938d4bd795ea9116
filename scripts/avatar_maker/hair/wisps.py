# SPDX-License-Identifier: Apache-2.0
"""The edges of long hair: short fine hairs along the hairline, and the parting's skin."""

from __future__ import annotations

from typing import Final

import numpy as np

from avatar_maker.hair.growth import combed, parting_line
from avatar_maker.hair.hairline import above_hairline, head_axis
from avatar_maker.hair.hull import Hull, on_skin, spread_rays
from avatar_maker.hair.strands import Pieces, hair_splats
from avatar_maker.recipe import Look
from avatar_maker.source import Floats
from avatar_maker.splats.cloud import HEAD, UNITS, Cloud, bound_to, flat_axes, joined
from avatar_maker.splats.density import Density
from avatar_maker.splats.mesh import smoothstep, unit

FINE_HAIRS: Final = 260
"""Along the hairline, at spacing 1."""
MOST: Final = 60000
PARTING_STEP: Final = 0.0030
"""From splat to splat along the parting, in metres."""


def wisps(skin: Cloud, eyes: Floats, hull: Hull, look: Look, density: Density) -> Cloud:
    """The splats of the fine hairs and of the parting, bound to the head."""
    return joined([_fine_hairs(skin, eyes, hull, look, density), _parting(skin, eyes, hull, look)])


def _fine_hairs(skin: Cloud, eyes: Floats, hull: Hull, look: Look, density: Density) -> Cloud:
    axis = head_axis(eyes)
    rng = np.random.default_rng(14)
    rays = spread_rays(MOST, rng)
    chosen, noise = rng.random((MOST, 3)), rng.normal(0, 1, (MOST, 3))
    rough = hull.center + rays * hull.at(hull.center + rays)[0][:, None]
    above = above_hairline(rough, eyes, look)
    front = np.abs(np.arctan2(rays[:, 0], rays[:, 2])) < 1.2
    chance = smoothstep(-0.005, 0.001, above) * smoothstep(0.012, 0.004, above)
    rows = np.flatnonzero(front & (chosen[:, 0] < chance))[: density.hairs(FINE_HAIRS)]
    chosen, noise = chosen[rows], noise[rows]
    root, near = on_skin(skin, hull.center, rays[rows])
    normal = skin.normals[near]
    comb = combed(root, normal, look.number("parting"), axis)
    back = np.array([0.0, 0.6, -0.6])
    heading = unit(comb + back + 0.35 * normal + 0.25 * noise)
    bend = unit(comb + 0.5 * back - 0.25 * normal + 0.25 * noise)
    reach = (0.0045 + 0.0045 * chosen[:, 1])[:, None]
    points = np.stack([root, root + heading * reach, root + (heading + bend) * reach])
    points += normal * 0.0004
    width = density.spacing**0.5 * 0.00030 * np.array([[1.0], [0.6]])
    width = np.broadcast_to(width, (2, len(rows)))
    pieces = Pieces(points[:-1], points[1:], np.stack([normal] * 2), width, width > 0)
    shade = look.colors("colors").mean(axis=0) * (0.8 + 0.5 * chosen[:, 2])[:, None]
    albedo = np.stack([shade] * 2)
    weights = np.broadcast_to(bound_to(HEAD, len(rows)), (2, len(rows), 5))
    return hair_splats(pieces, albedo, np.full(width.shape, 0.62), weights)


def _parting(skin: Cloud, eyes: Floats, hull: Hull, look: Look) -> Cloud:
    """A thin line of skin from the forehead to the crown; its colour is that of the forehead."""
    axis = head_axis(eyes)
    place = np.linspace(0.0, 1.0, round(0.10 / PARTING_STEP))
    z = axis[2] + 0.100 - 0.10 * place
    x = parting_line(z - axis[2], look.number("parting")) + 0.0006 * np.sin(place * 23)
    guess = np.stack([x, np.full(len(z), axis[1] + 0.11), z], axis=1)
    rays = unit(guess - hull.center)
    for _ in range(4):
        points = hull.center + rays * hull.at(hull.center + rays)[0][:, None]
        points[:, 0], points[:, 2] = x, z
        rays = unit(points - hull.center)
    points, near = on_skin(skin, hull.center, rays)
    normal = skin.normals[near]
    rows = above_hairline(points, eyes, look) > -0.001
    points, normal, place = points[rows], normal[rows], place[rows]
    along = unit(np.gradient(points, axis=0)) * PARTING_STEP * 0.7
    across = unit(np.cross(normal, along)) * (0.0010 * (1 - 0.5 * place))[:, None]
    brow = eyes.mean(axis=0) + np.array([0.0, 0.045, 0.0])
    bare = skin.albedo[np.argmin(np.linalg.norm(skin.positions - brow, axis=1))]
    count = len(points)
    return Cloud(
        positions=points + normal * 0.0006,
        normals=normal,
        axes=flat_axes(along, across, 0.0002),
        albedo=np.broadcast_to(bare * 0.85, (count, 3)),
        opacity=0.85 - 0.5 * place,
        gloss=np.zeros(count),
        deltas=np.zeros((UNITS, count, 3)),
        skin=bound_to(HEAD, count),
    )
