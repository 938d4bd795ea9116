# SPDX-License-Identifier: Apache-2.0
"""What a pose has to look like, by the INRIA rasteriser's definition in float64 numpy.

Written from the definition and not from the shaders: camera with y down and z forward as there,
front to back with transmittance, every splat over every pixel of its 3.4 sigma neighbourhood.
"""

from __future__ import annotations

import numpy as np

from splat_gles.avatar import Avatar
from splat_gles.camera import Camera
from splat_gles.rig import Pose


def posed_splats(avatar: Avatar, pose: Pose) -> tuple[np.ndarray, np.ndarray]:
    """Means (N,3) and covariances (N,3,3) in world space, float64."""
    means = avatar.positions.astype(np.float64)
    touched = avatar.deltas.shape[1]
    means[:touched] += np.tensordot(pose.weights.astype(np.float64), avatar.deltas, 1)
    skin = np.einsum(
        "ni,nijk->njk",
        avatar.skin_weights.astype(np.float64),
        pose.matrices.astype(np.float64)[avatar.skin_joints],
    )
    means = np.einsum("nij,nj->ni", skin[:, :3, :3], means) + skin[:, :3, 3]
    rest = avatar.covariances.astype(np.float64)[:, [0, 1, 2, 1, 3, 4, 2, 4, 5]].reshape(-1, 3, 3)
    turn = skin[:, :3, :3]
    return means, turn @ rest @ turn.transpose(0, 2, 1)


def reference_picture(
    avatar: Avatar, pose: Pose, camera: Camera, background: tuple[float, float, float]
) -> tuple[np.ndarray, np.ndarray]:
    """The picture (H,W,3) in 0 to 1 and the transmittance left (H,W)."""
    width, height = camera.size
    means, covariances = posed_splats(avatar, pose)
    flip = np.diag([1.0, -1.0, -1.0])
    world = flip @ camera.view[:3, :3]
    points = means @ world.T + flip @ camera.view[:3, 3]
    tan_x, tan_y = width / (2 * camera.focal), height / (2 * camera.focal)
    picture = np.zeros((height, width, 3))
    left = np.ones((height, width))
    for i in np.argsort(points[:, 2], kind="stable"):
        x, y, z = points[i]
        if z <= 0.2:
            continue
        limited_x = np.clip(x / z, -1.3 * tan_x, 1.3 * tan_x) * z
        limited_y = np.clip(y / z, -1.3 * tan_y, 1.3 * tan_y) * z
        jacobian = camera.focal * np.array(
            [[1 / z, 0, -limited_x / z**2], [0, 1 / z, -limited_y / z**2]]
        )
        to_screen = jacobian @ world
        shape = to_screen @ covariances[i] @ to_screen.T + 0.3 * np.eye(2)
        u = ((x / z / tan_x + 1) * width - 1) / 2
        v = ((y / z / tan_y + 1) * height - 1) / 2
        reach = 3.4 * np.sqrt(np.diag(shape))
        columns = np.arange(max(0, int(u - reach[0])), min(width, int(u + reach[0]) + 2))
        rows = np.arange(max(0, int(v - reach[1])), min(height, int(v + reach[1]) + 2))
        if not len(columns) or not len(rows):
            continue
        inverse = np.linalg.inv(shape)
        dx, dy = columns[None, :] - u, rows[:, None] - v
        power = -0.5 * (
            inverse[0, 0] * dx * dx + 2 * inverse[0, 1] * dx * dy + inverse[1, 1] * dy * dy
        )
        alpha = np.minimum(0.99, avatar.colors[i, 3] * np.exp(power))
        alpha[alpha < 1 / 255] = 0
        window = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        picture[window] += (left[window] * alpha)[..., None] * avatar.colors[i, :3]
        left[window] *= 1 - alpha
    return picture + left[..., None] * np.array(background), left


def masked_psnr(pixels: np.ndarray, picture: np.ndarray, left: np.ndarray) -> float:
    """Decibels of an 8-bit picture over the pixels that the avatar covers."""
    mask = left < 0.995
    error = pixels[mask].astype(np.float64) / 255 - picture[mask]
    return float(-10 * np.log10(np.mean(error**2)))
