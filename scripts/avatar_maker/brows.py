# SPDX-License-Identifier: Apache-2.0
"""Brows: thin splats along hairs, moved by the face units of the skin that they grow on."""

from __future__ import annotations

import numpy as np

from avatar_maker.cloud import Cloud, flat_axes, joined
from avatar_maker.density import Density
from avatar_maker.mesh import smoothstep, unit
from avatar_maker.recipe import Look
from avatar_maker.source import Floats


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
