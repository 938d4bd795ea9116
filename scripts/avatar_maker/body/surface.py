# SPDX-License-Identifier: Apache-2.0
"""From the character's meshes to splats: the refined surface of body, teeth and tongue.

Skin and clothing are one surface; the caller tells them apart. Quads that nobody can see (the
back below the neck, the body below the picture) are left out.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from avatar_maker.body.character import Character
from avatar_maker.source import BaseMesh, Floats, Ints, Masks
from avatar_maker.splats.cloud import Cloud, flat_axes
from avatar_maker.splats.mesh import refine_corners, subdivide, unit, vertex_normals
from avatar_maker.splats.sampling import Samples, sample_quads, with_least

MERGED_UP_TO: Final = 1.25
"""An old quad gets one splat where its edges are up to this many times the wished spacing."""
SAGITTA: Final = 0.00015
"""How far a cell may lie off the curve that it covers, in metres: a fifth of a pixel of 540."""
LEAST_OF_SPACING: Final = 0.45
"""Bends make cells no smaller than this share of the wished spacing."""

_CORNERS: Final = ((0, 0), (1, 0), (2, 0), (3, 0))
_EDGES: Final = ((0, 1), (1, 1), (2, 1), (3, 1))
_MIDDLE: Final = (0, 2)
_PIECES: Final = {
    (False, False): (
        (_CORNERS[0], _EDGES[0], _MIDDLE, _EDGES[3]),
        (_EDGES[0], _CORNERS[1], _EDGES[1], _MIDDLE),
        (_MIDDLE, _EDGES[1], _CORNERS[2], _EDGES[2]),
        (_EDGES[3], _MIDDLE, _EDGES[2], _CORNERS[3]),
    ),
    (True, False): (
        (_CORNERS[0], _CORNERS[1], _EDGES[1], _EDGES[3]),
        (_EDGES[3], _EDGES[1], _CORNERS[2], _CORNERS[3]),
    ),
    (False, True): (
        (_CORNERS[0], _EDGES[0], _EDGES[2], _CORNERS[3]),
        (_EDGES[0], _CORNERS[1], _CORNERS[2], _EDGES[2]),
    ),
    (True, True): (_CORNERS,),
}
"""How an old quad is cut when its first edge (or second) needs no cut: corners as (quad, place)."""


@dataclass(frozen=True, slots=True)
class Surface:
    """A refined mesh: quads (F,4), vertices (V,3), normals, units (52,V,3), skin (V,5).

    `texture` (F,4,2) holds the corners' places in the texture square.
    """

    quads: Ints
    vertices: Floats
    normals: Floats
    units: Floats
    skin: Floats
    texture: Floats

    def picked(self, rows: Masks | Ints) -> Surface:
        """Only some of the quads."""
        return Surface(
            self.quads[rows], self.vertices, self.normals, self.units, self.skin, self.texture[rows]
        )

    def centres(self) -> Floats:
        """Middle of each quad (F,3)."""
        values: Floats = self.vertices[self.quads].mean(axis=1)
        return values


def merged(surface: Surface, spacing: Floats, poses: list[Floats]) -> tuple[Surface, Floats]:
    """The surface with larger quads where they are small enough for one splat.

    `spacing` (4F,) is the widest wished edge of a cell on each quad, in metres; where the surface
    bends it shrinks, along the bend alone, down to LEAST_OF_SPACING of that. Returns the wish (n,2)
    along both directions of every new quad. The quads come in fours, each from one old quad whose
    corners are their first ones; two, or all four, become one.
    """
    fours = surface.quads.reshape(-1, 4, 4)
    texture = surface.texture.reshape(-1, 4, 4, 2)
    old = fours[:, :, 0]
    longest = np.zeros((len(old), 2))
    for shape in (surface.vertices, *poses):
        edges = np.linalg.norm(np.roll(shape[old], -1, axis=1) - shape[old], axis=-1)
        longest = np.maximum(longest, np.maximum(edges[:, :2], edges[:, 2:]))
    wish = _bent(surface, old, spacing.reshape(-1, 4).min(axis=1))
    small = longest < wish * MERGED_UP_TO
    quads, places, wishes = [], [], []
    for along, across in ((False, False), (True, False), (False, True), (True, True)):
        rows = (small == [along, across]).all(axis=1)
        # corners of the old quad and the middles of its edges, as (quad, place) in each four
        for corners in _PIECES[along, across]:
            quad, place = np.array(corners).T
            quads.append(fours[rows][:, quad, place])
            places.append(texture[rows][:, quad, place])
            wishes.append(np.maximum(wish[rows], small[rows] * longest[rows]))
    whole = replace(surface, quads=np.concatenate(quads), texture=np.concatenate(places))
    return whole, np.concatenate(wishes)


def _bent(surface: Surface, old: Ints, spacing: Floats) -> Floats:
    """The wished edges (F,2): flat splats of this size leave a curve by no more than is seen."""
    corners, normals = surface.vertices[old], surface.normals[old]
    length = np.linalg.norm(np.roll(corners, -1, axis=1) - corners, axis=-1)
    turned = np.linalg.norm(np.roll(normals, -1, axis=1) - normals, axis=-1)
    bend = turned / np.maximum(length, 1e-6)
    bend = np.maximum(bend[:, :2], bend[:, 2:])
    wish = np.sqrt(8 * SAGITTA / np.maximum(bend, 1e-3))
    values: Floats = np.clip(wish, LEAST_OF_SPACING * spacing[:, None], spacing[:, None])
    return values


def refined(mesh: BaseMesh, character: Character, rows: Ints) -> Surface:
    """One Catmull-Clark step over some quads of the base mesh."""
    used, packed = np.unique(mesh.quads[rows], return_inverse=True)
    step = subdivide(packed.reshape(-1, 4), len(used))
    vertices = step.refine(character.vertices[used])
    units = np.moveaxis(character.units[:, used], 0, 1)
    return Surface(
        quads=step.quads,
        vertices=vertices,
        normals=vertex_normals(step.quads, vertices),
        units=np.moveaxis(step.refine(units), 1, 0),
        skin=step.refine(character.skin[used]),
        texture=refine_corners(mesh.texture[mesh.texture_quads[rows]]),
    )


def covered(
    surface: Surface,
    spacing: Floats,
    poses: list[Floats],
    *,
    overlap: Floats | float,
    thickness: float,
) -> tuple[Cloud, Samples]:
    """Splats over a surface; `overlap`, of each quad or one for all, is a standard
    deviation in halves of a cell's edge."""
    samples = sample_quads(surface.quads, surface.vertices, spacing, poses)
    positions = samples.of_vertices(surface.quads, surface.vertices)
    normals = unit(samples.of_vertices(surface.quads, surface.normals))
    spread = np.broadcast_to(overlap, len(surface.quads))[samples.quad][:, None]
    along = with_least(samples.along * spread, 0.0003)
    across = with_least(samples.across * spread, 0.0003)
    corner_units = surface.units[:, surface.quads[samples.quad]]
    skin = samples.of_vertices(surface.quads, surface.skin)
    count = len(positions)
    cloud = Cloud(
        positions=positions,
        normals=normals,
        axes=flat_axes(along, across, thickness),
        albedo=np.zeros((count, 3)),
        opacity=np.full(count, 0.98),
        gloss=np.zeros(count),
        deltas=np.einsum("nc,bnck->bnk", samples.weights, corner_units),
        skin=skin / skin.sum(axis=1, keepdims=True),
    )
    return cloud, samples
