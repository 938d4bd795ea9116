# SPDX-License-Identifier: Apache-2.0
"""Tailored pieces: sheets of cloth that lie off the body, bound to the splats that they lie on.

A piece is a function from two coordinates to a place. Its cells may be as narrow as a crisp edge
needs; the body's own mesh is far too coarse for collars, plackets and seams.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from avatar_maker.source import Floats
from avatar_maker.splats.cloud import Cloud, flat_axes
from avatar_maker.splats.mesh import unit
from avatar_maker.splats.seen import least_share_of

OVERLAP: Final = 1.42
"""Standard deviation of a splat in halves of its cell's edge: below a piece it is dark."""
NEIGHBOURS: Final = 6
"""A splat moves as this many of the body's nearest splats do."""
REACH: Final = 0.013
"""How far the body's radius is averaged, in metres."""
HEIGHTS: Final = np.arange(-0.335, 0.066, 0.006)
TURNS: Final = np.radians(np.arange(-180, 181, 4.0))

Shape = Callable[[Floats, Floats], Floats]


@dataclass(frozen=True, slots=True)
class Girth:
    """A body's distance from the upright axis through its neck, by turn and height in metres."""

    middle: Floats
    radii: Floats

    def place(self, turn: Floats, height: Floats, off: Floats | float) -> Floats:
        """Places (...,3) `off` metres outside the body, `turn` radians from the front to the
        left and `height` above the neck's middle."""
        column = np.clip((turn - TURNS[0]) / (TURNS[1] - TURNS[0]), 0, len(TURNS) - 1.001)
        row = np.clip((height - HEIGHTS[0]) / (HEIGHTS[1] - HEIGHTS[0]), 0, len(HEIGHTS) - 1.001)
        i, j = column.astype(int), row.astype(int)
        x, y = column - i, row - j
        lower = self.radii[i, j] * (1 - x) + self.radii[i + 1, j] * x
        upper = self.radii[i, j + 1] * (1 - x) + self.radii[i + 1, j + 1] * x
        radius = lower * (1 - y) + upper * y + off
        rel = [radius * np.sin(turn), height + 0 * radius, radius * np.cos(turn)]
        values: Floats = self.middle + np.stack(rel, axis=-1)
        return values


def girth(points: Floats, middle: Floats) -> Girth:
    """The girth of a body from points (n,3) on it, by planes through their neighbours."""
    rel = points - middle
    turn, radius = np.arctan2(rel[:, 0], rel[:, 2]), np.hypot(rel[:, 0], rel[:, 2])
    radii = np.zeros((len(TURNS), len(HEIGHTS)))
    for column, wished in enumerate(TURNS):
        aside = np.abs(np.mod(turn - wished + np.pi, 2 * np.pi) - np.pi)
        near = np.flatnonzero((aside < 0.5) & (radius < 0.26))
        gap = np.mod(turn[near] - wished + np.pi, 2 * np.pi) - np.pi
        for row, height in enumerate(HEIGHTS):
            apart = np.column_stack([gap * 0.07, rel[near, 1] - height]) / REACH
            weight = np.exp(-(apart**2).sum(axis=1) / 2) + 1e-9
            basis = np.column_stack([np.ones(len(near)), apart]) * weight[:, None]
            square = basis.T @ (basis / weight[:, None]) + np.diag([0.0, 0.02, 0.02])
            radii[column, row] = np.linalg.solve(square, basis.T @ radius[near])[0]
    return Girth(middle, radii)


def sheet(
    shape: Shape, first: Floats, second: Floats, around: Girth, body: Cloud, color: Floats
) -> Cloud:
    """The splats of a piece whose cells lie between the coordinates `first` and `second`.

    `shape` turns two coordinates (n,) into places (n,3); the outside is away from the neck.
    """
    u, v = (0.5 * (edges[1:] + edges[:-1]) for edges in (first, second))
    half_u, half_v = (0.5 * np.diff(edges) for edges in (first, second))
    u, v = (grid.ravel() for grid in np.meshgrid(u, v, indexing="ij"))
    half_u, half_v = (grid.ravel() for grid in np.meshgrid(half_u, half_v, indexing="ij"))
    along = (shape(u + half_u, v) - shape(u - half_u, v)) / 2
    across = (shape(u, v + half_v) - shape(u, v - half_v)) / 2
    places = shape(u, v)
    outward = (places - around.middle) * [1.0, 0.0, 1.0]
    turned = (np.cross(along, across) * outward).sum(axis=1, keepdims=True) < 0
    along = np.where(turned, -along, along)
    return bound(places, along * OVERLAP, across * OVERLAP, body, color)


def bound(places: Floats, along: Floats, across: Floats, body: Cloud, color: Floats) -> Cloud:
    """Opaque splats at places (n,3) with half axes (n,3) that follow the body below them."""
    count = len(places)
    normals = unit(np.cross(along, across))
    skin = np.zeros((count, body.skin.shape[1]))
    deltas = np.zeros((len(body.deltas), count, 3))
    for rows in np.array_split(np.arange(count), max(1, count // 200)):
        apart = np.linalg.norm(places[rows, None] - body.positions, axis=-1)
        near = np.argpartition(apart, NEIGHBOURS, axis=1)[:, :NEIGHBOURS]
        weight = 1 / (np.take_along_axis(apart, near, axis=1) ** 2 + 1e-6)
        weight /= weight.sum(axis=1, keepdims=True)
        skin[rows] = np.einsum("nk,nkj->nj", weight, body.skin[near])
        deltas[:, rows] = np.einsum("nk,bnkj->bnj", weight, body.deltas[:, near])
    return Cloud(
        positions=places,
        normals=normals,
        axes=flat_axes(along, across, 0.00025),
        albedo=np.broadcast_to(color, (count, 3)).copy(),
        opacity=np.ones(count),
        gloss=np.zeros(count),
        deltas=deltas,
        skin=skin / skin.sum(axis=1, keepdims=True),
    )


def line(
    path: Floats, outward: Floats, width: float, body: Cloud, color: Floats, *, filled: float
) -> Cloud:
    """Thin flat splats along a path (n,3) that faces `outward` (n,3): seams, stitches, shades.

    `filled` is the share of each step that its splat spans: below 0.5 it is a row of stitches.
    """
    middle, facing = (path[1:] + path[:-1]) / 2, unit(outward[1:] + outward[:-1])
    along = np.diff(path, axis=0)
    across = unit(np.cross(facing, along)) * width
    thin = bound(middle, along * filled, across, body, color)
    return replace(thin, normals=facing, least_share=least_share_of(thin.axes))
