# SPDX-License-Identifier: Apache-2.0
"""Quad meshes: Catmull-Clark subdivision, applied alike to positions and to offsets, and normals.

Subdivision is linear in the vertices, so that the same operator refines a shape and each of its
face units; rule: Catmull and Clark 1978, with midpoints and the cubic B-spline on boundaries.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from avatar_maker.source import Floats, Ints


@dataclass(frozen=True, slots=True)
class Subdivision:
    """One Catmull-Clark step over a mesh of `vertices` vertices and its old quads.

    `quads` (4F,4) are the refined ones: the four of old quad f are rows 4f to 4f+3.
    """

    vertices: int
    old: Ints
    edges: Ints
    edge_of: Ints
    quads: Ints

    def refine(self, values: Floats) -> Floats:
        """Values (V,...) per old vertex to values per refined vertex."""
        flat = values.reshape(self.vertices, -1)
        faces = flat[self.old].mean(axis=1)
        ends = flat[self.edges].sum(axis=1)
        face_sum = np.zeros_like(ends)
        face_count = np.zeros(len(self.edges))
        for corner in range(4):
            np.add.at(face_sum, self.edge_of[:, corner], faces)
            np.add.at(face_count, self.edge_of[:, corner], 1.0)
        border = face_count < 2
        edge_points = np.where(border[:, None], ends / 2, (ends + face_sum) / 4)

        valence = np.zeros(self.vertices)
        neighbours = np.zeros_like(flat)
        around = np.zeros_like(flat)
        touching = np.zeros(self.vertices)
        for side in range(2):
            np.add.at(valence, self.edges[:, side], 1.0)
            np.add.at(neighbours, self.edges[:, side], ends / 2)
        for corner in range(4):
            np.add.at(around, self.old[:, corner], faces)
            np.add.at(touching, self.old[:, corner], 1.0)
        count = np.maximum(valence, 1.0)[:, None]
        mean_face = around / np.maximum(touching, 1.0)[:, None]
        inner = (mean_face + 2 * neighbours / count + (count - 3) * flat) / count

        rim = np.zeros_like(flat)
        rim_count = np.zeros(self.vertices)
        for side in range(2):
            np.add.at(rim, self.edges[border, side], ends[border] / 2)
            np.add.at(rim_count, self.edges[border, side], 1.0)
        outer = flat / 2 + rim / np.maximum(rim_count, 1.0)[:, None] / 2
        moved = np.where((rim_count > 0)[:, None], outer, inner)
        moved = np.where((valence > 0)[:, None], moved, flat)
        return np.concatenate([moved, edge_points, faces]).reshape(-1, *values.shape[1:])


def subdivide(quads: Ints, vertices: int) -> Subdivision:
    """Plan one Catmull-Clark step."""
    pairs = np.stack([quads, np.roll(quads, -1, axis=1)], axis=-1).reshape(-1, 2)
    edges, edge_of = np.unique(np.sort(pairs, axis=1), axis=0, return_inverse=True)
    edge_of = edge_of.reshape(-1, 4)
    edge_ids = vertices + edge_of
    face_ids = vertices + len(edges) + np.arange(len(quads))
    refined = np.stack(
        [
            quads,
            edge_ids,
            np.repeat(face_ids[:, None], 4, axis=1),
            np.roll(edge_ids, 1, axis=1),
        ],
        axis=-1,
    ).reshape(-1, 4)
    return Subdivision(vertices, quads, edges, edge_of, refined)


def refine_corners(corners: Floats) -> Floats:
    """Values per quad corner (F,4,k) to the corners of the refined quads (4F,4,k), bilinearly."""
    following = np.roll(corners, -1, axis=1)
    middle = (corners + following) / 2
    centre = np.repeat(corners.mean(axis=1, keepdims=True), 4, axis=1)
    refined = np.stack([corners, middle, centre, np.roll(middle, 1, axis=1)], axis=2)
    return refined.reshape(-1, 4, corners.shape[-1])


def vertex_normals(quads: Ints, positions: Floats) -> Floats:
    """Unit normals (V,3), weighted by the area of the quads around each vertex."""
    diagonals = positions[quads[:, 2:4]] - positions[quads[:, 0:2]]
    faces = np.cross(diagonals[:, 0], diagonals[:, 1])
    normals = np.zeros_like(positions)
    for corner in range(4):
        np.add.at(normals, quads[:, corner], faces)
    return unit(normals)


def unit(vectors: Floats) -> Floats:
    """Vectors (...,3) scaled to length 1; zero vectors stay zero."""
    length: Floats = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return vectors / np.maximum(length, 1e-12)


def smoothstep(low: float, high: float, value: Floats) -> Floats:
    """0 below `low`, 1 above `high`, a cubic ease between; `low` may be the larger."""
    fraction = np.clip((value - low) / (high - low), 0.0, 1.0)
    return fraction * fraction * (3 - 2 * fraction)
