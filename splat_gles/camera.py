# SPDX-License-Identifier: Apache-2.0
"""Where the picture is taken from: the `bust` camera of an avatar's framing, or LAM's own.

OpenGL conventions: column vectors, the camera looks along its negative z, y is up. There is no
depth buffer, so near and far planes exist only in `projection`, for others to redraw a scene.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from splat_gles.avatar import Framing

Float64 = NDArray[np.float64]
Size = tuple[int, int]

NEAR = 0.2
"""Metres; splats closer than this are not drawn (the INRIA rasteriser's limit)."""
FAR = 100.0

LANDSCAPE_SPAN: Final = 1.25
"""A landscape picture's height over the framing's width: head, neck and shoulders."""
# The bust camera's distance in widths of its framing. A 9:16 portrait then has a vertical field
# of view of 30 degrees, what a portrait lens has; 0.40 m are seen from 1.33 m.
_BUST_DISTANCE = (16 / 9) / (2 * math.tan(math.radians(15)))

# What LAM's web renderer uses
_LAM_POSITION = (0.0, 1.8, 1.0)
_LAM_PITCH = math.radians(-10)
_LAM_FIELD_OF_VIEW = math.radians(50)


@dataclass(frozen=True, slots=True, eq=False)
class Camera:
    """A pinhole camera: `view` (4,4) from world to camera, `size` (width, height) in pixels.

    `focal` is the focal length in pixels, the same along both axes.
    """

    view: Float64
    focal: float
    size: Size

    @property
    def tangents(self) -> tuple[float, float]:
        """Tangents of half the horizontal and vertical field of view."""
        return self.size[0] / (2 * self.focal), self.size[1] / (2 * self.focal)

    @property
    def position(self) -> Float64:
        """The camera's place in the world, metres (3,)."""
        return -self.view[:3, :3].T @ self.view[:3, 3]

    @property
    def projection(self) -> Float64:
        """The (4,4) perspective matrix of OpenGL, with near 0.2 m and far 100 m."""
        horizontal, vertical = self.tangents
        matrix = np.zeros((4, 4))
        matrix[0, 0] = 1 / horizontal
        matrix[1, 1] = 1 / vertical
        matrix[2, 2] = (FAR + NEAR) / (NEAR - FAR)
        matrix[2, 3] = 2 * FAR * NEAR / (NEAR - FAR)
        matrix[3, 2] = -1
        return matrix


def bust(framing: Framing, size: Size, yaw: float = 0.0, pitch: float = 0.0) -> Camera:
    """Look straight at the framing's target; the picture's shorter side spans its width.

    From square to 4:3 a picture gets up to LANDSCAPE_SPAN of that in height: a wide screen shows
    the whole head and not the chest.

    `yaw` in radians turns the avatar to its left: the camera goes round the avatar's own axis,
    which stands at z = 0 beneath the target, the other way. `pitch` then tips its face down.
    """
    _check_size(size)
    distance = _BUST_DISTANCE * framing.width
    x, y, z = framing.target
    view = _translation(-x, -y, -z - distance)
    focal = min(size) * _BUST_DISTANCE / _short_span(size)
    return Camera(_turned(view, yaw, (x, y, 0.0), pitch), focal, size)


def on_screen(framing: Framing, size: Size, yaw: float = 0.0) -> Camera:
    """The bust on a screen of any shape: its upper edge is where that of a 9:16 portrait is.

    The hair that a portrait shows is then shown by all but narrower screens, which show more.
    """
    x, y, z = framing.target
    height = _short_span(size) * size[1] / min(size)
    y += max(16 / 9 - height, 0.0) / 2 * framing.width
    return bust(Framing((x, y, z), framing.width), size, yaw)


def turned_clockwise(camera: Camera, quarters: int) -> Camera:
    """The camera whose picture is that of `camera` turned clockwise so many quarters.

    For a screen that hangs on its side: take the picture as people see it, and turn it.
    """
    view = camera.view.copy()
    for _ in range(quarters % 4):
        view[0], view[1] = view[1].copy(), -view[0]
    size = camera.size[::-1] if quarters % 2 else camera.size
    return Camera(view, camera.focal, (size[0], size[1]))


def _short_span(size: Size) -> float:
    """What the shorter side spans, in widths of the framing."""
    wide = min(max(3 * (size[0] / size[1] - 1), 0.0), 1.0)
    return 1 + (LANDSCAPE_SPAN - 1) * wide


def lam(size: Size, yaw: float = 0.0) -> Camera:
    """The camera of LAM's web renderer; `yaw` as for `bust`, about the world's y axis."""
    _check_size(size)
    x, y, z = _LAM_POSITION
    pitch = np.eye(4)
    cosine, sine = math.cos(-_LAM_PITCH), math.sin(-_LAM_PITCH)
    pitch[1:3, 1:3] = [[cosine, -sine], [sine, cosine]]
    focal = size[1] / (2 * math.tan(_LAM_FIELD_OF_VIEW / 2))
    view = pitch @ _translation(-x, -y, -z)
    return Camera(_turned(view, yaw, (0.0, 0.0, 0.0)), focal, size)


def _translation(x: float, y: float, z: float) -> Float64:
    matrix = np.eye(4)
    matrix[:3, 3] = x, y, z
    return matrix


def _turned(
    view: Float64, yaw: float, pivot: tuple[float, float, float], pitch: float = 0.0
) -> Float64:
    x, y, z = pivot
    tip = np.eye(4)
    tip[1, 1] = tip[2, 2] = math.cos(pitch)
    tip[1, 2] = -math.sin(pitch)
    tip[2, 1] = math.sin(pitch)
    turn = np.eye(4)
    turn[0, 0] = turn[2, 2] = math.cos(yaw)
    turn[0, 2] = math.sin(yaw)
    turn[2, 0] = -math.sin(yaw)
    return np.asarray(view @ _translation(x, y, z) @ tip @ turn @ _translation(-x, -y, -z))


def _check_size(size: Size) -> None:
    if min(size) < 1:
        raise ValueError(f"a picture of {size[0]}x{size[1]} pixels has no pixels")
