# SPDX-License-Identifier: Apache-2.0
"""Posing: against a slow float64 rewrite of the definition, and against plain expectations."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_up.plugin import LAM_NAMES
from made_up_avatar import make_avatar

from splat_gles.avatar import Avatar
from splat_gles.errors import ClipError, RigError
from splat_gles.rig import GAZE_SIDEWAYS, GAZE_UP_DOWN, Pose, Rig, RigParameters
from splat_gles.skinning import axis_angle_matrix, axis_angles


def exponential(vector: np.ndarray) -> np.ndarray:
    """Rotation of an axis-angle as the matrix exponential's series: no formula shared."""
    x, y, z = vector
    cross = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    term, total = np.eye(3), np.eye(3)
    for n in range(1, 40):
        term = term @ cross / n
        total = total + term
    return total


def oracle(avatar: Avatar, parameters: RigParameters) -> tuple[np.ndarray, np.ndarray]:
    """Positions and covariances in float64, splat by splat, from the definition."""
    turns = [exponential(v.astype(np.float64)) for v in parameters.rotations]
    linear: list[np.ndarray] = []
    shift: list[np.ndarray] = []
    for joint, turn in zip(avatar.joints, turns, strict=True):
        centre = np.array(joint.position)
        above = (np.eye(3), np.zeros(3))
        if joint.parent >= 0:
            above = (linear[joint.parent], shift[joint.parent])
        linear.append(above[0] @ turn)
        shift.append(above[0] @ (centre - turn @ centre) + above[1])
    positions, covariances = [], []
    for i in range(avatar.splats):
        point = avatar.positions[i].astype(np.float64)
        if i < avatar.deltas.shape[1]:
            for weight, delta in zip(parameters.weights, avatar.deltas[:, i], strict=True):
                point = point + float(weight) * delta.astype(np.float64)
        matrix, offset = np.zeros((3, 3)), np.zeros(3)
        for joint, weight in zip(avatar.skin_joints[i], avatar.skin_weights[i], strict=True):
            matrix += float(weight) * linear[joint]
            offset += float(weight) * shift[joint]
        positions.append(matrix @ point + offset)
        xx, xy, xz, yy, yz, zz = avatar.covariances[i].astype(np.float64)
        moved = matrix @ np.array([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]]) @ matrix.T
        covariances.append(moved[[0, 0, 0, 1, 1, 2], [0, 1, 2, 1, 2, 2]])
    return np.array(positions), np.array(covariances)


def assert_posed(avatar: Avatar, parameters: RigParameters) -> None:
    rig = Rig(avatar)
    pose = rig.pose(parameters)
    positions, covariances = oracle(avatar, parameters)
    assert np.abs(rig.posed_positions(pose) - positions).max() < 2e-6
    sizes = np.abs(covariances).max(axis=1, keepdims=True)
    assert (np.abs(rig.posed_covariances(pose) - covariances) / sizes).max() < 1e-5


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), size=st.floats(0.0, 1.5))
def test_any_pose_matches_the_definition(seed: int, size: float) -> None:
    avatar = make_avatar(60, gaze="blendshapes")
    random = np.random.default_rng(seed)
    assert_posed(
        avatar,
        RigParameters(
            random.uniform(-0.2, 1.2, len(avatar.blendshapes)).astype(np.float32),
            random.normal(0.0, size, (len(avatar.joints), 3)).astype(np.float32),
        ),
    )


@pytest.mark.parametrize("name", LAM_NAMES)
def test_a_whole_head_matches_the_definition(
    lam_avatar: Callable[[str], Avatar], name: str
) -> None:
    avatar = lam_avatar(name)
    rig = Rig(avatar)
    parameters = rig.neutral()
    parameters.weights[[rig.blendshape_index["jawOpen"], rig.blendshape_index["mouthLeft"]]] = 0.7
    parameters.rotations[rig.joint_index["neck"]] = (0.1, 0.2, 0.0)
    parameters.rotations[rig.joint_index["head"]] = (0.0, 0.3, -0.1)
    assert_posed(avatar, parameters)


def test_at_rest_nothing_moves(small_avatar: Avatar) -> None:
    rig = Rig(small_avatar)
    pose = rig.pose(rig.neutral())
    assert np.array_equal(pose.matrices, np.tile(np.eye(4, dtype=np.float32), (5, 1, 1)))
    assert np.abs(rig.posed_positions(pose) - small_avatar.positions).max() < 1e-6


@pytest.mark.parametrize(
    ("rotation", "towards"),
    [((0.3, 0, 0), (0, -1, 0)), ((0, 0.3, 0), (1, 0, 0))],
    ids=["+x looks down", "+y looks to the avatar's left"],
)
def test_signs_of_the_head(
    small_avatar: Avatar, rotation: tuple[float, ...], towards: tuple[float, ...]
) -> None:
    rig = Rig(small_avatar)
    parameters = rig.neutral()
    parameters.rotations[rig.joint_index["head"]] = rotation
    face = rig.pose(parameters).matrices[rig.joint_index["head"]][:3, 2]
    assert face @ np.array(towards) == pytest.approx(math.sin(0.3), abs=1e-6)


