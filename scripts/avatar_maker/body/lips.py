# SPDX-License-Identifier: Apache-2.0
"""Where a body's lips are: told by what touches at rest and is moved apart by an open jaw.

No vertex numbers and no masks: the same holds for every shape that a recipe blends.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from avatar_maker.source import Floats, Ints, Masks
from avatar_maker.splats.mesh import smoothstep

TOUCHING: Final = 0.0016
"""Lips that are nearer to each other at rest touch, in metres."""
APART: Final = 0.0015
"""What an open jaw moves two places apart, in metres, if they are on different lips."""
NEAR: Final = 0.045
"""How far from the middle of the lips' line they reach at most, in metres."""
PARTED: Final = 0.0015
"""Where an open jaw parts the lips, what falls by so much more is all the lower one's, metres."""


@dataclass(frozen=True, slots=True)
class Seam:
    """Places on both lips that touch: pairs of rows of `near`, which are rows of the body.

    `gap` (k,k) are metres between places of `near` at rest.
    """

    near: Ints
    upper: Ints
    lower: Ints
    gap: Floats


@dataclass(frozen=True, slots=True)
class Lips:
    """A body's places `off` (V,3) from the lips' middle and `half` the width of the mouth, metres.

    `upper` and `lower` (V,) are the rims; `falls` (V,) is 0 on the upper lip's side of the face
    and 1 on the lower one's.
    """

    off: Floats
    half: float
    upper: Masks
    lower: Masks
    falls: Floats


def lip_line(vertices: Floats, opened: Floats) -> Floats:
    """Where the lips meet in the middle (3,): the highest of what an open jaw takes down.

    `vertices` and `opened` (V,3), metres, are the body's places and what jawOpen does to them.
    """
    lower = np.flatnonzero((opened[:, 1] < -0.010) & (np.abs(vertices[:, 0]) < 0.001))
    values: Floats = vertices[lower[np.argmax(vertices[lower, 1])]]
    return values


def find_seam(vertices: Floats, opened: Floats) -> Seam:
    """Where lips touch, of a body (V,3) that jawOpen moves by `opened` (V,3), metres."""
    near = np.flatnonzero(np.linalg.norm(vertices - lip_line(vertices, opened), axis=1) < NEAR)
    place, fall = vertices[near], opened[near, 1]
    gap = np.linalg.norm(place[:, None] - place, axis=2)
    upper, lower = np.nonzero((gap < TOUCHING) & (fall[:, None] - fall > APART))
    return Seam(near, upper, lower, gap)


def find_lips(vertices: Floats, opened: Floats) -> Lips:
    """The lips of a body (V,3) that jawOpen moves by `opened` (V,3), metres."""
    seam = find_seam(vertices, opened)
    upper, lower = np.zeros((2, len(vertices)), np.bool_)
    upper[seam.near[seam.upper]] = lower[seam.near[seam.lower]] = True
    off = vertices - lip_line(vertices, opened)
    half = float(np.abs(off[upper | lower, 0]).max())
    aside = np.abs(off[:, 0]) / half
    # the jaw takes the corners along by half of what it moves the lower lip's middle
    middle = (opened[upper, 1].max() + opened[lower, 1].min()) / 2
    corner = opened[(upper | lower) & (aside > 0.9), 1].mean()
    parting = middle + (corner - middle) * np.clip(aside, 0, 1)
    falls = smoothstep(-PARTED, PARTED, parting - opened[:, 1])
    return Lips(off, half, upper, lower, falls)
