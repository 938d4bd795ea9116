# SPDX-License-Identifier: Apache-2.0
"""Long soft hair with a side parting: strands that part, fall, gather in locks and wave.

Each strand grows by itself along the head, outside the hull at a distance of its own (its volume);
then it is drawn towards its lock's leading strand the more the further it is from the root, and
the lock waves as a whole. All random choices belong to a strand's number, and the strands of a
coarse model are the first ones of a fine model.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from avatar_maker.cloud import HEAD, NECK, ROOT, Cloud, joined
from avatar_maker.density import Density
from avatar_maker.hairline import above_hairline, head_axis
from avatar_maker.hull import Hull, on_skin, spread_rays
from avatar_maker.mesh import smoothstep, unit
from avatar_maker.recipe import Look
from avatar_maker.source import Floats, Ints
from avatar_maker.strands import Pieces, hair_splats, highlight

STRANDS: Final = 480
"""At spacing 1; narrower ones the more there are."""
LOCKS: Final = 130
MOST: Final = 7000
"""Strands that random choices are made for, whatever the spacing."""
STEP: Final = 0.0112
STEPS: Final = 29
FRAME: Final = (
    np.array([-0.20, -0.12, -0.08, -0.03, 0.01, 0.03, 0.045, 0.056, 0.064, 0.08]),
    np.radians([46, 50, 58, 68, 68, 60, 46, 26, 0, 0]),
)
"""The face's outline: height above the eyes in metres, and the least azimuth of hair there."""


def _roots(
    skin: Cloud, eyes: Floats, hull: Hull, look: Look, rng: np.random.Generator
) -> tuple[Floats, Floats]:
    """Places and normals of roots in the order of strands, denser where hair leaves the skin."""
    rays = spread_rays(14 * MOST, rng)
    rough = hull.center + rays * hull.at(hull.center + rays)[0][:, None]
    above = above_hairline(rough, eyes, look)
    rel = rough - head_axis(eyes)
    chance = 0.30 + 0.5 * np.exp(-np.clip(above, 0, 1) / 0.012)
    # roots lie close at the parting, where strands leave to both sides
    aside = (rough[:, 0] - look.number("parting")) / 0.014
    chance = chance + 0.45 * np.exp(-(aside**2)) * (rel[:, 1] > 0.05)
    # the back of the head is seen at a slant at most
    chance = chance * (0.35 + 0.65 * smoothstep(-0.07, 0.0, rel[:, 2]))
    scalp = (above > 0.002) & (rng.random(len(rays)) < chance)
    places, near = on_skin(skin, hull.center, rays[scalp][:MOST])
    return places, skin.normals[near]


def _combed(point: Floats, normal: Floats, parting: float, axis: Floats) -> Floats:
    """Unit directions (n,3) away from the parting, along the head."""
    # the parting runs from the forehead to the crown
    back = np.clip(point[:, 2] - axis[2], -0.03, 0.12)
    line = np.stack(
        [parting * (0.6 + 3.3 * np.clip(back, 0, 0.12)), point[:, 1], back + axis[2]], 1
    )
    away = unit((point - line) * np.array([1.0, 0.0, 1.0]))
    front = smoothstep(0.0, 0.08, point[:, 2] - axis[2])
    away = away + np.array([0.0, 0.0, -0.45]) * front[:, None]
    return unit(away - (away * normal).sum(axis=1, keepdims=True) * normal)


