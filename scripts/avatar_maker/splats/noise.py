# SPDX-License-Identifier: Apache-2.0
"""Band-limited noise in space: sums of plane waves in random directions.

Unlike noise on a grid it shows no lattice, its slope is known exactly, and it is the same for
every density of splats. Where splats stand too far apart for its wavelength it fades out, as the
mean over a splat does.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from avatar_maker.source import Floats
from avatar_maker.splats.mesh import smoothstep, unit

WAVES: Final = 20
"""Plane waves in a sum: enough that none of them is seen alone."""


def waves(
    points: Floats, wavelength: float, seed: int, cell: Floats, stretch: Floats | None = None
) -> tuple[Floats, Floats]:
    """Noise (n,) of standard deviation 1 around 0, and its slope (n,3) times the wavelength / 2 pi.

    `points` (n,3) and `wavelength` in metres, `cell` (n,) the edge of each splat's cell;
    `stretch` (3,) divides the waves' frequency along each axis.
    """
    generator = np.random.default_rng(seed)
    directions = unit(generator.normal(size=(WAVES, 3)))
    if stretch is not None:
        directions = unit(directions / stretch)
    steps = directions * generator.uniform(0.75, 1.35, (WAVES, 1))
    fade = smoothstep(1.0, 2.4, wavelength / cell)
    value, slope = np.zeros(len(points)), np.zeros_like(points)
    rows = np.flatnonzero(fade > 0)
    phase = points[rows] @ (steps.T * (2 * np.pi / wavelength)) + generator.uniform(0, 7, WAVES)
    strength = fade[rows, None] * np.sqrt(2 / WAVES)
    value[rows] = (np.sin(phase) * strength).sum(axis=1)
    slope[rows] = np.cos(phase) @ steps * strength
    return value, slope
