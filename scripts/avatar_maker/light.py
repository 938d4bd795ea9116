# SPDX-License-Identifier: Apache-2.0
"""Baked light: a key, a fill, a rim and a soft sky, with shadows and ambient occlusion.

What a lamp gives a free surface follows from its normal alone, and is exact. How much of it
arrives is measured: for each of some directions the splats are drawn into a depth map seen from
there, and what lies behind others is in shadow. Skin is translucent: light spreads a few
millimetres under it, red the furthest, so its shadows are blurred over the surface, their edges
and the terminator are red, and creases keep the colour of the light that bounces in them
(Jimenez et al. 2016, Practical Realtime Strategies for Accurate Indirect Occlusion).
A fixed sheen for a viewer in front is added where the surface is glossy.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from avatar_maker.cloud import Cloud
from avatar_maker.mesh import unit
from avatar_maker.source import Floats

Singles = NDArray[np.float32]

DIRECTIONS: Final = 96
"""Directions from which shadows are measured."""
EXACT_DIRECTIONS: Final = 256
"""Directions over which the lamps are integrated."""
CELL: Final = 0.0024
"""Edge of a depth map's cell in metres."""
BIAS: Final = 0.0045
"""How far behind the nearest splat a splat still counts as lit, in metres."""
LIFT: Final = 0.0022
"""How far above its surface translucent matter looks for light, in metres."""
SPREAD: Final = 0.0034
"""How far light spreads under translucent matter, in metres."""
ROUNDS: Final = 6
"""Grids over which shadows are averaged, each turned another way."""
WRAP: Final = 0.14
WRAP_INSIDE: Final = (0.30, 0.17, 0.12)
"""How far past the terminator light reaches, as a cosine: on others, and in translucent matter."""
SHOULDER: Final = 0.6
"""Linear light above which the picture's contrast falls off."""
NEIGHBOURS: Final = tuple((r, c) for r in (-1, 0, 1) for c in (-1, 0, 1) if (r, c) != (0, 0))
"""Steps from a cell to the eight around it."""


@dataclass(frozen=True, slots=True)
class Lamp:
    """A soft lamp: its direction, colour, and sharpness as the power of a cosine lobe."""

    direction: tuple[float, float, float]
    color: tuple[float, float, float]
    sharpness: float


LAMPS: Final = (
    Lamp((0.62, 0.60, 0.90), (1.56, 1.50, 1.43), 7.0),
    Lamp((-0.85, 0.15, 0.85), (0.30, 0.315, 0.35), 3.0),
    Lamp((-0.70, 0.60, -0.60), (0.55, 0.60, 0.70), 5.0),
    Lamp((0.00, -0.60, 0.80), (0.20, 0.17, 0.155), 2.0),
)
SKY: Final = (0.27, 0.275, 0.295)
GROUND: Final = (0.15, 0.135, 0.125)
BOUNCED: Final = 0.35
"""How much of the light that bounces in creases is taken over: they are never so even inside."""


def _directions(count: int) -> Floats:
    """Evenly spread directions (count,3) on the sphere (Fibonacci lattice)."""
    index = np.arange(count) + 0.5
    height = 1 - 2 * index / count
    angle = index * np.pi * (3 - np.sqrt(5))
    ring = np.sqrt(1 - height**2)
    return np.stack([ring * np.cos(angle), height, ring * np.sin(angle)], axis=1)


def _radiance(directions: Floats) -> Floats:
    """Light (G,D,3) from each direction by source: the lamps, then all around.

    Every lamp's lobe integrates to its colour.
    """
    mix = (directions[:, 1:2] + 1) / 2
    sources = [mix * np.array(SKY) + (1 - mix) * np.array(GROUND)]
    for lamp in LAMPS:
        lobe = np.clip(directions @ unit(np.array(lamp.direction)), 0, None) ** lamp.sharpness
        sources.append(np.outer(lobe / lobe.mean() / 4, lamp.color))
    return np.stack(sources)


def depth_map(
    positions: Singles, direction: Floats, edge: float
) -> tuple[Singles, Singles, Singles]:
    """The heights of the highest positions along `direction`, by cells `edge` metres wide.

    Returns the map (R,C), which holds minus infinity where nothing is, the axes (3,2) across
    `direction` in cells, and the place (2,) of the map's corner on them.
    """
    helper = np.array([0.0, 1.0, 0.0]) if abs(direction[1]) < 0.9 else np.array([1.0, 0.0, 0.0])
    right = unit(np.cross(helper, direction))
    across = (np.stack([right, np.cross(direction, right)], axis=1) / edge).astype(np.float32)
    plane = positions @ across
    corner = plane.min(axis=0) - 3
    row, column = (plane - corner).astype(np.int32).T
    rows, columns = int(row.max()) + 4, int(column.max()) + 4
    highest = np.full(rows * columns, -np.inf, dtype=np.float32)
    np.maximum.at(highest, row * columns + column, positions @ direction.astype(np.float32))
    return highest.reshape(rows, columns), across, corner


