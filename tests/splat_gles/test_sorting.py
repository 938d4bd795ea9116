# SPDX-License-Identifier: Apache-2.0
"""Splats come back to front, as finely as 16 bits tell them apart."""

from __future__ import annotations

import numpy as np
import pytest
from small_avatar import make_pose, make_small_avatar

from splat_gles import camera
from splat_gles.sorting import DepthSorter

AVATAR = make_small_avatar(3000)
NO_DELTAS = np.zeros((0, 0, 3), np.float32)
NO_WEIGHTS = np.zeros(0, np.float32)


@pytest.mark.parametrize(
    ("pose", "yaw"),
    [(make_pose(), 0.0), (make_pose(), 2.0), (make_pose(neck=0.4, head=-0.6), -0.5)],
)
def test_every_splat_once_and_farthest_first(pose, yaw) -> None:
    sorter = DepthSorter(AVATAR.positions, AVATAR.deltas, AVATAR.skin_joints, AVATAR.skin_weights)
    view_skin = camera.bust(AVATAR.framing, (540, 960), yaw).view @ pose.matrices
    order = sorter.order(view_skin.astype(np.float32), pose.weights)
    assert np.array_equal(np.sort(order), np.arange(AVATAR.splats))
    skin = np.einsum("ni,nijk->njk", AVATAR.skin_weights, view_skin[AVATAR.skin_joints])
    homogeneous = np.c_[AVATAR.positions, np.ones(AVATAR.splats)]
    depth = np.einsum("nj,nj->n", skin[:, 2], homogeneous)[order]
    step = np.ptp(depth) / 65535
    assert np.diff(depth).min() >= -1.01 * step


def test_a_blendshape_changes_the_order_and_a_turning_head_keeps_it_right() -> None:
    """Rigid skin, so that the exact order is known: the depth of the moved and turned centres."""
    joints = np.full((AVATAR.splats, 4), 2, np.uint8)
    sorter = DepthSorter(AVATAR.positions, AVATAR.deltas, joints, AVATAR.skin_weights)
    touched = AVATAR.deltas.shape[1]
    weights = np.array([0.8, 0.9], np.float32)
    moved = AVATAR.positions.copy()
    moved[:touched] += np.tensordot(weights, AVATAR.deltas, 1)
    for frame in range(60):
        pose = make_pose(neck=0.01 * frame, head=-0.015 * frame)
        view_skin = camera.bust(AVATAR.framing, (540, 960), 0.3).view @ pose.matrices
        order = sorter.order(view_skin.astype(np.float32), weights)
        depth = (moved @ view_skin[2, 2, :3] + view_skin[2, 2, 3])[order]
        assert np.diff(depth).min() > -0.002, f"out of order by over 2 mm in frame {frame}"


def test_splats_at_one_depth_keep_their_order() -> None:
    """Or they would flicker from frame to frame."""
    positions = np.zeros((50, 3), np.float32)
    positions[:, 0] = np.linspace(-1, 1, 50)
    weights = np.tile(np.float32([1, 0, 0, 0]), (50, 1))
    sorter = DepthSorter(positions, NO_DELTAS, np.zeros((50, 4), np.uint8), weights)
    assert sorter.order(np.eye(4, dtype=np.float32)[None], NO_WEIGHTS).tolist() == list(range(50))


def test_an_avatar_of_no_visible_splats_has_an_empty_order() -> None:
    sorter = DepthSorter(
        np.zeros((0, 3), np.float32),
        NO_DELTAS,
        np.zeros((0, 4), np.uint8),
        np.zeros((0, 4), np.float32),
    )
    assert len(sorter.order(np.eye(4, dtype=np.float32)[None], NO_WEIGHTS)) == 0