def _grow(
    root: Floats,
    outward: Floats,
    eyes: Floats,
    hull: Hull,
    look: Look,
    layer: Floats,
    loose: Floats,
) -> Floats:
    """Points (STEPS+1,n,3); `layer` (n,) is how far out in the volume each runs, 0 to 1."""
    axis = head_axis(eyes)
    parting = look.number("parting")
    side = np.where(root[:, 0] > parting, 1.0, -1.0)
    volume = look.number("volume") * (0.003 + 0.011 * layer) + loose
    top = smoothstep(0.02, 0.09, root[:, 1] - eyes[0, 1])
    heading = unit(
        outward * (0.25 + 0.75 * top)[:, None] + _combed(root, outward, parting, axis) * 0.8
    )
    point, points = root, [root]
    for index in range(STEPS):
        rel = point - hull.center
        normal = unit(rel)
        down = np.array([0.0, -1.0, 0.0]) + normal * normal[:, 1:2]
        height = point[:, 1] - axis[1]
        high = smoothstep(0.0, 0.09, height)
        wish = down * (1 - 0.55 * high)[:, None]
        wish = wish + _combed(point, normal, parting, axis) * (0.75 * high)[:, None]
        free = smoothstep(0.01, -0.04, height)[:, None]
        wish = wish * (1 - free) + np.array([0.0, -1.0, 0.0]) * free
        heading = unit(heading * 0.68 + wish * 0.32)
        moved = point + heading * STEP
        # hair stays off the face
        flat = moved - axis
        azimuth = np.arctan2(flat[:, 0], flat[:, 2])
        least = np.interp(flat[:, 1], *FRAME) + 0.30 * (layer - 0.5) * (flat[:, 1] < 0.03)
        short = np.clip(least - azimuth * side, 0, None) * 0.45
        short = np.where(np.abs(azimuth) < 2.6, short, 0) * side
        turn = np.arctan2(flat[:, 0], flat[:, 2]) + short
        reach = np.linalg.norm(flat[:, ::2], axis=1)
        moved = axis + np.stack([reach * np.sin(turn), flat[:, 1], reach * np.cos(turn)], axis=1)
        limit, own = hull.at(moved)
        grown = index * STEP
        lift = volume * min(1.0, 0.15 + grown / 0.04) + 0.0012 + 0.020 * grown
        below = smoothstep(0.0, -0.05, moved[:, 1] - axis[1])
        most = limit + lift + 0.003 + below * 0.2
        wide = np.clip(own, limit + lift, most)
        pushed = hull.center + (moved - hull.center) * (wide / own)[:, None]
        heading = unit(pushed - point)
        point = point + heading * STEP
        points.append(point)
    return np.stack(points)


def _gathered(points: Floats, lock: Ints, inner: Floats, clump: Floats) -> Floats:
    """Strands drawn towards their lock's leader, the first of its number."""
    share: Floats = np.linspace(0, 1, STEPS + 1)[:, None]
    pull: Floats = clump * smoothstep(0.12, 0.80, share)
    leader = points[:, lock]
    # a lock keeps some thickness, less towards the tip
    thick = inner * (1 - 0.6 * share)[..., None]
    return points + (leader + thick - points) * pull[..., None]


