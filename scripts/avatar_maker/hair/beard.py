# SPDX-License-Identifier: Apache-2.0
"""A short trimmed beard with a moustache: curved hairs that grow on the skin and move with it.

Each hair takes its place, its face units and its skin weights from the skin below; it thins out
over the cheeks and down the neck.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np

from avatar_maker.body.landmarks import Landmarks
from avatar_maker.hair.hairline import head_axis
from avatar_maker.hair.hull import Hull, head_hull, on_skin, spread_rays
from avatar_maker.hair.strands import Pieces, hair_splats
from avatar_maker.recipe import Look
from avatar_maker.source import Floats
from avatar_maker.splats.cloud import Cloud
from avatar_maker.splats.density import Density
from avatar_maker.splats.mesh import smoothstep, unit

HAIRS: Final = 2200
"""At spacing 1 and fullness 1."""
MOST: Final = 24000
PIECES: Final = 2
"""Splats of a hair."""


def beard(skin: Cloud, marks: Landmarks, look: Look, density: Density) -> Cloud:
    """The splats of the beard; none if its hairs have no length."""
    length = look.number("length")
    rng = np.random.default_rng(13)
    center = np.array([0.0, marks.mouth[1] + 0.012, head_axis(marks.eyes)[2] + 0.048])
    rays = spread_rays(6 * MOST, rng)
    chosen, leaning = rng.random((len(rays), 6)), rng.normal(0, 1, (len(rays), 3))
    hull = _lower_face(skin, marks, center)
    rough = center + rays * hull.at(center + rays)[0][:, None] - marks.mouth
    ahead = (np.abs(rough[:, 1]) < 0.075) & (rough[:, 2] > -0.110)
    rays, chosen, leaning = rays[ahead], chosen[ahead], leaning[ahead]
    wanted = density.hairs(HAIRS * look.number("fullness")) if length > 0 else 0
    # more than half of the places bear hair
    rays = rays[: 3 * wanted]
    outer = _outer_skin(skin, hull)
    root, near = on_skin(outer, center, rays)
    full = thickness(root, marks)
    # rays spread out with the distance
    share = (np.linalg.norm(root - center, axis=1) / 0.085) ** 2
    rows = np.flatnonzero(chosen[: len(rays), 0] < full * share)[:wanted]
    root, near, full = root[rows], near[rows], full[rows]
    chosen, leaning = chosen[rows], leaning[rows]
    normal = outer.normals[near]
    rel = root - marks.mouth
    # down and outwards on the lip and the cheeks, towards the tip of the chin below
    side = np.sign(rel[:, 0]) * smoothstep(0.0, 0.012, np.abs(rel[:, 0]))
    upper = smoothstep(-0.004, 0.004, rel[:, 1]) * (np.abs(rel[:, 0]) < 0.035)
    comb = np.stack([side * (0.1 + 0.9 * upper), -np.ones(len(rows)), 0.35 * (1 - upper)], axis=1)
    comb = comb - (comb * normal).sum(axis=1, keepdims=True) * normal
    heading = unit(unit(comb) + 0.55 * normal + 0.40 * leaning)
    curl = unit(unit(comb) - 0.35 * normal + 0.40 * leaning)
    reach = length * (0.6 + 0.5 * chosen[:, 1]) * (0.45 + 0.55 * full)
    reach = (reach * (1 - 0.35 * upper))[:, None]
    points = np.stack([root, root + heading * reach * 0.5, root + (heading + curl) * reach * 0.5])
    width = 0.00032 * (density.spacing / 0.45) ** 0.9 * np.array([[1.0], [0.75]])
    width = np.maximum(width, 0.0002) * (0.8 + 0.4 * chosen[:, 2])
    there = np.ones(width.shape, bool)
    pieces = Pieces(points[:-1], points[1:], np.stack([normal, normal]), width, there)
    shades = look.colors("colors")
    chin = np.exp(-((rel[:, 0] / 0.022) ** 2)) * smoothstep(-0.018, -0.035, rel[:, 1])
    pick = chosen[:, 3] ** (1.25 - 0.85 * chin) * len(shades)
    shade = (
        shades[np.minimum(pick.astype(int), len(shades) - 1)] * (0.8 + 0.4 * chosen[:, 4])[:, None]
    )
    albedo = shade * np.array([0.72, 1.0])[:, None, None]
    weights = np.stack([outer.skin[near]] * PIECES)
    opacity = np.broadcast_to(0.55 + 0.35 * full, width.shape)
    whole = hair_splats(pieces, albedo, opacity, weights)
    moved = np.concatenate([outer.deltas[:, near]] * PIECES, axis=1)
    lit = np.concatenate([outer.posed_light[near]] * PIECES)
    return replace(whole, deltas=moved, posed_light=lit, least_light=np.array(0.10))


def _lower_face(skin: Cloud, marks: Landmarks, center: Floats) -> Hull:
    """The hull of the lower face and the neck."""
    points = skin.positions
    near = (points[:, 1] < marks.eyes[0, 1]) & (points[:, 1] > marks.chin - 0.06)
    return head_hull(points[near & (np.abs(points[:, 0]) < 0.085)], center)


def _outer_skin(skin: Cloud, hull: Hull) -> Cloud:
    """The skin without what lies behind it: the mouth's inside."""
    limit, own = hull.at(skin.positions)
    facing = (skin.normals * unit(skin.positions - hull.center)).sum(axis=1)
    return skin.where((own > limit - 0.008) & (own < limit + 0.02) & (facing > 0.05))


