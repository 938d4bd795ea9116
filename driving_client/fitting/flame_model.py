# SPDX-License-Identifier: Apache-2.0
"""FLAME's face: what an expression value or an angle of the jaw does to its vertices.

The model file is licensed to the person who accepted its terms; it is never part of the project.
Read from the official pickle or from an .npz with the same names. Formulas: Li et al., "Learning a
model of facial shape and expression from 4D scans" (2017): vertices are linear in shape and
expression, pose-corrective shapes are linear in the joints' rotation matrices, and linear blend
skinning turns the rest.

Left out on purpose: identity (the mean face stands for all: expressions do not depend on it in
this model), the neck, the eyes, and landmarks.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from driving_client.fitting.flame_pickle import (
    MAXIMUM_BYTES,
    Array,
    FlameModelError,
    read_flame_pickle,
)
from driving_client.fitting.npz_file import NpzError, read_npz

Matrix = NDArray[np.float64]

EXPRESSIONS: Final = 100
_JAW: Final = 2
"""Joints: 0 root, 1 neck, 2 jaw, 3 and 4 eyes."""
_NAMES: Final = ("v_template", "shapedirs", "posedirs", "J_regressor", "weights", "f")
_JOINTS: Final = 5


@dataclass(frozen=True, slots=True, eq=False)
class FlameModel:
    """The parts that move a face.

    template (V, 3) metres, y up, facing +z; expressions (100, V, 3) metres per unit; correctives
    (9, V, 3) metres per entry of the jaw's rotation matrix less identity; jaw (3,) where the jaw
    turns; jaw_weights (V,) 0 to 1; faces (F, 3) vertex indices.
    """

    template: Matrix
    expressions: Matrix
    correctives: Matrix
    jaw: Matrix
    jaw_weights: Matrix
    faces: NDArray[np.int64]

    def jaw_displacement(self, rotation: Matrix) -> Matrix:
        """Vertices' displacement, (V, 3) metres, for the jaw's axis-angle rotation in radians."""
        turn = rotation_matrix(rotation)
        corrective = np.tensordot((turn - np.eye(3)).ravel(), self.correctives, 1)
        shaped = self.template + corrective
        turned = (shaped - self.jaw) @ turn.T + self.jaw
        moved = shaped + self.jaw_weights[:, None] * (turned - shaped)
        result: Matrix = moved - self.template
        return result


def rotation_matrix(axis_angle: Matrix) -> Matrix:
    """Rodrigues' formula: (3, 3) of an axis-angle vector in radians."""
    angle = float(np.linalg.norm(axis_angle))
    if angle < 1e-12:
        return np.eye(3)
    x, y, z = axis_angle / angle
    cross = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    result: Matrix = np.eye(3) + np.sin(angle) * cross + (1.0 - np.cos(angle)) * cross @ cross
    return result


def load_flame_model(path: Path) -> FlameModel:
    """Read a FLAME model, .pkl (official) or .npz. Raises FlameModelError."""
    arrays = _read_npz(path) if path.suffix == ".npz" else read_flame_pickle(path, _NAMES)
    missing = [name for name in _NAMES if name not in arrays]
    if missing:
        raise FlameModelError(f"{path}: no {', '.join(missing)}; this is not a FLAME model")
    try:
        return _built(arrays)
    except FlameModelError as error:
        raise FlameModelError(f"{path}: {error}") from error


def _read_npz(path: Path) -> dict[str, Array]:
    try:
        return read_npz(path, _NAMES, MAXIMUM_BYTES)
    except NpzError as error:
        raise FlameModelError(f"{path}: {error}") from error


def _built(arrays: dict[str, Array]) -> FlameModel:
    template = _floats(arrays["v_template"], "v_template")
    count = len(template)
    if template.shape != (count, 3) or count < 4:
        raise FlameModelError(f"v_template has shape {template.shape}, wanted (vertices, 3)")
    directions = _floats(arrays["shapedirs"], "shapedirs")
    if directions.ndim != 3 or directions.shape[:2] != (count, 3):
        raise FlameModelError(f"shapedirs has shape {directions.shape}, wanted ({count}, 3, n)")
    if directions.shape[2] not in (300 + EXPRESSIONS, EXPRESSIONS):
        raise FlameModelError(
            f"shapedirs has {directions.shape[2]} directions; wanted 300 of identity and "
            f"{EXPRESSIONS} of expression"
        )
    poses = _floats(arrays["posedirs"], "posedirs").reshape(-1)
    features = 9 * (_JOINTS - 1)
    if poses.size != count * 3 * features:
        raise FlameModelError(f"posedirs has {poses.size} values, wanted {count} × 3 × {features}")
    regressor = _floats(arrays["J_regressor"], "J_regressor")
    weights = _floats(arrays["weights"], "weights")
    if regressor.shape != (_JOINTS, count) or weights.shape != (count, _JOINTS):
        raise FlameModelError(
            f"J_regressor {regressor.shape} and weights {weights.shape} do not fit {count} "
            f"vertices and {_JOINTS} joints (SMPL and others are not FLAME)"
        )
    faces = arrays["f"]
    if faces.ndim != 2 or faces.shape[1] != 3 or faces.dtype.kind not in "iu":
        raise FlameModelError(f"f has shape {faces.shape}, wanted (faces, 3) indices")
    if len(faces) and (faces.min() < 0 or faces.max() >= count):
        raise FlameModelError("f names vertices that do not exist")
    start = 9 * (_JAW - 1)
    correctives = poses.reshape(count, 3, features)[:, :, start : start + 9]
    return FlameModel(
        template=template,
        expressions=np.ascontiguousarray(directions[:, :, -EXPRESSIONS:].transpose(2, 0, 1)),
        correctives=np.ascontiguousarray(correctives.transpose(2, 0, 1)),
        jaw=(regressor @ template)[_JAW],
        jaw_weights=weights[:, _JAW].copy(),
        faces=faces.astype(np.int64),
    )


def _floats(array: NDArray[Any], name: str) -> Matrix:
    if array.dtype.kind not in "fiu":
        raise FlameModelError(f"{name} holds {array.dtype} and not numbers")
    values = array.astype(np.float64)
    if not np.isfinite(values).all():
        raise FlameModelError(f"{name} holds NaN or infinity; copy the file again")
    return values
