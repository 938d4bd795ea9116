# SPDX-License-Identifier: Apache-2.0
"""Lashes: curved tapered hairs along the lids' edges, in clumps, that turn with their lids.

Each hair is a few thin splats along a parabola. A shut lid has turned about the eye, and so have
its lashes: their offsets hold that turn, so that they lie on the cheek and not on the lid.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from avatar_maker.face.lid_rims import Lids
from avatar_maker.recipe import Look
from avatar_maker.source import Floats
from avatar_maker.splats.cloud import HEAD, Cloud, bound_to, flat_axes, joined
from avatar_maker.splats.density import Density
from avatar_maker.splats.light import linear
from avatar_maker.splats.mesh import smoothstep, unit
from driving_client.motion import ARKIT_NAMES

COLOR: Final = linear(24, 17, 14)
GOLDEN: Final = (np.sqrt(5) - 1) / 2
"""Hair n grows at the fraction of n times this: few hairs and many are spread alike."""


TUCKED: Final = 0.0024
"""How far behind the edge of a shut upper lid the lower lashes are hidden, in metres."""


@dataclass(frozen=True, slots=True)
class Row:
    """How the lashes of one lid grow; lengths in metres, angles in radians.

    `rise` and `curl` are where a hair points at its root and at its tip, above the horizon;
    `turn` is by how much a hair turns for each radian that its lid turns. `clumps` is how many
    bundles lean together, `uneven` by which share hairs are shorter than the longest, and
    opacity goes down by the share `faint` towards the tip.
    """

    hairs: int
    length: float
    rise: float
    curl: float
    turn: float
    segments: int
    opacity: float
    clumps: int
    uneven: float
    faint: float


UPPER: Final = Row(40, 0.0062, 0.0, 1.25, 1.5, 4, 0.46, 21, 0.34, 0.60)
LOWER: Final = Row(22, 0.0019, -0.30, -0.95, 1.0, 2, 0.11, 15, 0.60, 0.55)


def lashes(lids: tuple[Lids, Lids], look: Look, density: Density) -> Cloud:
    """The lashes of both eyes."""
    much = look.number("lashes")
    rows = [
        replace(row, length=row.length * much, opacity=min(row.opacity * np.sqrt(much), 1.0))
        for row in (UPPER, LOWER)
    ]
    return joined(
        [
            _row(row, eye, density, seed + 2 * number)
            for seed, eye in enumerate(lids)
            for number, row in enumerate(rows)
        ]
    )


def _row(row: Row, eye: Lids, density: Density, seed: int) -> Cloud:
    """One lid's lashes."""
    count = density.hairs(row.hairs)
    index = np.arange(count)
    chance = np.random.default_rng(70 + seed).random((count, 4))
    even = (index + 0.5 + seed * 0.37) * GOLDEN % 1.0
    along = 0.12 + 0.79 * np.clip(even + (chance[:, 1] - 0.5) / row.clumps, 0.0, 1.0)
    if row.rise > row.curl:
        root, units = _tucked(eye, along)
    else:
        root, units = eye.upper.edge.points(along)
    # longest two thirds outwards, short at the inner corner and again at the outer one
    length = row.length * (0.34 + 0.66 * smoothstep(0.05, 0.62, along))
    length *= 1 - 0.45 * smoothstep(0.72, 0.98, along)
    length *= 1 - row.uneven * chance[:, 0]
    outward = root - eye.eye
    sideways = np.arctan2(outward[:, 0], outward[:, 2])
    # hairs of one clump lean together at their tips
    clump = (np.floor(along * row.clumps + 0.5 * chance[:, 1]) + 0.5) / row.clumps
    lean = np.clip((clump - along) * 0.020 / row.length, -0.5, 0.5) + 0.28 * (chance[:, 2] - 0.5)
    sideways += eye.side * lean
    rise = row.rise + 0.25 * (chance[:, 3] - 0.5)
    curl = np.full(count, row.curl) + 0.25 * (chance[:, 0] - 0.5)

    def heading(up: Floats) -> Floats:
        level = np.cos(up)
        return np.stack([np.sin(sideways) * level, np.sin(up), np.cos(sideways) * level], axis=1)

    start, end = heading(rise), heading(curl)

    def place(t: float) -> Floats:
        values: Floats = root + length[:, None] * (start * (t - t * t / 2) + end * t * t / 2)
        return values

    turned = _turn(root - eye.eye, units) * row.turn
    # a screen's pixel is wider than a hair: more and finer ones must not add up to a bar
    opacity = row.opacity * min(density.spacing / 0.45, 1.0) ** 0.5
    clouds = []
    for number in range(row.segments):
        low, high = number / row.segments, (number + 1) / row.segments
        near, far, middle = place(low), place(high), place((low + high) / 2)
        half = (far - near) * 0.56
        taper = 1.0 - 0.72 * (low + high) / 2
        width = 0.000075 * taper * (density.spacing / 0.45) ** 0.6
        across = unit(np.cross(half, unit(middle - eye.eye))) * width
        clouds.append(
            Cloud(
                positions=middle,
                normals=unit(middle - eye.eye),
                axes=flat_axes(half, across, 0.00006),
                albedo=np.broadcast_to(COLOR, (count, 3)),
                opacity=np.full(count, opacity * (1.0 - row.faint * high)),
                gloss=np.zeros(count),
                deltas=units + _swung(middle - root, turned),
                skin=bound_to(HEAD, count),
            )
        )
    return joined(clouds)


def _tucked(eye: Lids, along: Floats) -> tuple[Floats, Floats]:
    """Roots (n,3) on the lower lid, offsets (52,n,3): a blink tucks them under the upper lid."""
    root, units = eye.lower.edge.points(along)
    upper, falling = eye.upper.edge.points(along)
    blink = ARKIT_NAMES.index("eyeBlinkLeft" if eye.side > 0 else "eyeBlinkRight")
    shut = upper + falling[blink] - eye.eye
    units[blink] = eye.eye + shut - unit(shut) * TUCKED - root
    return root, units


def _turn(outward: Floats, units: Floats) -> Floats:
    """By how much each face unit turns a lid about the eye's level axis, (52,n) radians."""
    moved = outward + units
    values: Floats = np.arctan2(moved[..., 1], moved[..., 2]) - np.arctan2(
        outward[:, 1], outward[:, 2]
    )
    return values


def _swung(arm: Floats, turned: Floats) -> Floats:
    """Offsets (52,n,3) of points at `arm` (n,3) from what turns by `turned` (52,n) about x."""
    y, z = arm[:, 1], arm[:, 2]
    sine, cosine = np.sin(turned), np.cos(turned)
    values: Floats = np.stack(
        [np.zeros_like(sine), y * (cosine - 1) + z * sine, z * (cosine - 1) - y * sine], axis=2
    )
    return values
