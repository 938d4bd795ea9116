# SPDX-License-Identifier: Apache-2.0
"""How long hair grows: roots, a parting, falling outside the head, and gathering in locks.

Each strand grows by itself along the head, outside the hull at a distance of its own (its volume);
then it is drawn towards its lock's leading strand the more the further it is from the root. All
random choices belong to a strand's number, and the strands of a coarse model are the first ones of
a fine model.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from avatar_maker.hair.hairline import above_hairline, head_axis
from avatar_maker.hair.hull import Hull, on_skin, spread_rays
from avatar_maker.recipe import Look
from avatar_maker.source import Floats, Ints, Masks
from avatar_maker.splats.cloud import Cloud
from avatar_maker.splats.mesh import smoothstep, unit

LOCKS: Final = 130
MOST: Final = 6000
"""Strands that random choices are made for, whatever the spacing."""
STEP: Final = 0.0150
STEPS: Final = 22
THICK: Final = 0.0040
"""Half thickness of a lock in metres."""
FRAME: Final = (
    np.array([-0.20, -0.12, -0.08, -0.03, 0.01, 0.03, 0.045, 0.056, 0.064, 0.08]),
    np.radians([42, 43, 44, 47, 49, 47, 41, 26, 0, 0]),
)
"""The face's outline: height above the eyes in metres, and the least azimuth of hair there."""


@dataclass(frozen=True, slots=True)
class Strands:
    """n grown strands from root to tip.

    `points` (STEPS+1,n,3); `lock` (n,) is the number of the strand that leads; `inner` (n,3) is the
    place within the lock in metres; `stray` (n,) leave theirs; `chosen` (n,12) are random choices
    between 0 and 1, of which growth takes the first four columns.
    """

    points: Floats
    lock: Ints
    inner: Floats
    stray: Masks
    chosen: Floats

    def choice(self, column: int, shared: float = 0.0) -> Floats:
        """A choice between 0 and 1 of each strand (n,), partly its lock's."""
        own = self.chosen[:, column]
        values: Floats = shared * own[self.lock] + (1 - shared) * own
        return values


def grown_strands(skin: Cloud, eyes: Floats, hull: Hull, look: Look, count: int) -> Strands:
    """The first `count` strands, gathered in locks, not waved or cut yet."""
    rng = np.random.default_rng(11)
    root, outward = _roots(skin, eyes, hull, look, rng)
    chosen, inner = rng.random((len(root), 12)), rng.normal(0, 1, (len(root), 3))
    count = min(max(count, LOCKS), len(root))
    root, outward, chosen = root[:count], outward[:count], chosen[:count]
    inner = inner[:count] * THICK * np.array([1.0, 0.3, 1.0])
    side = aside_of_parting(root, look.number("parting"), head_axis(eyes)) > 0
    gap = ((root[:, None] - root[None, :LOCKS]) ** 2).sum(axis=2)
    lock = np.argmin(gap + (side[:, None] != side[None, :LOCKS]), axis=1)
    stray = (chosen[:, 0] > 0.975) & (np.arange(count) >= LOCKS)
    loose = np.where(stray, 0.001 + 0.002 * chosen[:, 2], 0.0)
    layer = 0.6 * chosen[lock, 1] + 0.4 * chosen[:, 1]
    points = _grow(root, outward, eyes, hull, look, layer, loose)
    # pushing back and forth at the hull leaves a zigzag
    for _ in range(3):
        points[1:-1] = (points[:-2] + 2 * points[1:-1] + points[2:]) / 4
    clump = np.where(stray, 0.25, 0.55 + 0.25 * chosen[:, 3])
    return Strands(_gathered(points, lock, inner, clump), lock, inner, stray, chosen)


def _roots(
    skin: Cloud, eyes: Floats, hull: Hull, look: Look, rng: np.random.Generator
) -> tuple[Floats, Floats]:
    """Places and normals of roots in the order of strands, denser where hair leaves the skin."""
    rays = spread_rays(14 * MOST, rng)
    rough = hull.center + rays * hull.at(hull.center + rays)[0][:, None]
    above = above_hairline(rough, eyes, look)
    rel = rough - head_axis(eyes)
    chance = 0.30 + 0.7 * np.exp(-np.clip(above, 0, 1) / 0.012) * (rel[:, 2] > 0.02)
    # roots lie close at the parting, where strands leave to both sides
    aside = (rough[:, 0] - look.number("parting")) / 0.014
    chance = chance + 0.45 * np.exp(-(aside**2)) * (rel[:, 1] > 0.05)
    # the back of the head is seen at a slant at most
    chance = chance + 0.35 * ((rel[:, 1] < 0.0) & (rel[:, 2] < 0.01))
    chance = chance * (0.45 + 0.55 * smoothstep(-0.07, 0.0, rel[:, 2]))
    scalp = (above > 0.002) & (rng.random(len(rays)) < chance)
    places, near = on_skin(skin, hull.center, rays[scalp][:MOST])
    return places, skin.normals[near]


