# SPDX-License-Identifier: Apache-2.0
"""Leaves out splats that hardly show to any viewer in front: a renderer would pay for them in full.

The splats are composed front to back, as a renderer does it, on coarse parallel views; what never
gets a fair share of any pixel goes. A kiosk looks at its avatar from the front: head turns and
camera together stay below 48 degrees to a side.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from avatar_maker.source import Floats
from avatar_maker.splats.blending import Screen, largest_weights
from avatar_maker.splats.mesh import unit

VIEWS: Final = tuple(
    np.radians(view)
    for view in (
        (0, 0),
        (10, 0),
        (-10, 0),
        (24, 0),
        (-24, 0),
        (48, 0),
        (-48, 0),
        (12, 18),
        (-12, -18),
        (36, -12),
    )
)
"""Directions from which the face at rest is looked at, yaw and pitch."""
POSED_VIEWS: Final = tuple(np.radians(view) for view in ((0, 0), (30, -8), (-30, 8)))
"""Directions from which each moved pose is looked at."""
PIXEL: Final = 0.0014
"""Edge of a view's pixel in metres: two pixels of a screen that is 540 wide."""
MARGIN: Final = 40
"""Pixels around the middles of all splats."""
LOW_PASS: Final = 0.1
"""Square pixels added to every splat: fewer than a renderer's, these pixels are coarse."""


LEAST_SHARE: Final = 0.05
"""Of a pixel that an opaque splat of a surface gets somewhere, or it is as good as hidden."""


def least_share_of(axes: Floats) -> Floats:
    """That share (n,) for splats with half axes (n,3,3): small ones never fill a pixel, and a
    surface needs them."""
    first, second = np.linalg.norm(axes[:, :2], axis=2).T
    values: Floats = LEAST_SHARE * np.minimum(2 * np.pi * first * second / PIXEL**2, 1.0)
    return values


def most_seen(positions: Floats, axes: Floats, opacity: Floats, moved: list[Floats]) -> Floats:
    """The largest share (n,) of a pixel that each splat gets in any view, 0 to 1.

    `positions` (n,3) and half axes (n,3,3) in metres; `moved` are positions in other poses.
    """
    best = np.zeros(len(positions))
    for yaw, pitch in VIEWS:
        np.maximum(best, _shares(positions, axes, opacity, yaw, pitch), out=best)
    for shape in moved:
        for yaw, pitch in POSED_VIEWS:
            np.maximum(best, _shares(shape, axes, opacity, yaw, pitch), out=best)
    return best


def _shares(positions: Floats, axes: Floats, opacity: Floats, yaw: float, pitch: float) -> Floats:
    """The largest share (n,) of a pixel in one view."""
    towards = np.array([np.sin(yaw) * np.cos(pitch), np.sin(pitch), np.cos(yaw) * np.cos(pitch)])
    right = unit(np.cross(np.array([0.0, 1.0, 0.0]), towards))
    to_screen = np.stack([right, np.cross(towards, right)]).T / PIXEL
    order = np.argsort(-(positions @ towards), kind="stable")
    place = positions[order] @ to_screen
    place -= place.min(axis=0) - MARGIN
    width, height = (int(edge) + MARGIN for edge in place.max(axis=0))
    spread = axes[order] @ to_screen
    full = np.einsum("nki,nkj->nij", spread, spread)
    covariances = full[:, (0, 0, 1), (0, 1, 1)] + [LOW_PASS, 0, LOW_PASS]
    screen = Screen(place, covariances, opacity[order], np.zeros_like(positions))
    best = np.zeros(len(positions))
    best[order] = largest_weights(screen, (width, height))
    return best
