# SPDX-License-Identifier: Apache-2.0
"""What eyes and lids were seen to do: saccades and blinks, told from what is shown alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from splat_gles.avatar import Avatar
from splat_gles.eyes import eyes_of
from splat_gles.rig import Rig, RigParameters

Array = NDArray[np.float64]
SACCADE_SPEED = 25.0
"""Degrees a second; nothing but a saccade turns the gaze so fast."""


def stretches(mask: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """First frame and the one after the last of each stretch where the mask holds."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], mask, [False]]).astype(np.int8)))
    return [(int(a), int(b)) for a, b in edges.reshape(-1, 2)]


def gaze_of(avatar: Avatar, poses: list[RigParameters], visitor: Array) -> Array:
    """Degrees (n, 2, 2) to the left and up, by eye, between where it points and the visitor.

    Told by the matrices that the renderer gets, and for eyes that are shapes by how far those turn.
    """
    rig, eyes = Rig(avatar), eyes_of(avatar)
    joints = [rig.joint_index.get(name, -1) for name in ("leftEye", "rightEye")]
    head = rig.joint_index["head"]
    found = np.empty((len(poses), 2, 2))
    for row, parameters in enumerate(poses):
        matrices = rig.pose(parameters).matrices.astype(np.float64)
        for column, (joint, eye) in enumerate(zip(joints, eyes, strict=True)):
            matrix = matrices[joint if avatar.gaze == "joints" else head]
            ahead = np.array([0.0, 0.0, 1.0])
            if avatar.gaze != "joints":
                w = [float(parameters.weights[shape]) for shape in eye.shapes]
                left = w[0] * eye.reach[0] - w[1] * eye.reach[1]
                down = w[2] * eye.reach[2] - w[3] * eye.reach[3]
                ahead = np.array(
                    [np.cos(down) * np.sin(left), -np.sin(down), np.cos(down) * np.cos(left)]
                )
            wanted = visitor - (matrix @ [*eye.centre, 1.0])[:3]
            found[row, column] = _angles(matrix[:3, :3] @ ahead) - _angles(wanted)
    return found


def _angles(ray: Array) -> Array:
    x, y, z = ray
    return np.asarray(np.degrees([np.arctan2(x, z), np.arctan2(y, np.hypot(x, z))]))


@dataclass(frozen=True, slots=True)
class Saccade:
    """First frame and the one after the last; degrees; the peak in degrees a second."""

    begin: int
    end: int
    degrees: float
    peak: float


def saccades(gaze: Array, frame_s: float) -> list[Saccade]:
    """Of a gaze (n, 2) in degrees."""
    speed = np.linalg.norm(np.diff(gaze, axis=0), axis=1) / frame_s
    return [
        Saccade(a, b, float(np.linalg.norm(gaze[b] - gaze[a])), float(speed[a:b].max()))
        for a, b in stretches(speed > SACCADE_SPEED)
    ]
