# SPDX-License-Identifier: Apache-2.0
"""Baked light: a key, a fill, a rim and a soft sky, with shadows and ambient occlusion.

For each of many directions the splats are drawn into a depth map seen from there; a splat
within a few millimetres of the nearest one is lit from that direction. The sum over directions
is the irradiance. A fixed sheen for a viewer in front is added where the surface is glossy.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from avatar_maker.cloud import Cloud
from avatar_maker.mesh import unit
from avatar_maker.source import Floats, Ints

DIRECTIONS: Final = 220
CELL: Final = 0.0024
"""Edge of a depth map's cell in metres."""
BIAS: Final = 0.0045
"""How far behind the nearest splat a splat still counts as lit, in metres."""
NEIGHBOURS: Final = tuple((r, c) for r in (-1, 0, 1) for c in (-1, 0, 1) if (r, c) != (0, 0))
"""Steps from a cell to the eight around it."""


@dataclass(frozen=True, slots=True)
class Lamp:
    """A soft lamp: its direction, colour, and sharpness as the power of a cosine lobe."""

    direction: tuple[float, float, float]
    color: tuple[float, float, float]
    sharpness: float


LAMPS: Final = (
    Lamp((0.55, 0.55, 0.95), (1.62, 1.50, 1.36), 6.0),
    Lamp((-0.85, 0.15, 0.85), (0.40, 0.42, 0.47), 3.0),
    Lamp((-0.70, 0.60, -0.60), (0.55, 0.60, 0.70), 5.0),
    Lamp((0.00, -0.60, 0.80), (0.26, 0.22, 0.20), 2.0),
)
SKY: Final = (0.34, 0.34, 0.36)
GROUND: Final = (0.20, 0.18, 0.165)


def _directions() -> Floats:
    """Evenly spread directions on the sphere (Fibonacci lattice)."""
    index = np.arange(DIRECTIONS) + 0.5
    height = 1 - 2 * index / DIRECTIONS
    angle = index * np.pi * (3 - np.sqrt(5))
    ring = np.sqrt(1 - height**2)
    return np.stack([ring * np.cos(angle), height, ring * np.sin(angle)], axis=1)


def _radiance(directions: Floats) -> Floats:
    """Light (D,3) arriving from each direction; every lamp's lobe integrates to its colour."""
    mix = (directions[:, 1:2] + 1) / 2
    light = mix * np.array(SKY) + (1 - mix) * np.array(GROUND)
    for lamp in LAMPS:
        lobe = np.clip(directions @ unit(np.array(lamp.direction)), 0, None) ** lamp.sharpness
        light = light + np.outer(lobe / lobe.mean() / 4, lamp.color)
    values: Floats = light
    return values


def depth_map(
    positions: Floats, direction: Floats, edge: float
) -> tuple[Ints, Ints, Floats, Floats]:
    """Positions seen along `direction`: cells (n,) by row and column, heights, and the highest.

    Cells are `edge` metres wide. The map (R,C) holds minus infinity where nothing is, and has a
    margin of one cell.
    """
    helper = np.array([0.0, 1.0, 0.0]) if abs(direction[1]) < 0.9 else np.array([1.0, 0.0, 0.0])
    right = unit(np.cross(helper, direction))
    up = np.cross(direction, right)
    plane = np.stack([positions @ right, positions @ up], axis=1)
    row, column = (np.floor((plane - plane.min(axis=0)) / edge).astype(np.int64) + 1).T
    height = positions @ direction
    highest = np.full((row.max() + 2, column.max() + 2), -np.inf)
    np.maximum.at(highest, (row, column), height)
    return row, column, height, highest


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


def _lit(places: Floats, count: int, direction: Floats) -> Floats:
    """1 for the first `count` places that `direction` reaches, falling to 0 behind others."""
    row, column, height, highest = depth_map(places, direction, CELL)
    row, column, height = row[:count], column[:count], height[:count]
    nearest = highest
    for shift in NEIGHBOURS:
        nearest = np.maximum(nearest, np.roll(highest, shift, axis=(0, 1)) - 0.0015)
    return np.clip(1.6 - (nearest[row, column] - height) / BIAS, 0.0, 1.0)


def irradiance(
    positions: Floats, axes: Floats, normals: Floats, step: Callable[[float], None]
) -> Floats:
    """Light (n,3) that falls on each splat; `step` hears the fraction done."""
    directions = _directions()
    radiance = _radiance(directions)
    total = np.zeros_like(positions)
    places = spread_out(positions, axes)
    for index, (direction, light) in enumerate(zip(directions, radiance, strict=True)):
        # a wrapped cosine: light that enters skin comes out a little past the terminator
        facing = np.clip((normals @ direction + 0.18) / 1.18, 0, None)
        reached = _lit(places, len(positions), direction)
        total += (facing * reached)[:, None] * light
        step((index + 1) / DIRECTIONS)
    return total * (4 / DIRECTIONS)


def baked(cloud: Cloud, posed: Floats, step: Callable[[float], None]) -> Floats:
    """Light (n,3) on each splat, from its place at rest and its place (n,3) in the lit pose."""
    rest = irradiance(cloud.positions, cloud.axes, cloud.normals, lambda part: step(part / 2))
    other = irradiance(posed, cloud.axes, cloud.posed_normals, lambda part: step(0.5 + part / 2))
    share = cloud.posed_light[:, None]
    return np.maximum(rest * (1 - share) + other * share, cloud.least_light[:, None])


def sheen(normals: Floats, gloss: Floats, light: Floats) -> Floats:
    """Highlight (n,3) towards a viewer in front: Blinn-Phong lobes of key and fill."""
    bright = np.zeros_like(normals)
    view = np.array([0.0, 0.0, 1.0])
    for lamp in LAMPS[:2]:
        half = unit(unit(np.array(lamp.direction)) + view)
        lobe = np.clip(normals @ half, 0, None) ** 22
        bright += np.outer(lobe * gloss, lamp.color)
    values: Floats = bright * np.clip(light.mean(axis=1, keepdims=True), 0, 1) * 0.11
    return values


def displayed(linear: Floats) -> Floats:
    """Linear light (n,3) to display-referred sRGB, with a soft shoulder above 0.8."""
    high = np.clip(linear - 0.8, 0, None)
    mapped = np.where(linear > 0.8, 0.8 + 0.2 * (1 - np.exp(-high / 0.2)), linear)
    mapped = np.clip(mapped, 0, 1)
    curve = 1.055 * np.power(np.maximum(mapped, 0.0031308), 1 / 2.4) - 0.055
    return np.where(mapped <= 0.0031308, 12.92 * mapped, curve)


def linear(red: int, green: int, blue: int) -> Floats:
    """A colour given as 8-bit sRGB in linear light."""
    value = np.array([red, green, blue]) / 255
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)
