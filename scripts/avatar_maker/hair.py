# SPDX-License-Identifier: Apache-2.0
"""Head hair: a chin-length bob with a side parting, of strands grown from the scalp.

A strand starts along the combing direction, falls under its own weight, and is kept outside a
smooth hull around head, ears and neck at a distance of its own, which gives the hair its volume.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from avatar_maker.cloud import HEAD, UNITS, Cloud, bound_to, flat_axes, joined
from avatar_maker.density import Density
from avatar_maker.hairline import above_hairline, head_axis
from avatar_maker.mesh import smoothstep, unit
from avatar_maker.recipe import Look
from avatar_maker.source import Floats, Ints

STRANDS: Final = 640
"""At spacing 1; narrower ones the more there are."""
STEP: Final = 0.0138
STEPS: Final = 20
LOOSE: Final = 0.004
"""How far a strand may leave the place above the hull that its volume gives it, in metres."""
UNDER_ANGLE: Final = 0.075
"""Edge of the under-layer's cells as an angle seen from the hull's centre: about 8 mm."""
UNDER_STRANDS: Final = 5
"""How many pieces of strands must run over a splat of the under-layer for it to be there."""


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


def _roots(skin: Cloud, eyes: Floats, parting: float, count: int, rng: np.random.Generator) -> Ints:
    """Scalp splats from which `count` strands grow, by area, denser at hairline and parting."""
    above = above_hairline(skin.positions, eyes)
    scalp = np.flatnonzero((above > 0.0) & (skin.positions[:, 1] > eyes[0, 1] - 0.075))
    area = np.linalg.norm(skin.axes[scalp, 0], axis=1) * np.linalg.norm(skin.axes[scalp, 1], axis=1)
    chance = area * (1 + 1.6 * np.exp(-above[scalp] / 0.012))
    # the back of the head is seen at a slant at most
    chance *= 0.8 + 0.2 * smoothstep(-0.06, 0.01, skin.positions[scalp, 2] - head_axis(eyes)[2])
    # roots lie close at the parting, where strands leave to both sides
    aside = (skin.positions[scalp, 0] - parting) / 0.013
    chance *= 1 + 2.5 * np.exp(-(aside**2)) * (skin.positions[scalp, 1] > eyes[0, 1] + 0.05)
    ladder = np.cumsum(chance) / chance.sum()
    return scalp[np.searchsorted(ladder, (np.arange(count) + rng.random(count)) / count)]


def _grow(
    skin: Cloud, eyes: Floats, hull: Hull, look: Look, count: int, rng: np.random.Generator
) -> Floats:
    """Points (STEPS+1, count, 3) along each strand, root first."""
    parting = look.number("parting")
    roots = _roots(skin, eyes, parting, count, rng)
    strewn = rng.uniform(-0.8, 0.8, (count, 2, 1)) * skin.axes[roots, :2]
    point = skin.positions[roots] + strewn.sum(axis=1)
    outward = skin.normals[roots]
    axis = head_axis(eyes)
    aside = np.where(point[:, 0] > parting, 1.0, -1.0)
    front = smoothstep(-0.02, 0.07, point[:, 2] - axis[2])
    volume = look.number("volume") * rng.uniform(0.002, 0.010, count)
    heading = unit(
        outward * 0.35
        + np.stack([aside, np.full(count, 0.10), -0.25 * front], axis=1)
        * smoothstep(0.0, 0.05, point[:, 1] - eyes[0, 1])[:, None]
        + np.array([0.0, -0.30, -0.35]) * (1 - front)[:, None]
        + rng.normal(0, 0.10, (count, 3))
    )
    points = [point]
    for index in range(STEPS):
        fall = 0.20 + 0.40 * index / STEPS
        heading = unit(heading * (1 - fall) + np.array([0.0, -1.0, 0.0]) * fall)
        # hair at the temples is combed off the face, past the cheekbones
        face = smoothstep(0.03, 0.07, point[:, 2] - axis[2]) * (np.abs(point[:, 0]) < 0.085)
        heading = unit(
            heading + np.stack([aside * 0.55, 0 * aside, -0.55 + 0 * aside], 1) * face[:, None]
        )
        moved = point + heading * STEP
        # below the jaw the hair curls in towards the neck
        inward = np.stack([-aside, 0 * aside, 0 * aside], 1) * 0.0022
        moved += inward * (moved[:, 1:2] < eyes[0, 1] - 0.045)
        below = moved[:, 1] < eyes[0, 1] + 0.005
        wide = np.linalg.norm(point[:, ::2] - axis[::2], axis=1)
        wider = np.linalg.norm(moved[:, ::2] - axis[::2], axis=1)
        narrow = np.where(below, np.minimum(1.0, wide / wider), 1.0)[:, None]
        moved[:, ::2] = axis[::2] + (moved[:, ::2] - axis[::2]) * narrow
        limit, own = hull.at(moved)
        lift = volume * min(1.0, 0.25 + index / 5) + 0.0015
        rel = moved - hull.center
        loose = np.where(moved[:, 1] > eyes[0, 1] + 0.005, LOOSE, np.inf)
        reach = np.clip(own, limit + lift, limit + lift + loose)
        pushed = hull.center + rel * (reach / own)[:, None]
        heading = unit(pushed - point)
        point = point + heading * STEP
        points.append(point)
    return np.stack(points)


def _under_layer(hull: Hull, strands: Floats, eyes: Floats, color: Floats) -> Cloud:
    """Large opaque splats below the strands, so that gaps between these look deep.

    They lie where many strands run, at the depth of the inner ones; `strands` (n,3) are points
    along all of these, `color` (3,) the deep hair's.
    """
    rows = round(np.pi / UNDER_ANGLE)
    polar = (np.arange(rows) + 0.5) / rows * np.pi
    counts = np.maximum(np.round(2 * np.pi * np.sin(polar) / UNDER_ANGLE), 4).astype(int)
    tilt = np.repeat(polar, counts)
    turn = np.concatenate([(np.arange(n) + row % 2 / 2) / n for row, n in enumerate(counts)])
    turn = turn * 2 * np.pi
    flat, up = np.sin(tilt), np.cos(tilt)
    rays = np.stack([flat * np.sin(turn), up, flat * np.cos(turn)], axis=1)
    down = np.stack([up * np.sin(turn), -flat, up * np.cos(turn)], axis=1)
    aside = np.stack([np.cos(turn), 0 * turn, -np.sin(turn)], axis=1)
    limit, own = hull.at(strands)
    near = rays @ unit(strands - hull.center).T > np.cos(1.2 * UNDER_ANGLE)
    # how far above the hull the inner strands run there
    lift = np.array([np.percentile((own - limit)[row], 15) if row.any() else 0 for row in near])
    limit, _ = hull.at(hull.center + rays)
    reach = limit + np.maximum(lift, 0.0015)
    points = hull.center + rays * reach[:, None]
    behind = points[:, 2] < head_axis(eyes)[2] - 0.01
    thick = (above_hairline(points, eyes) > 0.010) | behind
    thick &= near.sum(axis=1) >= np.where(behind, 1, UNDER_STRANDS)
    count = int(thick.sum())
    # behind the neck one looks along the layer, between its splats
    low = behind & (points[:, 1] < eyes[0, 1] - 0.02)
    depth = np.where(low, 0.0040, 0.0004)[:, None]
    half = (reach * UNDER_ANGLE / 2 * 1.3)[:, None]
    return Cloud(
        positions=points[thick],
        normals=rays[thick],
        axes=flat_axes((down * half)[thick], (aside * half)[thick], depth[thick]),
        albedo=np.broadcast_to(color, (count, 3)),
        opacity=np.full(count, 0.98),
        gloss=np.zeros(count),
        deltas=np.zeros((UNITS, count, 3)),
        skin=bound_to(HEAD, count),
    )


def head_hair(skin: Cloud, eyes: Floats, look: Look, density: Density) -> Cloud:
    """Splats along the strands and below them, bound to the head."""
    rng = np.random.default_rng(11)
    near = skin.positions[:, 1] > eyes[0, 1] - 0.062
    near &= np.abs(skin.positions[:, 0]) < 0.10
    hull = head_hull(skin.positions[near], head_axis(eyes) + np.array([0.0, 0.02, 0.0]))
    count_of_strands = density.hairs(STRANDS)
    strands = _grow(skin, eyes, hull, look, count_of_strands, rng)
    for _ in range(2):
        strands[1:-1] = (strands[:-2] + 2 * strands[1:-1] + strands[2:]) / 4
    ends = eyes[0, 1] - rng.uniform(0.092, 0.103, count_of_strands)
    middle = (strands[1:] + strands[:-1]) / 2
    along = (strands[1:] - strands[:-1]) * 0.50
    alive = middle[..., 1] > ends
    alive = np.logical_and.accumulate(alive, axis=0)
    outward = unit(middle - hull.center)
    across = unit(np.cross(along, outward))
    normal = unit(np.cross(across, along))
    fraction = np.linspace(0, 1, STEPS)[:, None]
    shades = look.colors("colors")
    shade = shades[rng.integers(0, len(shades), count_of_strands)]
    shade = shade * rng.uniform(0.8, 1.2, count_of_strands)[:, None]
    albedo = shade[None] * (0.70 + 0.5 * fraction)[..., None]
    # hairs shine where they run across the light: the lobe of Kajiya and Kay 1989
    half = unit(np.array([0.35, 0.65, 1.0]))
    gleam = np.sqrt(np.clip(1 - (unit(along) @ half) ** 2, 0, 1)) ** 40
    albedo = albedo * (1 + 1.2 * gleam * np.clip(normal @ half, 0, 1))[..., None]
    taper = np.clip((middle[..., 1] - ends) / 0.012, 0.5, 1)
    width = density.spacing * rng.uniform(0.0012, 0.0021, count_of_strands)[None] * taper
    keep = alive.ravel()
    count = int(keep.sum())
    axes = np.stack([along, across * width[..., None], normal * 0.0004], axis=-2)

    def flat(values: Floats) -> Floats:
        return values.reshape(-1, *values.shape[2:])[keep]

    under = _under_layer(hull, flat(middle), eyes, shades.mean(axis=0) * 0.5)
    over = Cloud(
        positions=flat(middle),
        normals=unit(flat(normal) + 0.6 * flat(outward)),
        axes=flat(axes),
        albedo=flat(albedo),
        opacity=np.full(count, 0.96),
        gloss=np.zeros(count),
        deltas=np.zeros((UNITS, count, 3)),
        skin=bound_to(HEAD, count),
    )
    whole = joined([under, over])
    return replace(whole, least_share=np.array(0.12), least_light=np.array(0.20))
