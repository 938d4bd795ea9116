# SPDX-License-Identifier: Apache-2.0
"""The bounds hold the whole avatar in every pose, and not much more than it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_avatar import make_pose, make_small_avatar

from splat_gles import camera
from splat_gles.reference import project
from splat_gles.scene import pose_scene
from splat_gles.screen_bounds import ScreenBounds

SIZE = (270, 480)
AVATAR = make_small_avatar(150)
BOUNDS = ScreenBounds(AVATAR)
ANGLES = st.floats(-0.8, 0.8)
WEIGHTS = st.floats(-1.0, 1.5)


def drawn_box(avatar, pose, view):
    """Left, bottom, right and top in pixels of the splats themselves, down to 1/255."""
    splats = project(pose_scene(avatar, pose, view, (1.0, 1.0, 1.0)))
    reach = splats.extents[:, None] * np.sqrt(splats.covariances[:, [0, 2]])
    low, high = splats.centres - reach + 0.5, splats.centres + reach + 0.5
    width, height = view.size
    left, right = low[:, 0].min(), high[:, 0].max()
    bottom, top = height - high[:, 1].max(), height - low[:, 1].min()
    return max(left, 0), max(bottom, 0), min(right, width), min(top, height)


def box(bounds, pose, view):
    x, y, width, height = bounds.box(
        np.matmul(view.view.astype(np.float32), pose.matrices), pose.weights, view
    )
    return x, y, x + width, y + height


@settings(max_examples=60, deadline=None)
@given(WEIGHTS, WEIGHTS, ANGLES, ANGLES, st.floats(-3.0, 3.0))
def test_nothing_sticks_out(jaw, left, neck, head, yaw) -> None:
    pose = make_pose(jaw, left, neck, head)
    view = camera.bust(AVATAR.framing, SIZE, yaw)
    ours, drawn = box(BOUNDS, pose, view), drawn_box(AVATAR, pose, view)
    assert ours[0] <= drawn[0]
    assert ours[1] <= drawn[1]
    assert ours[2] >= drawn[2]
    assert ours[3] >= drawn[3]


def test_they_are_not_much_larger() -> None:
    view = camera.bust(AVATAR.framing, SIZE)
    ours, drawn = box(BOUNDS, make_pose(), view), drawn_box(AVATAR, make_pose(), view)
    assert np.abs(np.subtract(ours, drawn)).max() < 30


def test_a_camera_within_the_avatar_sees_the_whole_screen() -> None:
    view = np.eye(4)
    view[:3, 3] = [0.0, -1.6, -0.1]
    assert box(BOUNDS, make_pose(), camera.Camera(view, 500.0, SIZE)) == (0, 0, *SIZE)


def test_without_splats_there_is_nothing() -> None:
    invisible = replace(AVATAR, colors=AVATAR.colors * np.float32([1, 1, 1, 0]))
    view = camera.bust(AVATAR.framing, SIZE)
    assert box(ScreenBounds(invisible), make_pose(), view) == (0, 0, 0, 0)


@pytest.mark.parametrize("side", [-5.0, 5.0])
def test_beside_the_screen_the_box_is_empty(side) -> None:
    view = np.eye(4)
    view[:3, 3] = [side, -1.6, -1.0]
    left, _, right, _ = box(BOUNDS, make_pose(), camera.Camera(view, 500.0, SIZE))
    assert left == right
