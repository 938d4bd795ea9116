# SPDX-License-Identifier: Apache-2.0
"""Rotations and linear blend skinning, in numpy.

`axis_angle_matrix` is plain Python on purpose: a rig has a handful of joints, and for one 3x3
matrix Python's floats are several times faster than numpy's calls. The skinning functions are
the reference that the renderer's shaders are held against, not the fast path.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from splat_gles.avatar import Float32

Float64 = NDArray[np.float64]
Rows = tuple[tuple[float, float, float], tuple[float, float, float], tuple[float, float, float]]


def axis_angle_matrix(x: float, y: float, z: float) -> Rows:
    """Rows of the 3x3 rotation about axis (x, y, z) by its length in radians (Rodrigues)."""
    angle = math.sqrt(x * x + y * y + z * z)
    if angle < 1e-12:
        return (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)
    x, y, z = x / angle, y / angle, z / angle
    c, s = math.cos(angle), math.sin(angle)
    v = 1.0 - c
    return (
        (c + x * x * v, x * y * v - z * s, x * z * v + y * s),
        (y * x * v + z * s, c + y * y * v, y * z * v - x * s),
        (z * x * v - y * s, z * y * v + x * s, c + z * z * v),
    )


def axis_angles(rotations: Float64) -> Float64:
    """Axis-angle vectors (...,3) in radians of rotation matrices (...,3,3), angles below pi.

    By way of quaternions (Shepperd's method with the trace's branch, which is the stable one
    for angles up to 120 degrees; heads turn less).
    """
    m = np.asarray(rotations, dtype=np.float64)
    w = 0.5 * np.sqrt(np.maximum(1.0 + m[..., 0, 0] + m[..., 1, 1] + m[..., 2, 2], 1e-12))
    vector = np.stack(
        [
            m[..., 2, 1] - m[..., 1, 2],
            m[..., 0, 2] - m[..., 2, 0],
            m[..., 1, 0] - m[..., 0, 1],
        ],
        axis=-1,
    ) / (4.0 * w[..., None])
    sine = np.linalg.norm(vector, axis=-1)
    # Where the sine vanishes, angle / sine tends to 2.
    factor = np.where(sine > 1e-9, 2.0 * np.arctan2(sine, w) / np.maximum(sine, 1e-12), 2.0)
    return np.asarray(vector * factor[..., None], dtype=np.float64)


def quaternion_matrices(quaternions: Float64) -> Float64:
    """Rotation matrices (N,3,3) of (N,4) quaternions w, x, y, z of any length above 0."""
    unit = quaternions / np.linalg.norm(quaternions, axis=1, keepdims=True)
    w, x, y, z = unit.T
    matrices = np.empty((len(unit), 3, 3))
    matrices[:, 0, 0] = 1 - 2 * (y * y + z * z)
    matrices[:, 0, 1] = 2 * (x * y - w * z)
    matrices[:, 0, 2] = 2 * (x * z + w * y)
    matrices[:, 1, 0] = 2 * (x * y + w * z)
    matrices[:, 1, 1] = 1 - 2 * (x * x + z * z)
    matrices[:, 1, 2] = 2 * (y * z - w * x)
    matrices[:, 2, 0] = 2 * (x * z - w * y)
    matrices[:, 2, 1] = 2 * (y * z + w * x)
    matrices[:, 2, 2] = 1 - 2 * (x * x + y * y)
    return matrices


def splat_covariances(scales: Float64, quaternions: Float64) -> Float32:
    """(N,6) xx, xy, xz, yy, yz, zz of R diag(scales^2) R^T; scales (N,3) standard deviations."""
    axes = quaternion_matrices(quaternions) * scales[:, None, :]
    full = axes @ axes.transpose(0, 2, 1)
    return np.asarray(full[:, [0, 0, 0, 1, 1, 2], [0, 1, 2, 1, 2, 2]], dtype=np.float32)


def blended_matrices(
    matrices: Float32, skin_joints: NDArray[np.uint8], skin_weights: Float32
) -> Float32:
    """Per splat the weighted sum (N,3,4) of its joints' matrices (J,4,4)."""
    flat = np.ascontiguousarray(matrices[:, :3, :]).reshape(len(matrices), 12)
    dense = np.zeros((len(skin_joints), len(matrices)), dtype=np.float32)
    rows = np.arange(len(skin_joints))
    for column in range(4):
        # One column at a time: a joint may stand in two columns of the same splat.
        dense[rows, skin_joints[:, column]] += skin_weights[:, column]
    return (dense @ flat).reshape(-1, 3, 4)


def transform_points(blended: Float32, points: Float32) -> Float32:
    """Points (N,3) through per-point affine matrices (N,3,4)."""
    moved = np.einsum("nij,nj->ni", blended[:, :, :3], points)
    return np.asarray(moved + blended[:, :, 3], dtype=np.float32)


def transform_covariances(blended: Float32, covariances: Float32) -> Float32:
    """Covariances (N,6) as A C A^T with A the 3x3 part of (N,3,4)."""
    full = covariances[:, [0, 1, 2, 1, 3, 4, 2, 4, 5]].reshape(-1, 3, 3)
    linear = blended[:, :, :3]
    moved = linear @ full @ linear.transpose(0, 2, 1)
    return np.asarray(moved[:, [0, 0, 0, 1, 1, 2], [0, 1, 2, 1, 2, 2]], dtype=np.float32)