def waves(skin: Cloud, eyes: Floats, hull: Hull, look: Look, density: Density) -> Cloud:
    """The splats of long hair, bound to the head and, at the tips, to neck and shoulders."""
    rng = np.random.default_rng(11)
    root, outward = _roots(skin, eyes, hull, look, rng)
    most = len(root)
    chosen = rng.random((most, 12))
    normal_choice = rng.normal(0, 1, (most, 6))
    count = min(density.hairs(STRANDS), most)
    axis = head_axis(eyes)
    parting = look.number("parting")
    side = np.sign(root[:, 0] - parting)
    gap = ((root[:count, None] - root[None, :LOCKS]) ** 2).sum(axis=2)
    gap += 1.0 * (side[:count, None] != side[None, :LOCKS])
    lock = np.argmin(gap, axis=1)

    def own(column: int, shared: float = 0.0) -> Floats:
        """A choice between 0 and 1 of each strand, partly its lock's."""
        values: Floats = shared * chosen[lock, column] + (1 - shared) * chosen[:count, column]
        return values

    stray = (chosen[:count, 0] > 0.955) & (np.arange(count) >= LOCKS)
    points = _grow(
        root[:count],
        outward[:count],
        eyes,
        hull,
        look,
        own(1, 0.6),
        np.where(stray, 0.002 + 0.006 * own(2), 0.0),
    )
    inner = normal_choice[:count, :3] * 0.0034 * np.array([1.0, 0.3, 1.0])
    clump = np.where(stray, 0.25, 0.72 + 0.22 * own(3))
    points = _gathered(points, lock, inner, clump)
    points[1:-1] = (points[:-2] + 2 * points[1:-1] + points[2:]) / 4

    # waves: neighbours keep step, more or less
    along = unit(np.gradient(points, axis=0))
    out = unit((points - axis) * np.array([1.0, 0.25, 1.0]))
    across = unit(np.cross(along, out))
    grown: Floats = np.arange(STEPS + 1, dtype=np.float64)[:, None] * STEP
    height = points[..., 1] - axis[1]
    azimuth = np.arctan2(root[lock, 0], root[lock, 2] - axis[2])
    phase = 2.2 * np.sin(2.3 * azimuth) + 2.6 * own(4, 0.85) - height[0] * 40
    size = look.number("wave") * (0.0035 + 0.0035 * own(5, 0.7)) * np.where(stray, 1.3, 1.0)
    size = size * smoothstep(0.06, -0.06, height) * smoothstep(0.02, 0.09, grown)
    turn = 2 * np.pi * grown / (0.058 + 0.020 * own(6, 0.9)) + phase
    points = points + across * (size * np.sin(turn))[..., None]
    points = points + out * (0.8 * size * (1 + np.cos(turn)))[..., None]

    # layers: uneven tips, the shortest beside the face
    front = smoothstep(0.02, 0.08, root[:count, 2] - axis[2])
    short = 0.030 * front * own(7, 0.8) + 0.028 * (own(8, 0.75) - 0.4) + 0.012 * own(9) ** 2
    tip = axis[1] - look.number("length") + short
    middle = (points[1:] + points[:-1]) / 2
    there = np.logical_and.accumulate(middle[..., 1] > tip, axis=0)
    left = np.clip((middle[..., 1] - tip) / 0.035, 0, 1)
    width = density.spacing * (0.0009 + 0.0007 * own(10)) * (0.35 + 0.65 * left)
    width = np.where(stray, 0.5, 1.0) * width
    outward_now = unit((middle - axis) * np.array([1.0, 0.6, 1.0]))
    depth = (inner * outward_now).sum(axis=2) / 0.0034
    pieces = Pieces(
        points[:-1], points[1:], unit(outward_now + 0.25 * inner / 0.0034), width, there
    )
    albedo = _colors(pieces, look, lock, chosen[:count], depth)
    skin_weights = _weights(middle, axis)
    over = hair_splats(pieces, albedo, np.full(width.shape, 0.95), skin_weights)

    # each lock's core, wide and dark, closes what its strands leave open
    core = slice(0, LOCKS)
    inward = -0.0035 * outward_now[:, core]
    body = Pieces(
        points[:-1, core] + inward,
        points[1:, core] + inward,
        outward_now[:, core],
        0.0042 * (0.45 + 0.55 * left[:, core]),
        there[:, core] & (left[:, core] > 0.15) & (middle[:, core, 1] < axis[1] + 0.06),
    )
    dark = np.broadcast_to(look.colors("colors").mean(axis=0) * 0.42, body.starts.shape)
    under = hair_splats(body, dark, np.full(body.width.shape, 0.98), skin_weights[:, core])
    return joined([under, over])


def _colors(pieces: Pieces, look: Look, lock: Ints, chosen: Floats, depth: Floats) -> Floats:
    """Albedo (s,n,3): locks and strands differ, tips are lighter, and the sheen."""
    shades = look.colors("colors")
    pick = np.where(chosen[:, 11] < 0.6, chosen[lock, 11], chosen[:, 10])
    shade = shades[(pick * len(shades)).astype(int) % len(shades)]
    shade = shade * (0.82 + 0.36 * chosen[:, 9])[:, None]
    fraction = (np.arange(STEPS) + 0.5)[:, None, None] / STEPS
    albedo = shade * (0.72 + 0.55 * fraction * np.array([1.06, 1.0, 0.94]))
    albedo = albedo * np.clip(0.88 + 0.20 * depth, 0.5, 1.15)[..., None]
    jitter = 0.10 * (chosen[:, 8] + chosen[:, 7] - 1) + 0.08 * (chosen[lock, 7] - 0.5)
    along = unit(pieces.ends - pieces.starts)
    white, tinted = highlight(along, pieces.outward, np.broadcast_to(jitter, depth.shape))
    gleam = tinted[..., None] * albedo * 0.75 + white[..., None] * 0.055 * np.array(
        [1.0, 0.93, 0.84]
    )
    values: Floats = albedo + gleam * (0.5 + chosen[:, 6])[:, None]
    return values


def _weights(places: Floats, axis: Floats) -> Floats:
    """Skin weights (...,5): tips stay on the shoulders when the head turns."""
    low = smoothstep(-0.07, -0.17, places[..., 1] - axis[1])
    weights = np.zeros((*places.shape[:-1], 5))
    weights[..., HEAD] = 1 - 0.65 * low
    weights[..., NECK] = 0.40 * low
    weights[..., ROOT] = 0.25 * low
    return weights
