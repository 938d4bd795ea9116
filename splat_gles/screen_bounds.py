# SPDX-License-Identifier: Apache-2.0
"""Which part of the screen an avatar can cover in a pose: what need not be cleared or enlarged.

Linear blend skinning puts every point of a splat into the convex hull of where its joints alone
would put it, and a projection keeps hulls. So it is enough to transform the corners of a box for
each joint: a hundred points instead of N. Splats that blendshapes move have boxes of their own,
which grow by the furthest that the active blendshapes reach. The result is never too small; it
can be too large by some of the face's movement, which mostly happens inside of the hair.
"""

from __future__ import annotations

import itertools

import numpy as np

from splat_gles.avatar import Avatar, Float32
from splat_gles.camera import NEAR, Camera, Float64
from splat_gles.gl.target import Box

# The low-pass reaches 3.4 * sqrt(0.3) = 1.9 pixels; the rest is for EWA's linearisation
_MARGIN = 5.0
_SIGNS = np.array(list(itertools.product((-1.0, 1.0), repeat=3)), np.float32)


class ScreenBounds:
    """Bounds of an avatar's splats for changing poses and cameras."""

    def __init__(self, avatar: Avatar) -> None:
        opacities = avatar.colors[:, 3]
        extents = np.sqrt(2 * np.log(np.maximum(255 * opacities, 1)))
        reach = extents[:, None] * np.sqrt(avatar.covariances[:, [0, 3, 5]])
        touched = np.arange(avatar.splats) < avatar.deltas.shape[1]
        boxes, joints, moving = [], [], []
        for joint in range(len(avatar.joints)):
            bound = ((avatar.skin_joints == joint) & (avatar.skin_weights > 0)).any(axis=1)
            for moved in (False, True):
                chosen = np.flatnonzero(bound & (touched == moved) & (extents > 0))
                if not len(chosen):
                    continue
                low = (avatar.positions[chosen] - reach[chosen]).min(axis=0)
                high = (avatar.positions[chosen] + reach[chosen]).max(axis=0)
                boxes.append((low + high) / 2 + _SIGNS * (high - low) / 2)
                joints.append(joint)
                moving.append(moved)
        self._corners = np.ones((len(boxes), len(_SIGNS), 4), np.float32)
        if boxes:
            self._corners[..., :3] = boxes
        self._joints = np.array(joints, np.intp)
        self._moving = np.array(moving, bool)
        # Axis by axis and without a copy: numpy is slow at rows of three
        self._furthest = np.stack(
            [
                np.maximum(d.max(axis=1, initial=0.0), -d.min(axis=1, initial=0.0))
                for d in np.moveaxis(avatar.deltas, 2, 0)
            ],
            axis=1,
        )

    def box(self, view_skin: Float64, weights: Float32, camera: Camera) -> Box:
        """x, y of the lower left corner, width and height in pixels, within the picture.

        view_skin (J,4,4) are the pose's matrices multiplied by the view matrix, weights (B,)
        the pose's blendshapes.
        """
        width, height = camera.size
        corners = self._corners.copy()
        corners[self._moving, :, :3] += _SIGNS * (np.abs(weights) @ self._furthest)
        seen = np.matmul(corners, view_skin[self._joints].transpose(0, 2, 1))
        depths = -seen[..., 2]
        if not len(seen):
            return 0, 0, 0, 0
        if depths.min() <= NEAR:
            return 0, 0, width, height
        size = np.array(camera.size)
        points = seen[..., :2] / depths[..., None] * camera.focal + size / 2
        low = np.clip(np.floor(points.min(axis=(0, 1)) - _MARGIN), 0, size).astype(int)
        high = np.clip(np.ceil(points.max(axis=(0, 1)) + _MARGIN), 0, size).astype(int)
        (x, y), (across, up) = low.tolist(), (high - low).tolist()
        return x, y, across, up