def spread_out(positions: Floats, axes: Floats) -> Floats:
    """Places (m,3) that stand for splats in depth maps: n centres first, then more on large ones.

    Half axes (n,3,3); a splat's cell ends at about 0.8 of its first two.
    """
    counts = np.clip(np.ceil(1.6 * np.linalg.norm(axes[:, :2], axis=2) / CELL), 1, 12).astype(int)
    many = np.flatnonzero(counts.max(axis=1) > 1)
    columns, rows = counts[many].T
    splat = np.repeat(np.arange(len(many)), columns * rows)
    first = np.cumsum(columns * rows) - columns * rows
    index = np.arange(len(splat)) - first[splat]
    u = ((index % columns[splat] + 0.5) / columns[splat] * 2 - 1) * 0.8
    v = ((index // columns[splat] + 0.5) / rows[splat] * 2 - 1) * 0.8
    along, across = axes[many, 0], axes[many, 1]
    more = positions[many][splat] + along[splat] * u[:, None] + across[splat] * v[:, None]
    return np.concatenate([positions, more])


def _thinned(places: Floats) -> Singles:
    """One place (m,3) for each small cube that holds any: a depth map needs no more."""
    cube = np.floor((places - places.min(axis=0)) / (CELL / 2)).astype(np.int64)
    size = cube.max(axis=0) + 1
    _, first = np.unique((cube[:, 0] * size[1] + cube[:, 1]) * size[2] + cube[:, 2], True)
    return places[first].astype(np.float32)


def _lit(places: Singles, receivers: Singles, slack: Singles, direction: Floats) -> Singles:
    """1 for receivers (n,3) that `direction` reaches past the places, falling to 0 behind them."""
    highest, across, corner = depth_map(places, direction, CELL)
    nearest = highest
    for shift in NEIGHBOURS:
        nearest = np.maximum(nearest, np.roll(highest, shift, axis=(0, 1)) - np.float32(0.0015))
    height = receivers @ direction.astype(np.float32)
    plane = np.clip(receivers @ across - corner - 0.5, 0, np.array(highest.shape) - 2.001)
    whole = plane.astype(np.int32)
    (row, column), (down, aside) = whole.T, (plane - whole).astype(np.float32).T
    lit = np.zeros(len(receivers), dtype=np.float32)
    # the test is blurred rather than the heights: percentage-closer filtering
    for shift_row, shift_column in ((0, 0), (0, 1), (1, 0), (1, 1)):
        share = (down if shift_row else 1 - down) * (aside if shift_column else 1 - aside)
        behind = nearest[row + shift_row, column + shift_column] - height
        lit += share * np.clip(1.6 - behind / slack, 0.0, 1.0)
    return lit


def _arriving(
    places: Singles, cloud: Cloud, positions: Floats, normals: Floats, step: Callable[[float], None]
) -> Singles:
    """The share (n,G) of every source's light that others do not keep from a splat."""
    directions = _directions(DIRECTIONS)
    strength = _radiance(directions).mean(axis=2)
    lift = LIFT * cloud.translucence
    receivers = (positions + normals * lift[:, None]).astype(np.float32)
    slack = (BIAS * (1 - 0.45 * cloud.translucence)).astype(np.float32)
    narrow = normals.astype(np.float32)
    arrived = np.zeros((len(positions), len(strength)), dtype=np.float32)
    sent = np.full_like(arrived, 1e-6)
    for index, direction in enumerate(directions):
        facing = np.clip((narrow @ direction.astype(np.float32) + 0.3) / 1.3, 0, None)
        weight = np.outer(facing, strength[:, index]).astype(np.float32)
        sent += weight
        arrived += weight * _lit(places, receivers, slack, direction)[:, None]
        step((index + 1) / DIRECTIONS)
    return arrived / sent


def _spread_under(values: Singles, positions: Floats, normals: Floats) -> Singles:
    """Values (n,G) averaged over patches of the surface of about SPREAD."""
    generator = np.random.default_rng(3)
    total = np.zeros_like(values, dtype=np.float64)
    for _ in range(ROUNDS):
        turn = np.linalg.qr(generator.normal(size=(3, 3)))[0]
        cube = np.floor(positions @ turn / SPREAD + generator.random(3)).astype(np.int64)
        cube -= cube.min(axis=0)
        turned = normals @ turn
        # the two sides of a lip or of a nostril's wing share no light
        widest = np.argmax(np.abs(turned), axis=1)
        side = 2 * widest + (np.take_along_axis(turned, widest[:, None], 1)[:, 0] > 0)
        size = cube.max(axis=0) + 1
        key = ((cube[:, 0] * size[1] + cube[:, 1]) * size[2] + cube[:, 2]) * 6 + side
        _, patch, count = np.unique(key, return_inverse=True, return_counts=True)
        for column in range(values.shape[1]):
            mean = np.bincount(patch, values[:, column]) / count
            total[:, column] += mean[patch]
    return (total / ROUNDS).astype(np.float32)


def _free(normals: Floats, translucence: Floats) -> Singles:
    """Light (n,G,3) of every source on a free surface."""
    directions = _directions(EXACT_DIRECTIONS).astype(np.float32)
    radiance = (_radiance(_directions(EXACT_DIRECTIONS)) * (4 / EXACT_DIRECTIONS)).astype(
        np.float32
    )
    wraps = WRAP + np.outer(translucence, np.array(WRAP_INSIDE) - WRAP).astype(np.float32)
    result = np.empty((len(normals), len(radiance), 3), dtype=np.float32)
    for start in range(0, len(normals), 8192):
        rows = slice(start, start + 8192)
        cosine = normals[rows].astype(np.float32) @ directions.T
        for channel in range(3):
            wrap = wraps[rows, channel, None]
            facing = np.clip((cosine + wrap) / (1 + wrap), 0, None)
            result[rows, :, channel] = facing @ radiance[:, :, channel].T
    return result


def irradiance(
    cloud: Cloud, positions: Floats, normals: Floats, step: Callable[[float], None]
) -> Floats:
    """Light (n,3) on each splat of a cloud in some pose; `step` hears the fraction done."""
    places = _thinned(spread_out(positions, cloud.axes))
    share = _arriving(places, cloud, positions, normals, step)
    inside = cloud.translucence[:, None]
    rows = np.flatnonzero(cloud.translucence > 0)
    if len(rows):
        spread = _spread_under(share[rows], positions[rows], normals[rows])
        share[rows] += (spread - share[rows]) * inside[rows]
    free = _free(normals, cloud.translucence)
    total = np.zeros_like(positions)
    albedo = np.clip(cloud.albedo, 0, 0.9)
    for source in range(share.shape[1]):
        open_part = np.clip(share[:, source, None], 0, 1).astype(np.float64)
        # light that bounces in a crease has met the surface more than once
        bounced = ((2.0404 * albedo - 0.3324) * open_part + (0.6417 - 4.7951 * albedo)) * open_part
        bounced = (bounced + 2.7552 * albedo + 0.6903) * open_part
        red = open_part ** (1 + inside * np.array([-0.22, 0.0, 0.08]))
        total += free[:, source] * (red + BOUNCED * inside * np.clip(bounced - red, 0, None))
    return total


def baked(cloud: Cloud, posed: Floats, step: Callable[[float], None]) -> Floats:
    """Light (n,3) on each splat, from its place at rest and its place (n,3) in the lit pose."""
    rest = irradiance(cloud, cloud.positions, cloud.normals, lambda part: step(part / 2))
    other = irradiance(cloud, posed, cloud.posed_normals, lambda part: step(0.5 + part / 2))
    share = cloud.posed_light[:, None]
    return np.maximum(rest * (1 - share) + other * share, cloud.least_light[:, None])


def sheen(normals: Floats, gloss: Floats, light: Floats) -> Floats:
    """Highlight (n,3) towards a viewer in front: broad and narrow Blinn-Phong lobes of key and
    fill, and the brighter reflection at grazing angles (Schlick)."""
    bright = np.zeros_like(normals)
    view = np.array([0.0, 0.0, 1.0])
    for lamp in LAMPS[:2]:
        half = unit(unit(np.array(lamp.direction)) + view)
        cosine = np.clip(normals @ half, 0, None)
        lobe = 0.75 * cosine**18 + 0.7 * cosine**70
        bright += np.outer(lobe * gloss, lamp.color)
    grazing = np.clip(1 - np.abs(normals @ view), 0, 1) ** 4
    bright += np.outer(grazing * gloss, SKY)
    values: Floats = bright * np.clip(light.mean(axis=1, keepdims=True), 0, 1) * 0.11
    return values


def displayed(linear: Floats) -> Floats:
    """Linear light (n,3) to display-referred sRGB, with a soft shoulder above SHOULDER.

    Bright skin keeps its hue: the shoulder bends the strongest channel, the others mostly follow.
    """

    def bent(value: Floats) -> Floats:
        room = 1 - SHOULDER
        high = np.clip(value - SHOULDER, 0, None)
        return np.minimum(value, SHOULDER) + room * (1 - np.exp(-high / room))

    peak = np.maximum(linear.max(axis=1, keepdims=True), 1e-6)
    mapped = 0.7 * linear * (bent(peak) / peak) + 0.3 * bent(linear)
    mapped = np.clip(mapped, 0, 1)
    curve = 1.055 * np.power(np.maximum(mapped, 0.0031308), 1 / 2.4) - 0.055
    values: Floats = np.where(mapped <= 0.0031308, 12.92 * mapped, curve)
    return values


def linear(red: int, green: int, blue: int) -> Floats:
    """A colour given as 8-bit sRGB in linear light."""
    value = np.array([red, green, blue]) / 255
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)