def test_the_head_follows_the_neck_and_its_centre_stays(small_avatar: Avatar) -> None:
    rig = Rig(small_avatar)
    parameters = rig.neutral()
    parameters.rotations[rig.joint_index["neck"]] = (0.0, 0.0, 0.2)
    matrices = rig.pose(parameters).matrices
    neck, head = rig.joint_index["neck"], rig.joint_index["head"]
    assert np.array_equal(matrices[head], matrices[neck])
    centre = np.array([*small_avatar.joints[neck].position, 1.0])
    assert np.abs(matrices[neck] @ centre - centre).max() < 1e-6
    assert np.array_equal(matrices[rig.joint_index["root"]], np.eye(4, dtype=np.float32))


def eye_direction(avatar: Avatar, eye: str, **weights: float) -> tuple[float, float]:
    """Degrees that an eye looks to the avatar's left and up."""
    rig = Rig(avatar)
    parameters = rig.neutral()
    for name, weight in weights.items():
        parameters.weights[rig.blendshape_index[name]] = weight
    x, y, z = rig.pose(parameters).matrices[rig.joint_index[eye]][:3, 2]
    return math.degrees(math.atan2(x, z)), math.degrees(math.asin(y))


@pytest.mark.parametrize(
    ("eye", "shape", "left", "up"),
    [
        ("leftEye", "eyeLookOutLeft", 25, 0),
        ("leftEye", "eyeLookInLeft", -25, 0),
        ("rightEye", "eyeLookOutRight", -25, 0),
        ("rightEye", "eyeLookInRight", 25, 0),
        ("leftEye", "eyeLookUpLeft", 0, 20),
        ("rightEye", "eyeLookDownRight", 0, -20),
        ("rightEye", "eyeLookOutLeft", 0, 0),
    ],
)
def test_gaze_weights_turn_eye_joints(
    small_avatar: Avatar, eye: str, shape: str, left: float, up: float
) -> None:
    assert eye_direction(small_avatar, eye, **{shape: 1.0}) == pytest.approx((left, up), abs=1e-3)


def test_gaze_adds_to_the_eye_joints_own_turn(small_avatar: Avatar) -> None:
    rig = Rig(small_avatar)
    parameters = rig.neutral()
    parameters.rotations[rig.joint_index["leftEye"]] = (0.0, 0.1, 0.0)
    parameters.weights[rig.blendshape_index["eyeLookOutLeft"]] = 1.0
    x, _, z = rig.pose(parameters).matrices[rig.joint_index["leftEye"]][:3, 2]
    assert math.atan2(x, z) == pytest.approx(0.1 + GAZE_SIDEWAYS, abs=1e-6)
    assert pytest.approx(math.radians(20.0)) == GAZE_UP_DOWN


def test_gaze_by_blendshapes_leaves_the_joints_alone() -> None:
    avatar = make_avatar(30, gaze="blendshapes")
    assert eye_direction(avatar, "leftEye", eyeLookOutLeft=1.0) == (0.0, 0.0)


def test_gaze_by_joints_needs_eyes(small_avatar: Avatar) -> None:
    with pytest.raises(RigError, match="leftEye"):
        Rig(dataclasses.replace(small_avatar, joints=small_avatar.joints[:3]))


@pytest.mark.parametrize(
    ("weights", "rotations", "message"),
    [
        (np.zeros(3), np.zeros((5, 3)), "weights"),
        (np.zeros(10), np.zeros((4, 3)), "rotations"),
        (np.zeros(10), np.zeros(15), "rotations"),
        (np.full(10, np.nan), np.zeros((5, 3)), "not finite"),
        (np.zeros(10), np.full((5, 3), np.inf), "not finite"),
    ],
)
def test_parameters_that_do_not_fit(
    small_avatar: Avatar, weights: np.ndarray, rotations: np.ndarray, message: str
) -> None:
    with pytest.raises(RigError, match=message):
        Rig(small_avatar).pose(RigParameters(weights, rotations))


def test_clips_by_name(small_avatar: Avatar) -> None:
    rig = Rig(small_avatar)
    parameters = rig.clip("idle", 0.0)
    assert np.array_equal(parameters.rotations, small_avatar.clips["idle"].rotations[0])
    assert isinstance(rig.pose(parameters), Pose)
    with pytest.raises(ClipError, match="it has: idle"):
        rig.clip("dance", 0.0)


@settings(max_examples=50, deadline=None)
@given(st.tuples(*[st.floats(-1.2, 1.2)] * 3))
def test_axis_angles_there_and_back(vector: tuple[float, float, float]) -> None:
    assert axis_angles(np.array(axis_angle_matrix(*vector))) == pytest.approx(vector, abs=1e-7)
