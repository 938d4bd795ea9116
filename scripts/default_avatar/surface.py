# SPDX-License-Identifier: Apache-2.0
"""From the character's meshes to splats: the refined surface of body, teeth and tongue.

Skin and clothing are one surface; the caller tells them apart. Quads that nobody can see (the
back below the neck, the body below the picture) are left out.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from default_avatar.character import Character
from default_avatar.cloud import Cloud, flat_axes
from default_avatar.mesh import refine_corners, subdivide, unit, vertex_normals
from default_avatar.sampling import Samples, sample_quads, with_least
from default_avatar.source import BaseMesh, Floats, Ints, Masks

MERGED_UP_TO: Final = 1.25
"""An old quad gets one splat where its edges are up to this many times the wished spacing."""


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
        return self.vertices[self.quads].mean(axis=1)


def merged(surface: Surface, spacing: Floats, poses: list[Floats]) -> tuple[Surface, Floats]:
    """The surface with old quads where they are small enough for one splat, and its spacing.

    The quads come in fours, each from one old quad whose corners are their first ones.
    """
    parents = surface.quads.reshape(-1, 4, 4)[:, :, 0]
    wished = spacing.reshape(-1, 4).min(axis=1)
    longest = np.zeros(len(parents))
    for shape in (surface.vertices, *poses):
        edges = np.roll(shape[parents], -1, axis=1) - shape[parents]
        longest = np.maximum(longest, np.linalg.norm(edges, axis=-1).max(axis=1))
    small = longest < wished * MERGED_UP_TO
    stay = np.repeat(~small, 4)
    return (
        replace(
            surface,
            quads=np.concatenate([surface.quads[stay], parents[small]]),
            texture=np.concatenate(
                [surface.texture[stay], surface.texture.reshape(-1, 4, 4, 2)[small, :, 0]]
            ),
        ),
        np.concatenate([spacing[stay], np.maximum(wished, longest)[small]]),
    )


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
