# SPDX-License-Identifier: Apache-2.0
"""The shirt: the body's surface below the neckline, draped, in the colours of a fabric."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from avatar_maker.body.bust import stretching_poses
from avatar_maker.body.landmarks import Landmarks, neckline
from avatar_maker.body.surface import Surface, covered, merged
from avatar_maker.clothing.collar import COVERED, collar
from avatar_maker.clothing.knit import folded, valleys
from avatar_maker.clothing.shirt import opened, tailored
from avatar_maker.clothing.tailoring import girth
from avatar_maker.recipe import Look
from avatar_maker.source import Ints
from avatar_maker.splats.cloud import Cloud, joined
from avatar_maker.splats.density import Density
from avatar_maker.splats.mesh import smoothstep, vertex_normals

OVERLAP: Final = 1.33
"""Standard deviation of a splat in halves of its cell's edge: behind cloth is the bright
background."""
BAND: Final = 0.017
"""The ribs begin this far inside the neckline, in metres."""
BELOW_NECKLINE: Final = -0.02
"""The cloth's quads begin this far outside the neckline, in metres."""


def clothing(surface: Surface, marks: Landmarks, look: Look, density: Density) -> Cloud:
    """The shirt's splats, over the body's surface."""
    surface = _draped(surface, marks)
    vertices = surface.vertices[np.unique(surface.quads)]
    near = neckline(surface.centres(), marks) > BELOW_NECKLINE
    surface = surface.picked(np.repeat(near.reshape(-1, 4).any(axis=1), 4))
    centre = surface.centres()
    inside = neckline(centre, marks)
    spacing = np.where(inside > 0, 0.0190, 0.0080)
    hem = np.exp(-(((inside - 0.014) / 0.008) ** 4)) * (centre[:, 2] > marks.collar[2] - 0.06)
    spacing = density.spacing * (spacing * (1 - hem) + 0.0085 * hem)
    poses = stretching_poses(surface)
    surface, wished = merged(surface, spacing, poses)
    cloud, _ = covered(surface, wished, poses, overlap=OVERLAP, thickness=0.00025)
    inside = neckline(cloud.positions, marks)
    raised = 0.0032 * smoothstep(0.0, 0.0015, inside) + 0.0022 * np.exp(
        -(((inside - 0.006) / 0.005) ** 2)
    )
    raised *= inside > 0
    points = cloud.positions
    color = look.color("color")
    seam = np.exp(-(((inside - 0.0165) / 0.0018) ** 2))[:, None]
    weave = 0.05 * np.random.default_rng(7).standard_normal((len(points), 1))
    # wool is darker where it is creased
    weave += np.clip(folded(points, marks.collar) / 0.005, -1, 0.3)[:, None] * 0.25
    cloud = replace(
        cloud,
        positions=points + cloud.normals * raised[:, None],
        albedo=color * (1 + weave) * (1 - 0.22 * seam),
        opacity=np.ones(len(cloud)),
    )
    if look.word("style") == "shirt":
        parts = tailored(cloud, girth(vertices, marks.collar), color, density)
        return joined([cloud.where((inside > BAND) & ~opened(points, marks.collar)), parts])
    rib = collar(cloud, inside, marks.collar, color)
    cloud = cloud.where(inside > COVERED)
    worn = cloud.where(neckline(cloud.positions, marks) > BAND)
    return joined([cloud, rib, valleys(worn, color, density)])


def _draped(surface: Surface, marks: Landmarks) -> Surface:
    """The surface as cloth hangs over a body: one smooth curve over the chest, soft elsewhere."""
    depth = neckline(surface.vertices, marks)
    vertices = surface.vertices.copy()
    x, y, z = (vertices - marks.collar).T
    chest = smoothstep(0.125, 0.095, np.abs(x)) * smoothstep(0.01, 0.06, depth)
    chest *= smoothstep(-0.01, 0.02, z)
    basis = np.stack([x**i * y**j for i in (0, 2, 4) for j in range(4 - i // 2)], axis=1)
    inner = chest > 0.3
    curve = np.linalg.lstsq(basis[inner], z[inner], rcond=None)[0]
    vertices[:, 2] += chest * (basis @ curve - z)
    pairs = np.stack([surface.quads, np.roll(surface.quads, -1, axis=1)], axis=-1).reshape(-1, 2)
    border = _on_border(surface.quads, len(vertices))
    border &= vertices[:, 1] < vertices[surface.quads, 1].min() + 0.06
    soft = (0.6 * smoothstep(0.02, 0.08, depth) * ~border)[:, None]
    for _ in range(40):
        total = np.zeros_like(vertices)
        count = np.zeros(len(vertices))
        for one, other in ((0, 1), (1, 0)):
            np.add.at(total, pairs[:, one], vertices[pairs[:, other]])
            np.add.at(count, pairs[:, one], 1.0)
        mean = total / np.maximum(count, 1)[:, None]
        vertices = vertices + soft * (mean - vertices)
    normals = vertex_normals(surface.quads, vertices)
    worn = smoothstep(0.012, 0.03, depth)
    vertices = vertices + normals * (folded(vertices, marks.collar) * worn)[:, None]
    return replace(surface, vertices=vertices, normals=vertex_normals(surface.quads, vertices))


def _on_border(quads: Ints, vertices: int) -> NDArray[np.bool_]:
    """Which vertices (V,) lie on an open edge of the mesh."""
    pairs = np.sort(np.stack([quads, np.roll(quads, -1, axis=1)], axis=-1).reshape(-1, 2), axis=1)
    edges, uses = np.unique(pairs, axis=0, return_counts=True)
    border = np.zeros(vertices, dtype=bool)
    border[edges[uses == 1].ravel()] = True
    return border
