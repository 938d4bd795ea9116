# SPDX-License-Identifier: Apache-2.0
"""How many pixels a frame makes the GPU paint: the budget of a splat renderer.

Splats lie in some forty layers over each other, so a frame's cost is the summed area of the
quads that shaders/splat.vert draws, and not their number. Nothing is drawn here: the areas come
from the reference's projection.
"""

from __future__ import annotations

import numpy as np

from splat_gles.avatar import Avatar
from splat_gles.camera import Camera
from splat_gles.reference import LEAST_ALPHA, Projected, project
from splat_gles.rig import Pose
from splat_gles.scene import pose_scene

# A quad that the picture's edge cuts is measured by this many points along each of its sides
_POINTS = 8


def project_avatar(avatar: Avatar, pose: Pose, camera: Camera) -> Projected:
    """The splats of a posed avatar as the camera sees them, nearest first.

    `index` counts in the avatar's splats; those that the renderer never draws, because their
    8-bit opacity is at most 1/255, have an extent of 0.
    """
    projected = project(pose_scene(avatar, pose, camera, (0.0, 0.0, 0.0)))
    faint = np.rint(projected.opacities / LEAST_ALPHA) <= 1.0
    projected.extents[faint] = 0.0
    return projected


def count_fragments(projected: Projected, camera: Camera) -> float:
    """Pixels painted within the picture: the part of every quad's area that lies inside it."""
    middle = (np.array(camera.size) - 1) / 2
    half = np.array(camera.size) / 2
    centres = projected.centres - middle
    xx, xy, yy = projected.covariances.T
    extents = projected.extents
    areas = 4.0 * extents**2 * np.sqrt(np.maximum(xx * yy - xy * xy, 0.0))
    reach = extents[:, None] * np.sqrt(np.stack([xx, yy], axis=1))
    inside = (np.abs(centres) + reach <= half).all(axis=1)
    outside = (np.abs(centres) - reach >= half).any(axis=1)
    cut = np.flatnonzero(~inside & ~outside & (extents > 0.0))
    # The quad's two half axes are the Cholesky factor's columns, as in prepass.vert
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
