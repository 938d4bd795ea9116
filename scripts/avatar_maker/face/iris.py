# SPDX-License-Identifier: Apache-2.0
"""The colours of an eyeball: pupil, fibrous iris with collarette and limbus, veined sclera.

Baked into the iris: the shade of the lid above, and the crescent of light that the cornea throws
on the side away from the key light (a caustic). Radii are shares of the eyeball's.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from avatar_maker.recipe import Look
from avatar_maker.source import Floats
from avatar_maker.splats.light import linear
from avatar_maker.splats.mesh import smoothstep

IRIS: Final = 0.405
"""Radius of the iris."""
PUPIL: Final = 0.150
KEY: Final = np.radians(52.0)
"""Where the key light stands around the gaze axis, from the avatar's left upwards."""


def _waves(around: Floats, counts: tuple[int, ...], phases: tuple[float, ...]) -> Floats:
    """Fibres around the axis, roughly -1 to 1: sines whose beats look irregular."""
    waves = [np.sin(around * n + phase) for n, phase in zip(counts, phases, strict=True)]
    values: Floats = np.sum(waves, axis=0) / np.sqrt(len(counts))
    return values


def iris_color(rim: Floats, around: Floats, look: Look, phase: float) -> Floats:
    """Albedo (n,3) at radii `rim` and angles `around` (n,) of the iris; `phase` is the eye's."""
    depth = (rim - PUPIL) / (IRIS - PUPIL)
    wavy = around + 0.05 * np.sin(7 * around + phase) * depth
    fine = _waves(wavy, (61, 43, 29), (phase, 1.3, 2.9 * phase))
    coarse = _waves(wavy, (17, 11, 7), (0.4 + phase, 2.2, phase))
    inner, outer = look.color("collarette"), look.color("iris")
    mix = smoothstep(0.22, 0.62, depth + 0.09 * coarse)[:, None]
    color = inner * (1 - mix) + outer * mix
    color = color * np.exp(0.34 * fine + 0.22 * coarse)[:, None]
    # the collarette: a ragged lighter ring a third of the way out
    ring = np.exp(-(((depth - 0.34 - 0.05 * coarse) / 0.10) ** 2))[:, None]
    color = color * (1 + 0.45 * ring)
    crescent = 0.5 + 0.5 * np.cos(around - KEY - np.pi)
    light = smoothstep(0.25, 1.0, crescent) * smoothstep(0.05, 0.45, depth)
    light = light * (1 - smoothstep(0.80, 1.0, depth))
    shade = smoothstep(-0.1, 1.0, np.sin(around)) * smoothstep(0.1, 0.8, depth)
    color = color * (0.95 + 0.75 * light - 0.42 * shade)[:, None]
    warm = np.array([1.10, 1.0, 0.86])
    color = color * (1 + light[:, None] * (warm - 1))
    color = color * (1 - 0.80 * smoothstep(0.74, 1.0, depth))[:, None]
    color = color * (0.35 + 0.65 * smoothstep(0.0, 0.12, depth))[:, None]
    pupil = linear(7, 5, 5)
    values: Floats = np.where(depth[:, None] < 0, pupil, color)
    return values


def sclera_color(direction: Floats, side: float, look: Look) -> Floats:
    """Albedo (n,3) of the white in unit directions (n,3); `side` is 1 for the left eye, else -1."""
    x, y = direction[:, 0] * side, direction[:, 1]
    white = np.broadcast_to(look.color("white"), direction.shape)
    corner = smoothstep(0.36, 0.76, np.abs(x))
    inner = smoothstep(-0.46, -0.72, x)
    white = white * (1 - corner[:, None] * np.array([0.10, 0.26, 0.30]))
    white = white * (1 - inner[:, None] * np.array([0.02, 0.16, 0.18]))
    # vessels run from the corners towards the iris and fade there
    path = y * 21 + 1.4 * np.sin(9 * x) + 0.7 * np.sin(23 * x + 4 * y)
    vessel = np.exp(-((np.sin(path) / 0.16) ** 2)) * (0.5 + 0.5 * np.sin(5 * path / 7 + 3 * x))
    vessel = vessel * smoothstep(0.43, 0.66, np.abs(x))
    white = white * (1 - vessel[:, None] * np.array([0.03, 0.20, 0.18]))
    shade = 1 - 0.30 * smoothstep(0.10, 0.42, y) - 0.10 * smoothstep(-0.2, -0.45, y)
    values: Floats = white * shade[:, None]
    return values
