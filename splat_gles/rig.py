# SPDX-License-Identifier: Apache-2.0
"""From parameters (blendshape weights, joint rotations) to a pose that a renderer can draw.

`Rig.pose` is all that a frame costs here, some tens of microseconds; moving the splats is the
renderer's work. `posed_positions` and `posed_covariances` do the same in numpy, as reference
and for tools.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from splat_gles.avatar import EYE_GAZE, Avatar, Float32
from splat_gles.clips import sample
from splat_gles.errors import ClipError, RigError
from splat_gles.skinning import (
    Rows,
    axis_angle_matrix,
    blended_matrices,
    transform_covariances,
    transform_points,
)

# What a weight of 1.0 of the eyeLook* blendshapes means for avatars whose eyes are joints.
GAZE_SIDEWAYS = math.radians(25.0)
GAZE_UP_DOWN = math.radians(20.0)


@dataclass(frozen=True, slots=True)
class RigParameters:
    """What a face does at one instant.

    weights (B,) in the order of the avatar's blendshapes, mostly 0 to 1; rotations (J,3)
    axis-angle radians about each joint's rest position in the order of the avatar's joints.
    """

    weights: Float32
    rotations: Float32


@dataclass(frozen=True, slots=True)
class Pose:
    """What the renderer needs: weights (B,) and skinning matrices (J,4,4), rest to posed."""

    weights: Float32
    matrices: Float32


class Rig:
    """Poses one avatar.

    A joint's matrix is its parent's times the rotation about its rest position. +x pitches the
    head down, +y turns it to the avatar's left, +z tilts it to the avatar's right shoulder (the
    right-hand rule with y up and the face along +z). Gaze is always given as eyeLook* weights;
    where the avatar's eyes are joints the rig turns them from these.
    """

    def __init__(self, avatar: Avatar) -> None:
        self.avatar = avatar
        self.blendshape_index: Mapping[str, int] = MappingProxyType(
            {name: index for index, name in enumerate(avatar.blendshapes)}
        )
        self.joint_index: Mapping[str, int] = MappingProxyType(
            {joint.name: index for index, joint in enumerate(avatar.joints)}
        )
        self._eyes = self._gaze_table() if avatar.gaze == "joints" else ()

    def neutral(self) -> RigParameters:
        """The avatar at rest: all weights and rotations 0."""
        return RigParameters(
            np.zeros(len(self.avatar.blendshapes), dtype=np.float32),
            np.zeros((len(self.avatar.joints), 3), dtype=np.float32),
        )

    def pose(self, parameters: RigParameters) -> Pose:
        """Skinning matrices for the parameters. Raises RigError where they do not fit."""
        weights = np.asarray(parameters.weights, dtype=np.float32)
        rotations = np.asarray(parameters.rotations, dtype=np.float32)
        self._check(weights, rotations)
        turns = {
            index: axis_angle_matrix(x, y, z)
            for index, (x, y, z) in enumerate(rotations.tolist())
            if x or y or z
        }
        for joint, left, right, down, up in self._eyes:
            gaze = _gaze(
                GAZE_SIDEWAYS * float(weights[left] - weights[right]),
                GAZE_UP_DOWN * float(weights[down] - weights[up]),
            )
            turns[joint] = _product(gaze, turns[joint]) if joint in turns else gaze
        matrices = np.empty((len(self.avatar.joints), 4, 4), dtype=np.float32)
        for index, joint_data in enumerate(self.avatar.joints):
            parent = joint_data.parent
            above = matrices[parent] if parent >= 0 else np.eye(4, dtype=np.float32)
            turn = turns.get(index)
            if turn is None:
                matrices[index] = above
            else:
                matrices[index] = above @ _about(turn, joint_data.position)
        return Pose(weights, matrices)

    def clip(self, name: str, seconds: float) -> RigParameters:
        """Parameters of one of the avatar's clips at an instant. Raises ClipError."""
        clip = self.avatar.clips.get(name)
        if clip is None:
            known = ", ".join(self.avatar.clips) or "none"
            raise ClipError(f"{self.avatar.name} has no clip {name!r}; it has: {known}")
        return RigParameters(*sample(clip, seconds))

    def posed_positions(self, pose: Pose) -> Float32:
        """Positions (N,3) in metres: blendshapes first, then the joints."""
        return transform_points(self._blended(pose), self._shaped(pose))

    def posed_covariances(self, pose: Pose) -> Float32:
        """Covariances (N,6), turned by each splat's blended matrix."""
        return transform_covariances(self._blended(pose), self.avatar.covariances)

    def _shaped(self, pose: Pose) -> Float32:
        shaped = self.avatar.positions.copy()
        touched = self.avatar.deltas.shape[1]
        shaped[:touched] += np.tensordot(pose.weights, self.avatar.deltas, axes=1)
        return shaped

    def _blended(self, pose: Pose) -> Float32:
        return blended_matrices(pose.matrices, self.avatar.skin_joints, self.avatar.skin_weights)

    def _check(self, weights: Float32, rotations: Float32) -> None:
        if weights.shape != (len(self.avatar.blendshapes),):
            raise RigError(
                f"{weights.shape} weights for the {len(self.avatar.blendshapes)} blendshapes "
                f"of {self.avatar.name}; start from Rig.neutral()"
            )
        if rotations.shape != (len(self.avatar.joints), 3):
            raise RigError(
                f"rotations of shape {rotations.shape} for the {len(self.avatar.joints)} joints "
                f"of {self.avatar.name}; start from Rig.neutral()"
            )
        if not (np.isfinite(weights).all() and np.isfinite(rotations).all()):
            raise RigError(f"parameters for {self.avatar.name} that are not finite")

    def _gaze_table(self) -> tuple[tuple[int, int, int, int, int], ...]:
        table = []
        for joint, *names in EYE_GAZE:
            missing = [name for name in names if name not in self.blendshape_index]
            if joint not in self.joint_index or missing:
                raise RigError(
                    f"{self.avatar.name}: gaze by joints needs {joint} and {', '.join(names)}; "
                    "make the bundle again"
                )
            left, right, down, up = (self.blendshape_index[name] for name in names)
            table.append((self.joint_index[joint], left, right, down, up))
        return tuple(table)


def _gaze(yaw: float, pitch: float) -> Rows:
    """Rotation by pitch about x, then by yaw about y."""
    return _product(axis_angle_matrix(0.0, yaw, 0.0), axis_angle_matrix(pitch, 0.0, 0.0))


def _product(a: Rows, b: Rows) -> Rows:
    columns = tuple(zip(*b, strict=True))
    rows = [tuple(sum(x * y for x, y in zip(row, c, strict=True)) for c in columns) for row in a]
    return rows[0], rows[1], rows[2]  # type: ignore[return-value]


def _about(turn: Rows, centre: tuple[float, float, float]) -> Float32:
    """4x4 matrix of a rotation about a point: x to turn (x - centre) + centre."""
    x, y, z = centre
    rows = [(a, b, c, centre[i] - (a * x + b * y + c * z)) for i, (a, b, c) in enumerate(turn)]
    return np.array([*rows, (0.0, 0.0, 0.0, 1.0)], dtype=np.float32)
