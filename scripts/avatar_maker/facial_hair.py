# SPDX-License-Identifier: Apache-2.0
"""Lashes and brows: thin splats along hairs, moved by the face units of what they grow on."""

from __future__ import annotations

from typing import Final

import numpy as np

from avatar_maker.character import Character
from avatar_maker.cloud import HEAD, Cloud, bound_to, flat_axes, joined
from avatar_maker.density import Density
from avatar_maker.light import linear
from avatar_maker.mesh import smoothstep, unit
from avatar_maker.recipe import Look
from avatar_maker.source import BaseMesh, Floats, Ints
from avatar_maker.surface import refined

LASH: Final = linear(28, 20, 17)
LASHES_PER_QUAD: Final = 2


def lashes(mesh: BaseMesh, character: Character) -> Cloud:
    """Hairs across the mesh's lash strips, from the lid outwards."""
    clouds = []
    for side, eye in (("l", character.left_eye), ("r", character.right_eye)):
        for number, alpha in (("1", 0.30), ("2", 0.75)):
            rows = mesh.group(f"helper-{side}-eyelashes-{number}")
            surface = refined(mesh, character, rows)
            clouds.append(_hairs(surface.quads, surface.vertices, surface.units, eye, alpha))
    return joined(clouds)


def _hairs(quads: Ints, vertices: Floats, units: Floats, eye: Floats, alpha: float) -> Cloud:
    """Hairs that cross each quad in the direction in which the distance from the eye grows."""
    reach = np.linalg.norm(vertices - eye, axis=1)
    corner = reach[quads]
    turned = np.abs(corner[:, 0] + corner[:, 1] - corner[:, 2] - corner[:, 3])
    swap = turned < np.abs(corner[:, 1] + corner[:, 2] - corner[:, 3] - corner[:, 0])
    quads = np.where(swap[:, None], np.roll(quads, -1, axis=1), quads)
    clouds = []
    for index in range(LASHES_PER_QUAD):
        u = (index + 0.5) / LASHES_PER_QUAD
        weights = np.array([(1 - u) / 2, u / 2, u / 2, (1 - u) / 2])
        corners = vertices[quads]
        near = corners[:, 0] * (1 - u) + corners[:, 1] * u
        far = corners[:, 3] * (1 - u) + corners[:, 2] * u
        along = (far - near) * 0.42
        across = unit(np.cross(along, (near + far) / 2 - eye))
        count = len(quads)
        outward = np.maximum(np.linalg.norm(far - eye, axis=1), np.linalg.norm(near - eye, axis=1))
        taper = np.clip((0.0215 - outward) / 0.006, 0.25, 1.0)
        clouds.append(
            Cloud(
                positions=(near + far) / 2,
                normals=unit((near + far) / 2 - eye),
                axes=flat_axes(along, across * (0.00016 * taper)[:, None], 0.0001),
                albedo=np.broadcast_to(LASH, (count, 3)),
                opacity=alpha * taper,
                gloss=np.zeros(count),
                deltas=np.einsum("c,bnck->bnk", weights, units[:, quads]),
                skin=bound_to(HEAD, count),
            )
        )
    return joined(clouds)


def brows(skin: Cloud, eyes: Floats, look: Look, density: Density) -> Cloud:
    """Hairs over the brow ridges; each takes place, normal and face units from the skin below."""
    rng = np.random.default_rng(20)
    clouds = []
    for eye in eyes:
        outward = np.sign(eye[0])
        count = density.hairs(260 * look.number("fullness"))
        along = rng.random(count)
        width = 0.0035 * np.sin(np.pi * np.clip(0.22 + 0.78 * along, 0, 1)) ** 0.8 + 0.0009
        width *= look.number("thickness")
        lift = (rng.random(count) - 0.5) * 2
        arch = (
            0.0192
            + 0.0058 * look.number("arch") * np.sin(np.pi * np.clip(along * 0.82, 0, 1))
            - 0.0030 * along
        )
        x = eye[0] + outward * (-0.0155 + 0.042 * along)
        y = eye[1] + arch + lift * width * 0.62
        front = skin.positions[:, 2] > eye[2] - 0.02
        candidates = np.flatnonzero(front & (skin.positions[:, 1] > eye[1]))
        flat = skin.positions[candidates, :2]
        gap = (flat[:, 0] - x[:, None]) ** 2 + (flat[:, 1] - y[:, None]) ** 2
        near = candidates[np.argmin(gap, axis=1)]
        ground = skin.positions[near]
        normal = skin.normals[near]
        drop = ((np.stack([x, y], axis=1) - ground[:, :2]) * normal[:, :2]).sum(axis=1)
        z = ground[:, 2] - drop / np.maximum(normal[:, 2], 0.3)
        lean = np.clip(1.15 - 1.5 * along, -0.25, 1.15) - 0.35 * lift * (along > 0.2)
        heading = np.stack([outward * np.ones(count), lean, np.zeros(count)], axis=1)
        heading = unit(heading - (heading * normal).sum(axis=1, keepdims=True) * normal)
        shade = rng.uniform(0.75, 1.3, count)[:, None]
        clouds.append(
            Cloud(
                positions=np.stack([x, y, z], axis=1) + normal * 0.0009,
                normals=normal,
                axes=flat_axes(
                    heading * 0.0021,
                    unit(np.cross(normal, heading)) * 0.00034 * density.spacing,
                    0.00015,
                ),
                albedo=look.color("color") * shade,
                opacity=(0.56 - 0.25 * np.abs(lift) * rng.random(count))
                * smoothstep(-0.05, 0.22, along),
                gloss=np.zeros(count),
                deltas=skin.deltas[:, near],
                skin=skin.skin[near],
            )
        )
    return joined(clouds)