def thickness(points: Floats, marks: Landmarks) -> Floats:
    """How thickly the beard grows (n,) at places of the face, 0 to 1, with soft borders."""
    rel = points - marks.mouth
    wide, high = np.abs(rel[:, 0]), rel[:, 1]
    ruffle = 0.0018 * np.sin(wide * 700 + 2) + 0.0016 * np.sin(points @ [900.0, 1300, 500])
    # the border runs from the mouth's corner over the cheek to the sideburn
    cheek = np.interp(wide, [0.0, 0.030, 0.042, 0.055, 0.066, 0.074], [14, 10, 3, 10, 30, 62])
    below = smoothstep(0.006, -0.006, high - 0.001 * cheek + ruffle)
    lowest = np.interp(wide, [0.0, 0.030, 0.050, 0.070], [-0.062, -0.058, -0.044, -0.016])
    neck = smoothstep(-0.007, 0.007, high - lowest + ruffle)
    front = smoothstep(-0.101, -0.092, rel[:, 2]) * (high < 0.062)
    moustache = smoothstep(0.026, 0.021, high + 0.14 * wide) * (wide < 0.036)
    grown = (
        np.where(high > 0.0, np.maximum(below * (wide > 0.026), moustache), below) * neck * front
    )
    # lips, and the bare spots below their corners
    lips = ((rel[:, 0] / 0.031) ** 2 + ((high + 0.001) / 0.0125) ** 2) ** 0.5
    bare = np.exp(-(((wide - 0.016) / 0.009) ** 2) - (((high + 0.020) / 0.005) ** 2))
    # the moustache and the chin are thickest
    grown = grown * np.maximum(0.72, np.exp(-((wide / 0.036) ** 4)))
    values: Floats = grown * smoothstep(0.95, 1.15, lips) * (1 - 0.75 * bare)
    return values


def beard_cover(points: Floats, marks: Landmarks, look: Look) -> Floats:
    """How much (n,) of the hairs' shade the skin has at places of the face: 0 to 1, soft."""
    return 0.80 * thickness(points, marks) * (look.number("length") > 0)


def beard_shade(look: Look) -> Floats:
    """Albedo (3,) of the skin below the beard."""
    values: Floats = look.colors("colors")[:2].mean(axis=0) * 0.8
    return values
