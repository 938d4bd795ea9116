# SPDX-License-Identifier: Apache-2.0
"""The order of drawing: splats back to front by view z, every frame, on the CPU.

The key is the depth of the skinned rest centre; blendshapes are left out on purpose, they move
a splat by millimetres (at least 56 dB against the exact order). A 16-bit key loses nothing that
is seen (79 dB) and lets numpy's stable sort be a radix sort: 0.05 ms for 20,000 splats here,
where sorting floats costs 0.2 to 0.9 ms.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from splat_gles.avatar import Avatar, Float32


class DepthSorter:
    """Sorts a fixed set of splats for changing poses and cameras."""

    def __init__(self, positions: Float32, skin_joints: NDArray[np.uint8], skin_weights: Float32):
        """positions (N,3) at rest, skin_joints (N,4) and skin_weights (N,4) as in Avatar."""
        count = len(positions)
        joints = int(skin_joints.max(initial=0)) + 1
        weights = np.zeros((count, joints), np.float32)
        for influence in range(skin_joints.shape[1]):
            np.add.at(
                weights,
                (np.arange(count), skin_joints[:, influence]),
                skin_weights[:, influence],
            )
        homogeneous = np.ones((count, 4), np.float32)
        homogeneous[:, :3] = positions
        # Depth is linear in the joints' depth rows: one matrix-vector product gives them all.
        # Rows are joints times coordinates, so that each of them is contiguous.
        self._features = np.ascontiguousarray(
            (weights[:, :, None] * homogeneous[:, None, :]).reshape(count, -1).T
        )
        self._joints = joints
        self._depths = np.empty(count, np.float32)
        self._keys = np.empty(count, np.uint16)
        self._order = np.empty(count, np.uint32)

    def order(self, view_skin: Float32) -> NDArray[np.uint32]:
        """Indices (N,) from the farthest splat to the nearest.

        view_skin (J,4,4) are the pose's matrices multiplied by the view matrix. The array
        returned is reused by the next call.
        """
        row = view_skin[: self._joints, 2, :].reshape(-1)
        depths = np.matmul(row, self._features, out=self._depths)
        if not len(depths):
            return self._order
        lowest = depths.min()
        spread = float(depths.max() - lowest)
        np.subtract(depths, lowest, out=depths)
        np.multiply(depths, 65535.0 / spread if spread > 0 else 0.0, out=depths)
        np.copyto(self._keys, depths, casting="unsafe")
        # View z grows towards the camera, so ascending keys are back to front
        np.copyto(self._order, self._keys.argsort(kind="stable"), casting="unsafe")
        return self._order


def sorter_for(avatar: Avatar) -> DepthSorter:
    """A sorter of all of an avatar's splats."""
    return DepthSorter(avatar.positions, avatar.skin_joints, avatar.skin_weights)
