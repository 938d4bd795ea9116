# SPDX-License-Identifier: Apache-2.0
"""Covers quads with flat splats, one per cell of a grid that is as fine as each place needs.

A regular grid inside each quad leaves no holes at few splats, unlike random points. The number
of cells follows the longest that a quad's edges get over neutral and the given poses, so that
skin which unfolds (upper lids, lips) stays closed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from avatar_maker.source import Floats, Ints
from avatar_maker.splats.mesh import smoothstep, unit

UNFOLDING: Final = (1.4, 2.6)
"""How many times longer edges get in a pose where splats begin to face, and do face, as in it."""


@dataclass(frozen=True, slots=True)
class Samples:
    """n cell centres: the quad of each, bilinear weights (n,4) of its corners, half axes.

    `along` and `across` (n,3) are half the cell's edges in metres.
    """

    quad: Ints
    weights: Floats
    along: Floats
    across: Floats

    def of_corners(self, corners: Floats) -> Floats:
        """Values per quad corner (F,4,k) to values per sample (n,k)."""
        values: Floats = np.einsum("nc,nck->nk", self.weights, corners[self.quad])
        return values

    def of_vertices(self, quads: Ints, values: Floats) -> Floats:
        """Values per vertex (V,k) to values per sample (n,k)."""
        mixed: Floats = np.einsum("nc,nck->nk", self.weights, values[quads[self.quad]])
        return mixed


def sample_quads(
    quads: Ints, positions: Floats, spacing: Floats, poses: list[Floats], stretch: float = 0.75
) -> Samples:
    """Cells over all quads; `spacing` (F,2) are a cell's wished edges in metres, along and across.

    `stretch` says where between its neutral and its longest size a splat is made: 0 to 1.
    """

    def lengths(shape: Floats) -> tuple[Floats, Floats]:
        edge = np.linalg.norm(np.roll(shape[quads], -1, axis=1) - shape[quads], axis=-1)
        return np.maximum(edge[:, 0], edge[:, 2]), np.maximum(edge[:, 1], edge[:, 3])

    neutral = lengths(positions)
    longest = list(neutral)
    unfolded = positions[quads]
    most = np.ones(len(quads))
    for pose in poses:
        posed = lengths(pose)
        longest = [np.maximum(a, b) for a, b in zip(longest, posed, strict=True)]
        ratio = np.max([b / np.maximum(a, 1e-6) for a, b in zip(neutral, posed, strict=True)], 0)
        unfolded[ratio > most] = pose[quads[ratio > most]]
        most = np.maximum(most, ratio)
    cells = [
        np.clip(np.ceil(side / wish - 0.35), 1, 24).astype(int)
        for side, wish in zip(longest, spacing.T, strict=True)
    ]
    growth = [
        1 + stretch * np.clip(high / np.maximum(low, 1e-6) - 1, 0, 7)
        for low, high in zip(neutral, longest, strict=True)
    ]
    quad = np.repeat(np.arange(len(quads)), cells[0] * cells[1])
    first = np.cumsum(cells[0] * cells[1]) - cells[0] * cells[1]
    index = np.arange(len(quad)) - first[quad]
    columns, rows = cells[0][quad], cells[1][quad]
    u = (index % columns + 0.5) / columns
    v = (index // columns + 0.5) / rows
    weights = np.stack([(1 - u) * (1 - v), u * (1 - v), u * v, (1 - u) * v], axis=1)
    # what lies folded is seen only when it unfolds, and faces where it faces then
    share = smoothstep(*UNFOLDING, most)[:, None, None]
    facing = positions[quads] * (1 - share) + unfolded * share

    def edges(shape: Floats) -> tuple[Floats, Floats]:
        corner = shape[quad]
        along = (corner[:, 1] - corner[:, 0]) * (1 - v)[:, None]
        along += (corner[:, 2] - corner[:, 3]) * v[:, None]
        across = (corner[:, 3] - corner[:, 0]) * (1 - u)[:, None]
        across += (corner[:, 2] - corner[:, 1]) * u[:, None]
        return along / (2 * columns)[:, None], across / (2 * rows)[:, None]

    along, across = (
        unit(turned) * np.linalg.norm(edge, axis=1, keepdims=True) * grown[quad][:, None]
        for turned, edge, grown in zip(edges(facing), edges(positions[quads]), growth, strict=True)
    )
    return Samples(quad, weights, along, across)


def with_least(axis: Floats, least: float) -> Floats:
    """Half axes (n,3) made at least `least` metres long."""
    length: Floats = np.linalg.norm(axis, axis=1, keepdims=True)
    return unit(axis) * np.maximum(length, least)
