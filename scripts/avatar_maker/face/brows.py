# SPDX-License-Identifier: Apache-2.0
"""Brows: fine hairs in their natural directions over a faint tint of the skin below.

Hairs stand up at the inner end, lie outwards along the ridge and fall at the tail; those of the
lower edge rise towards those of the upper edge, which come down. Each takes place, normal and
face units from the skin below it. The two brows differ a little, as they do on people.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from avatar_maker.recipe import Look
from avatar_maker.source import Floats, Ints
from avatar_maker.splats.cloud import Cloud, flat_axes, joined
from avatar_maker.splats.density import Density
from avatar_maker.splats.light import linear
from avatar_maker.splats.mesh import smoothstep, unit

HAIRS: Final = 140
"""Hairs of one brow at spacing 1."""
LENGTH: Final = 0.0062
GREY: Final = linear(124, 118, 112)
GOLDEN: Final = (np.sqrt(5) - 1) / 2
"""Hair n grows at the fraction of n times this: few hairs and many are spread alike."""


def brows(skin: Cloud, eyes: Floats, look: Look, density: Density) -> Cloud:
    """Both brows on the skin; `eyes` (2,3) are the eyeballs' centres, the left one first."""
    clouds = []
    for seed, eye in enumerate(eyes):
        front = (skin.positions[:, 2] > eye[2] - 0.02) & (skin.positions[:, 1] > eye[1])
        near = np.linalg.norm(skin.positions[:, :2] - eye[:2], axis=1) < 0.05
        ground = skin.where(front & near)
        clouds += [
            _tint(ground, eye, seed, look, density),
            _hairs(ground, eye, seed, look, density),
        ]
    return joined(clouds)


def _shape(eye: Floats, seed: int, look: Look, along: Floats, lift: Floats) -> Floats:
    """Places (n,2) at fractions `along` from the inner end, and `lift` -1 to 1 across (n,)."""
    arch = look.number("arch") * (1.0 - 0.10 * seed)
    middle = 0.0192 + 0.0058 * arch * np.sin(np.pi * np.clip(along * 0.82, 0, 1))
    middle += 0.0004 * seed - 0.0030 * along - 0.0014 * (1 - np.clip(along, 0, 1)) ** 3
    width = 0.0030 * np.sin(np.pi * np.clip(0.24 + 0.76 * along, 0, 1)) ** 0.8 + 0.0006
    width *= look.number("thickness")
    x = eye[0] + np.sign(eye[0]) * (-0.0155 + 0.042 * along)
    return np.stack([x, eye[1] + middle + lift * width * 0.8], axis=1)


def _below(ground: Cloud, flat: Floats) -> tuple[Ints, Floats]:
    """The skin's splats (n,) under places (n,2), and those places on its surface (n,3)."""
    gap = ((ground.positions[:, :2] - flat[:, None]) ** 2).sum(axis=2)
    near: Ints = np.argmin(gap, axis=1)
    normal = ground.normals[near]
    drop = ((flat - ground.positions[near, :2]) * normal[:, :2]).sum(axis=1)
    height = ground.positions[near, 2] - drop / np.maximum(normal[:, 2], 0.3)
    return near, np.column_stack([flat, height])


def _hairs(ground: Cloud, eye: Floats, seed: int, look: Look, density: Density) -> Cloud:
    """One brow's hairs, each of two splats that bend."""
    count = density.hairs(HAIRS * look.number("fullness"))
    chance = np.random.default_rng(20 + seed).random((count, 6))
    along = (np.arange(count) + 0.5) * GOLDEN % 1.0
    lift = np.clip((chance[:, 0] + chance[:, 1] - 1) * 1.25, -1, 1)
    # no straight edge where the brow begins
    along = along + 0.09 * (chance[:, 2] - 0.35) * smoothstep(0.25, 0.0, along)
    root = _shape(eye, seed, look, along, lift)
    slope = _shape(eye, seed, look, along + 0.01, lift) - root
    angle = np.arctan2(slope[:, 1], np.abs(slope[:, 0]))
    angle += 0.80 * smoothstep(0.30, 0.0, along) + 0.30 * smoothstep(0.75, 0.25, along)
    angle += -0.42 * lift * smoothstep(0.05, 0.30, along) + 0.30 * (chance[:, 2] - 0.5)
    length = LENGTH * (0.52 + 0.48 * np.sin(np.pi * np.clip(0.06 + along, 0, 1)))
    length *= 0.70 + 0.5 * chance[:, 3]
    grey = (chance[:, 4] < look.number("grey"))[:, None]
    color = np.where(grey, GREY, look.color("color")) * (0.70 + 0.6 * chance[:, 5:])
    soft = (1 - 0.35 * np.abs(lift)) * (0.30 + 0.70 * smoothstep(-0.04, 0.16, along))
    # hairs grow from their roots to both sides of the line
    place = root - 0.35 * length[:, None] * _heading(angle, eye)
    clouds = []
    for number in range(2):
        heading = _heading(angle, eye)
        half = length / 4
        near, points = _below(ground, place + heading * half[:, None])
        normal = ground.normals[near]
        flat = np.column_stack([heading, np.zeros(count)])
        flat = unit(flat - (flat * normal).sum(axis=1, keepdims=True) * normal)
        width = 0.000125 * (1.0 - 0.35 * number) * (density.spacing / 0.45) ** 0.85
        clouds.append(
            Cloud(
                positions=points + normal * (0.0006 + 0.0004 * number),
                normals=normal,
                axes=flat_axes(
                    flat * half[:, None] * 1.05, unit(np.cross(normal, flat)) * width, 0.0001
                ),
                albedo=color,
                opacity=(0.88 - 0.25 * number) * soft,
                gloss=np.zeros(count),
                deltas=ground.deltas[:, near],
                skin=ground.skin[near],
            )
        )
        place = place + heading * length[:, None] / 2
        angle = angle - 0.22
    return joined(clouds)


def _heading(angle: Floats, eye: Floats) -> Floats:
    """Unit directions (n,2) at angles (n,) above the way outwards."""
    return np.stack([np.sign(eye[0]) * np.cos(angle), np.sin(angle)], axis=1)


def _tint(ground: Cloud, eye: Floats, seed: int, look: Look, density: Density) -> Cloud:
    """The faint shade of a brow's finest hairs and roots on the skin."""
    count = density.hairs(13)
    along = 0.04 + 0.90 * (np.arange(count) + 0.5) / count
    middle = np.zeros(count)
    flat = _shape(eye, seed, look, along, middle)
    near, points = _below(ground, flat)
    normal = ground.normals[near]
    step = np.gradient(points, axis=0)
    top, bottom = (_shape(eye, seed, look, along, middle + side) for side in (1, -1))
    height = np.linalg.norm(top - bottom, axis=1)[:, None]
    across = unit(np.cross(normal, step)) * height * 0.30
    fullness = np.sqrt(look.number("fullness"))
    opacity = 0.26 * fullness * smoothstep(-0.05, 0.30, along) * smoothstep(1.05, 0.80, along)
    return Cloud(
        positions=points + normal * 0.0004,
        normals=normal,
        axes=flat_axes(step * 0.85, across, 0.0001),
        albedo=np.broadcast_to(look.color("color"), (count, 3)),
        opacity=opacity,
        gloss=np.zeros(count),
        deltas=ground.deltas[:, near],
        skin=ground.skin[near],
    )
