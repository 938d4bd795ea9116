# SPDX-License-Identifier: Apache-2.0
"""What makes a picture count as blank or still, and what must not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from player_stage import small_avatar

from kioskd.screen.screen_watch import ScreenWatch
from splat_gles.avatar import Avatar
from splat_gles.rig import Pose


def bound_to(joints: list[int]) -> Avatar:
    """An avatar of that many splats, each bound to one of its five joints."""
    count = len(joints)
    bound = np.zeros((count, 4), np.uint8)
    bound[:, 0] = joints
    return replace(
        small_avatar(),
        positions=np.zeros((count, 3), np.float32),
        covariances=np.zeros((count, 6), np.float32),
        colors=np.ones((count, 4), np.float32),
        deltas=np.zeros((52, 0, 3), np.float32),
        skin_joints=bound,
        skin_weights=np.tile(np.array([1, 0, 0, 0], np.float32), (count, 1)),
    )


AVATAR = bound_to([1] * 10 + [2] * 82 + [3] * 4 + [4] * 4)
FACE = np.random.default_rng(3).integers(0, 255, (8, 270, 3)).astype(np.uint8)


def pose(head: float = 0.0, eye: float = 0.0, jaw: float = 0.0) -> Pose:
    matrices = np.tile(np.eye(4, dtype=np.float32), (5, 1, 1))
    matrices[2:, 0, 2] = head
    matrices[3, 0, 2] += eye
    return Pose(np.array([jaw, 0.0], np.float32), matrices)


def looks(watch: ScreenWatch, poses: list[Pose], rows: list[np.ndarray]) -> list[str | None]:
    found = []
    for second, (each, seen) in enumerate(zip(poses, rows, strict=True)):
        assert watch.due(100.0 + 1.01 * second, each)
        found.append(watch.judge(seen))
    return found


MOVING = [pose(head=0.02 * step) for step in range(8)]


def changing(count: int) -> list[np.ndarray]:
    return [np.roll(FACE, step, axis=1) for step in range(count)]


def test_a_living_picture_is_no_trouble() -> None:
    assert looks(ScreenWatch(AVATAR), MOVING, changing(8)) == [None] * 8


@pytest.mark.parametrize("colour", [0, 255])
def test_one_colour_twice_is_blank_until_the_picture_is_back(colour: int) -> None:
    blank = np.full_like(FACE, colour)
    rows = [FACE, blank, blank, blank, *changing(1)]
    found = looks(ScreenWatch(AVATAR), MOVING[:5], rows)
    assert found == [None, None, "blank", "blank", None]


def test_a_single_blank_look_is_no_reason_to_act() -> None:
    blank = np.zeros_like(FACE)
    rows = [blank, FACE, blank, np.roll(FACE, 1, axis=1)]
    assert looks(ScreenWatch(AVATAR), MOVING[:4], rows) == [None] * 4


def test_the_same_pixels_although_the_head_moves_are_still() -> None:
    found = looks(ScreenWatch(AVATAR), MOVING[:5], [FACE] * 5)
    assert found == [None, None, None, "still", "still"]


def test_eyes_and_mouth_may_move_where_nobody_looks() -> None:
    poses = [pose(eye=0.1 * (step % 2), jaw=0.9 * (step % 2)) for step in range(8)]
    assert looks(ScreenWatch(AVATAR), poses, [FACE] * 8) == [None] * 8


def test_a_joint_that_holds_nothing_moves_nothing() -> None:
    watch = ScreenWatch(bound_to([0] * 100))
    assert looks(watch, MOVING, [FACE] * 8) == [None] * 8


def test_a_slow_move_adds_up() -> None:
    poses = [pose(head=0.004 * step) for step in range(20)]
    found = looks(ScreenWatch(AVATAR), poses, [FACE] * 20)
    assert "still" in found


def test_it_looks_once_a_second_and_only_at_another_pose() -> None:
    watch = ScreenWatch(AVATAR)
    assert watch.due(100.0, pose())
    assert not watch.due(100.9, pose(head=0.5))
    assert not watch.due(101.1, pose())
    assert watch.due(101.2, pose(jaw=0.5))
    assert not watch.due(103.0, pose(jaw=0.5))