def parting_line(back: Floats, parting: float) -> Floats:
    """The parting's x (n,) at distances ahead of the head's axis; it ends at the crown."""
    return parting * (0.6 + 3.3 * np.clip(back, 0, 0.12))


def aside_of_parting(points: Floats, parting: float, axis: Floats) -> Floats:
    """Metres (n,) from the parting towards the left; negative on its other side."""
    values: Floats = points[:, 0] - parting_line(points[:, 2] - axis[2], parting)
    return values


def combed(point: Floats, normal: Floats, parting: float, axis: Floats) -> Floats:
    """Unit directions (n,3) away from the parting, along the head."""
    back = np.clip(point[:, 2] - axis[2], -0.03, 0.12)
    line = np.stack([parting_line(back, parting), point[:, 1], back + axis[2]], 1)
    away = unit((point - line) * np.array([1.0, 0.0, 1.0]))
    front = smoothstep(0.0, 0.08, point[:, 2] - axis[2])
    away = away + np.array([0.0, 0.0, -0.20]) * front[:, None]
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
    aside = aside_of_parting(root, parting, axis)
    side = np.where(aside > 0, 1.0, -1.0)
    volume = look.number("volume") * (0.005 + 0.009 * layer) + loose
    # hair lies flat beside the parting and rises away from it
    flat_near = smoothstep(0.03, 0.0, np.abs(aside)) * smoothstep(0.04, 0.08, root[:, 1] - axis[1])
    top = smoothstep(0.0, 0.08, root[:, 1:2] - eyes[0, 1])
    ahead = smoothstep(-0.02, 0.05, root[:, 2] - axis[2])
    heading = unit(
        outward * (0.20 + 0.30 * top - 0.25 * flat_near[:, None] * top)
        + combed(root, outward, parting, axis) * (0.1 + 0.7 * top)
        + np.array([0.0, -1.0, 0.0]) * (1 - top)
    )
    point, points = root, [root]
    for index in range(STEPS):
        rel = point - hull.center
        normal = unit(rel)
        down = np.array([0.0, -1.0, 0.0]) + normal * normal[:, 1:2]
        height = point[:, 1] - axis[1]
        high = smoothstep(0.0, 0.09, height)
        wish = down * (1 - 0.55 * high)[:, None]
        wish = wish + combed(point, normal, parting, axis) * (0.75 * high)[:, None]
        free = smoothstep(0.01, -0.04, height)[:, None]
        wish = wish * (1 - free) + np.array([0.0, -1.0, 0.0]) * free
        heading = unit(heading * 0.68 + wish * 0.32)
        moved = point + heading * STEP
        # hair stays off the face
        flat = moved - axis
        azimuth = np.arctan2(flat[:, 0], flat[:, 2])
        above = (flat[:, 2] > 0) & (height > 0.03)
        facing = np.where(above, side, np.sign(flat[:, 0]))
        aside = azimuth * facing
        least = np.interp(flat[:, 1], *FRAME) + 0.30 * (layer - 0.5) * (flat[:, 1] < 0.03)
        short = np.clip(least - aside, 0, None) * 0.45
        # what grows in front falls in front of the ears
        aim = least + 0.10 + 0.35 * layer + 1.2 * (1 - ahead)
        forward = 0.16 * ahead * smoothstep(0.05, 0.02, height)
        turn = azimuth + facing * (short - np.clip(aside - aim, 0, None) * forward)
        reach = np.linalg.norm(flat[:, ::2], axis=1)
        moved = axis + np.stack([reach * np.sin(turn), flat[:, 1], reach * np.cos(turn)], axis=1)
        limit, own = hull.at(moved)
        grown = index * STEP
        lift = (
            volume * np.minimum(1.0, 0.15 + grown / (0.06 + 0.06 * flat_near))
            + 0.0032 * min(1.0, (index + 1) / 2)
            + 0.020 * grown
        )
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
    leader = points[:, lock]
    # hair that went another way around the head is left alone
    near = smoothstep(0.090, 0.055, np.linalg.norm(leader - points, axis=2)).min(axis=0)
    pull: Floats = clump * near * smoothstep(0.12, 0.80, share)
    # a lock keeps some thickness, less towards the tip
    thick = inner * (1 - 0.4 * share)[..., None]
    return points + (leader + thick - points) * pull[..., None]
