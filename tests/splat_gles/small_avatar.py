# SPDX-License-Identifier: Apache-2.0
"""A tiny avatar made of numbers: enough of everything that the renderer has to get right."""

from __future__ import annotations

import math

import numpy as np

from splat_gles.avatar import Avatar, Framing, Joint
from splat_gles.rig import Pose

NECK = np.array([0.0, 1.5, 0.0])
HEAD = np.array([0.0, 1.6, 0.0])


def make_small_avatar(count: int = 400, seed: int = 1) -> Avatar:
    """An egg of coloured splats, redder towards its left, with a blendshape and three joints."""
    random = np.random.default_rng(seed)
    direction = random.normal(size=(count, 3))
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    positions = np.array([0.0, 1.6, 0.0]) + direction * [0.08, 0.12, 0.08]
    axes = np.linalg.qr(random.normal(size=(count, 3, 3)))[0]
    sigmas = np.exp(random.uniform(np.log(0.0005), np.log(0.015), (count, 3)))
    full = np.einsum("nij,nj,nkj->nik", axes, sigmas**2, axes)
    covariances = full[:, [0, 0, 0, 1, 1, 2], [0, 1, 2, 1, 2, 2]]
    colors = random.uniform(0.1, 1.0, (count, 4))
    colors[:, 0] = np.clip(0.5 + 5 * positions[:, 0], 0, 1)
    deltas = np.zeros((2, count // 2, 3))
    deltas[0, :, 1] = -0.03
    deltas[1, :, 0] = random.uniform(-0.02, 0.02, count // 2)
    skin_joints = np.tile(np.array([0, 1, 2, 0], np.uint8), (count, 1))
    skin_weights = random.dirichlet(np.ones(4), count)
    return Avatar(
        name="small",
        licence="CC0-1.0",
        parameter_space="arkit",
        framing=Framing((0.0, 1.6, 0.0), 0.4),
        positions=positions.astype(np.float32),
        covariances=covariances.astype(np.float32),
        colors=colors.astype(np.float32),
        blendshapes=("jawOpen", "mouthLeft"),
        deltas=deltas.astype(np.float32),
        joints=(
            Joint("root", -1, (0.0, 0.0, 0.0)),
            Joint("neck", 0, tuple(NECK)),
            Joint("head", 1, tuple(HEAD)),
        ),
        skin_joints=skin_joints,
        skin_weights=skin_weights.astype(np.float32),
        clips={},
    )


def make_pose(jaw: float = 0.0, left: float = 0.0, neck: float = 0.0, head: float = 0.0) -> Pose:
    """A pose of the small avatar: neck about x, head about y, radians."""
    matrices = np.tile(np.eye(4), (3, 1, 1))
    matrices[1] = _about(NECK, _turn_x(neck))
    matrices[2] = matrices[1] @ _about(HEAD, _turn_y(head))
    return Pose(np.array([jaw, left], np.float32), matrices.astype(np.float32))


def _about(pivot: np.ndarray, rotation: np.ndarray) -> np.ndarray:
    matrix = np.eye(4)
    matrix[:3, :3] = rotation
    matrix[:3, 3] = pivot - rotation @ pivot
    return matrix


def _turn_x(angle: float) -> np.ndarray:
    cosine, sine = math.cos(angle), math.sin(angle)
    return np.array([[1, 0, 0], [0, cosine, -sine], [0, sine, cosine]])


def _turn_y(angle: float) -> np.ndarray:
    cosine, sine = math.cos(angle), math.sin(angle)
    return np.array([[cosine, 0, sine], [0, 1, 0], [-sine, 0, cosine]])
