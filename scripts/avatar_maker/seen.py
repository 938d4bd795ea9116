# SPDX-License-Identifier: Apache-2.0
"""Leaves out splats that hardly show to any viewer in front: a renderer would pay for them in full.

The splats are composed front to back, as a renderer does it, on coarse parallel views; what never
gets a fair share of any pixel goes. A kiosk looks at its avatar from the front: head turns and
camera together stay below 48 degrees to a side.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from avatar_maker.mesh import unit
from avatar_maker.source import Floats, Ints

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
REACH: Final = 2.4
"""Standard deviations at which a splat is taken to end."""
FAINT: Final = 0.02
"""Smaller opacities than this are passed over."""


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
    screen = np.stack([right, np.cross(towards, right)]).T / PIXEL
    place = positions @ screen
    place -= place.min(axis=0) - 40
    spread = axes @ screen
    covariance = np.einsum("nki,nkj->nij", spread, spread) + np.eye(2) * 0.1
    rank = np.empty(len(positions), dtype=np.int64)
    rank[np.argsort(-(positions @ towards), kind="stable")] = np.arange(len(positions))
    pixel, splat, alpha = _fragments(place, covariance, opacity)
    order = np.argsort(pixel * len(positions) + rank[splat], kind="stable")
    pixel, splat, alpha = pixel[order], splat[order], alpha[order]
    passed = np.concatenate([[0.0], np.cumsum(np.log1p(-alpha))])[:-1]
    first = np.flatnonzero(np.diff(pixel, prepend=-1))
    passed -= np.repeat(passed[first], np.diff(np.append(first, len(pixel))))
    best = np.zeros(len(positions))
    np.maximum.at(best, splat, alpha * np.exp(passed))
    return best


def _fragments(place: Floats, covariance: Floats, opacity: Floats) -> tuple[Ints, Ints, Floats]:
    """Every pixel of every splat: the pixel's number, the splat, and its opacity there."""
    half = REACH * np.sqrt(np.stack([covariance[:, 0, 0], covariance[:, 1, 1]], axis=1))
    low = np.ceil(place - half).astype(np.int64)
    size = np.maximum(np.floor(place + half).astype(np.int64) - low + 1, 0)
    area = size[:, 0] * size[:, 1]
    splat = np.repeat(np.arange(len(place)), area)
    index = np.arange(len(splat)) - np.repeat(np.cumsum(area) - area, area)
    column = low[splat, 0] + index % size[splat, 0]
    row = low[splat, 1] + index // size[splat, 0]
    inverse = np.linalg.inv(covariance)
    x, y = column - place[splat, 0], row - place[splat, 1]
    distance = inverse[splat, 0, 0] * x * x + inverse[splat, 1, 1] * y * y
    distance += 2 * inverse[splat, 0, 1] * x * y
    alpha = np.minimum(0.99, opacity[splat] * np.exp(-distance / 2))
    strong = alpha > FAINT
    width = int(column.max()) + 1
    return (row * width + column)[strong], splat[strong], alpha[strong]
