# SPDX-License-Identifier: Apache-2.0
"""How much light from each side reaches each splat past the others.

For each of some directions the splats are drawn into a depth map seen from there, and what lies
behind others is in shadow. Under the surface of skin light spreads a few millimetres: there the
shadows are averaged over patches of the surface.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from avatar_maker.source import Floats
from avatar_maker.splats.cloud import Cloud
from avatar_maker.splats.mesh import unit

Singles = NDArray[np.float32]

CELL: Final = 0.0024
"""Edge of a depth map's cell in metres."""
BIAS: Final = 0.0045
"""How far behind the nearest splat a splat still counts as lit, in metres."""
LIFT: Final = 0.0022
"""How far above its surface translucent matter looks for light, in metres."""
NEIGHBOURS: Final = tuple((r, c) for r in (-1, 0, 1) for c in (-1, 0, 1) if (r, c) != (0, 0))
"""Steps from a cell to the eight around it."""
SPREAD: Final = 0.0034
"""How far light spreads under translucent matter, in metres."""
ROUNDS: Final = 6
"""Grids over which shadows are averaged, each turned another way."""


def _along(rows: Singles, axis: Floats) -> Singles:
    """Where places, given as rows (3,n), lie along an axis: (n,)."""
    # three products; a matrix product as narrow as this keeps BLAS threads spinning
    x, y, z = axis.astype(np.float32)
    values: Singles = rows[0] * x + rows[1] * y + rows[2] * z
    return values


@dataclass(frozen=True, slots=True)
class DepthMap:
    """Heights (R,C) of the highest places along a direction, by cells on two axes across it.

    The axes (3,) are in cells per metre, the corner is the map's first cell on them. Cells
    where nothing is hold minus infinity.
    """

    highest: Singles
    axes: tuple[Floats, Floats]
    corner: tuple[float, float]


def depth_map(rows: Singles, direction: Floats) -> DepthMap:
    """The depth map of places, given as rows (3,n), seen from `direction`."""
    helper = np.array([0.0, 1.0, 0.0]) if abs(direction[1]) < 0.9 else np.array([1.0, 0.0, 0.0])
    right = unit(np.cross(helper, direction))
    axes = (right / CELL, np.cross(direction, right) / CELL)
    first, second = (_along(rows, axis) for axis in axes)
    corner = (float(first.min()) - 3, float(second.min()) - 3)
    row, column = (first - corner[0]).astype(np.int64), (second - corner[1]).astype(np.int64)
    columns = int(column.max()) + 4
    highest = np.full((int(row.max()) + 4) * columns, -np.inf, dtype=np.float32)
    np.maximum.at(highest, row * columns + column, _along(rows, direction))
    return DepthMap(highest.reshape(-1, columns), axes, corner)


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


def _rows(places: Floats) -> Singles:
    """Places (n,3) as rows (3,n) of single precision."""
    return np.ascontiguousarray(places.T, dtype=np.float32)


def _thinned(places: Floats) -> Singles:
    """One place for each small cube that holds any, as rows (3,m): a depth map needs no more."""
    cube = np.floor((places - places.min(axis=0)) / (0.7 * CELL)).astype(np.int64)
    size = cube.max(axis=0) + 1
    _, first = np.unique((cube[:, 0] * size[1] + cube[:, 1]) * size[2] + cube[:, 2], True)
    return _rows(places[first])


def _lit(places: Singles, receivers: Singles, slack: Singles, direction: Floats) -> Singles:
    """1 for receivers that `direction` reaches past the places, falling to 0 behind them: (n,).

    Both are rows (3,n); `slack` (n,) is how far behind still counts, in metres.
    """
    seen = depth_map(places, direction)
    nearest = seen.highest
    for shift in NEIGHBOURS:
        moved = np.roll(seen.highest, shift, axis=(0, 1)) - np.float32(0.0015)
        nearest = np.maximum(nearest, moved)
    height = _along(receivers, direction)
    whole, part = [], []
    for axis, corner, cells in zip(seen.axes, seen.corner, nearest.shape, strict=True):
        place = np.clip(_along(receivers, axis) - (corner + 0.5), 0, cells - 2.001)
        whole.append(place.astype(np.int64))
        part.append((place - whole[-1]).astype(np.float32))
    lit = np.zeros(len(height), dtype=np.float32)
    # the test is blurred rather than the heights: percentage-closer filtering
    for down, aside in ((0, 0), (0, 1), (1, 0), (1, 1)):
        share = (part[0] if down else 1 - part[0]) * (part[1] if aside else 1 - part[1])
        behind = nearest[whole[0] + down, whole[1] + aside] - height
        lit += share * np.clip(1.6 - behind / slack, 0.0, 1.0)
    return lit


def arriving(
    cloud: Cloud,
    pose: tuple[Floats, Floats],
    directions: Floats,
    strength: Floats,
    step: Callable[[float], None],
) -> Singles:
    """The share (n,G) of each of G lights that others do not keep from a splat.

    The splats' positions and normals (n,3) are those of the pose; a light has its strength (G,D)
    from each of the directions (D,3); `step` hears the fraction done.
    """
    positions, normals = pose
    places = _thinned(spread_out(positions, cloud.axes))
    lift = LIFT * cloud.translucence
    receivers = _rows(positions + normals * lift[:, None])
    slack = (BIAS * (1 - 0.45 * cloud.translucence)).astype(np.float32)
    facings = _rows(normals)
    arrived = np.zeros((len(positions), len(strength)), dtype=np.float32)
    sent = np.full_like(arrived, 1e-6)
    for index, direction in enumerate(directions):
        facing = np.clip((_along(facings, direction) + 0.3) / 1.3, 0, None)
        weight = facing[:, None] * strength[:, index].astype(np.float32)
        sent += weight
        arrived += weight * _lit(places, receivers, slack, direction)[:, None]
        step((index + 1) / len(directions))
    share = arrived / sent
    inside = np.flatnonzero(cloud.translucence > 0)
    if len(inside):
        blurred = _spread_under(share[inside], positions[inside], normals[inside])
        share[inside] += (blurred - share[inside]) * cloud.translucence[inside, None]
    values: Singles = np.clip(share, 0, 1)
    return values


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
