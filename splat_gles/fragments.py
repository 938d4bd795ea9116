# SPDX-License-Identifier: Apache-2.0
"""How many pixels a frame makes a GPU paint: the budget of a splat renderer.

Splats lie in some forty layers over each other, so a frame's cost is the summed area of the
quads that shaders/splat.vert draws, and not their number. Nothing is drawn here: the areas come
from the reference's projection. The triangles that a software driver gets instead are 30 %
larger.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from splat_gles.avatar import Avatar
from splat_gles.camera import Camera, Float64
from splat_gles.quality import RenderQuality
from splat_gles.reference import Projected, project
from splat_gles.rig import Pose
from splat_gles.scene import pose_scene

FULL: Final = RenderQuality()
"""What a kiosk draws unless it is told otherwise: full resolution, the fast mode."""

# A quad that the picture's edge cuts is measured by this many points along each of its sides
_POINTS = 8


def project_avatar(avatar: Avatar, pose: Pose, camera: Camera) -> Projected:
    """The splats of a posed avatar as the camera sees them, nearest first.

    `index` counts in the avatar's splats.
    """
    return project(pose_scene(avatar, pose, camera, (0.0, 0.0, 0.0)))


def count_fragments(projected: Projected, camera: Camera, quality: RenderQuality = FULL) -> float:
    """Pixels painted within the picture at full resolution: the area of the quads inside it.

    `quality` tells where splats end; its scale does not count here.
    """
    middle = (np.array(camera.size) - 1) / 2
    half = np.array(camera.size) / 2
    centres = projected.centres - middle
    xx, xy, yy = projected.covariances.T
    extents = _extents(projected, quality)
    areas = 4.0 * extents**2 * np.sqrt(np.maximum(xx * yy - xy * xy, 0.0))
    reach = extents[:, None] * np.sqrt(np.stack([xx, yy], axis=1))
    inside = (np.abs(centres) + reach <= half).all(axis=1)
    outside = (np.abs(centres) - reach >= half).any(axis=1)
    cut = np.flatnonzero(~inside & ~outside & (extents > 0.0))
    # The quad's two half axes are the Cholesky factor's columns, as in projection.vert
    deviation = np.sqrt(xx[cut])
    across = np.stack([deviation, xy[cut] / deviation], axis=1) * extents[cut, None]
    up = areas[cut] / (4.0 * across[:, 0])
    steps = (np.arange(_POINTS) + 0.5) / _POINTS * 2.0 - 1.0
    hits = np.zeros(len(cut))
    for along in steps:
        for above in steps:
            points = centres[cut] + across * along
            points[:, 1] += up * above
            hits += (np.abs(points) <= half).all(axis=1)
    return float(areas[inside].sum() + (areas[cut] * hits).sum() / _POINTS**2)


def count_drawn(projected: Projected, quality: RenderQuality = FULL) -> int:
    """How many splats have a quad at all: those that are not too faint for it."""
    return int((_extents(projected, quality) > 0.0).sum())


def _extents(projected: Projected, quality: RenderQuality) -> Float64:
    """Where splats (M,) end, in standard deviations; 8-bit opacities, as the renderer has them."""
    opacities = np.rint(projected.opacities * 255.0) / 255.0
    return np.asarray(np.sqrt(2.0 * np.log(np.maximum(opacities / quality.least_alpha, 1.0))))
