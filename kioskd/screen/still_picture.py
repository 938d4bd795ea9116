# SPDX-License-Identifier: Apache-2.0
"""The avatar as a picture for a screen that no GL draws on, made on the CPU and kept.

The reference rasteriser draws it once for each shape of screen on a thread of its own, at no more
than LONGEST pixels, and it is enlarged: 6 s of a desk's CPU for 60,000 splats (measured), half a
minute on a board (an estimate). Meanwhile there is the plain background. It is kept in the
daemon's own folder, so that the next start has it at once, and made anew for another avatar or if
damaged.
"""

from __future__ import annotations

import hashlib
import logging
import math
import threading
from pathlib import Path
from typing import Final

import numpy as np
import pygame
from numpy.typing import NDArray

from kioskd import durable_files
from kioskd.durable_files import DiskFiles
from splat_gles import camera as cameras
from splat_gles.avatar import Avatar
from splat_gles.camera import Size
from splat_gles.picture import encode_png
from splat_gles.reference import rasterise
from splat_gles.rig import Rig
from splat_gles.scene import pose_scene

logger = logging.getLogger(__name__)

LONGEST: Final = 960

Pixels = NDArray[np.uint8]
Color = tuple[float, float, float]


class StillPicture:
    """Pictures of one avatar at rest. `folder` is None where nothing is kept.

    On screens they are turned clockwise by `quarters`.

    `made` counts the pictures that have become ready: another number, another picture.
    """

    def __init__(
        self,
        avatar: Avatar,
        background: Color,
        yaw: float,
        folder: Path | None,
        quarters: int = 0,
    ) -> None:
        self._avatar = avatar
        self._background = background
        self._yaw = yaw
        self._folder = folder
        self._quarters = quarters
        self._ready: dict[Size, Pixels] = {}
        self._begun: set[Size] = set()
        self.made = 0

    def paint(self, size: Size) -> Pixels:
        """For a screen of `size` (width, height): (height, width, 3); plain until it is made."""
        return np.rot90(self.upright(size), -self._quarters)

    def upright(self, size: Size) -> Pixels:
        """The same as people see it who stand before a panel on its side."""
        if self._quarters % 2:
            size = size[1], size[0]
        small = _small(size)
        pixels = self._ready.get(small)
        if pixels is None:
            if small not in self._begun:
                self._begun.add(small)
                threading.Thread(
                    target=self._make, args=(small,), name="still", daemon=True
                ).start()
            color = np.rint(np.array(self._background) * 255).astype(np.uint8)
            return np.ascontiguousarray(np.broadcast_to(color, (size[1], size[0], 3)))
        surface = pygame.image.frombuffer(pixels.tobytes(), small, "RGB")
        scaled = pygame.transform.smoothscale(surface, size)
        return np.frombuffer(pygame.image.tobytes(scaled, "RGB"), np.uint8).reshape(
            size[1], size[0], 3
        )

    def _make(self, size: Size) -> None:
        path = self._path(size)
        pixels = _read(path, size)
        if pixels is None:
            pixels = self._draw(size)
            if path is not None:
                _keep(path, size, pixels)
        self._ready[size] = pixels
        self.made += 1

    def _draw(self, size: Size) -> Pixels:
        rig = Rig(self._avatar)
        camera = cameras.on_screen(self._avatar.framing, size, self._yaw)
        scene = pose_scene(self._avatar, rig.pose(rig.neutral()), camera, self._background)
        colors = rasterise(scene).colors
        return np.rint(np.clip(colors, 0.0, 1.0) * 255.0).astype(np.uint8)

    def _path(self, size: Size) -> Path | None:
        if self._folder is None:
            return None
        avatar = self._avatar
        looks = hashlib.sha256(repr((self._background, self._yaw, avatar.framing)).encode())
        for array in (avatar.positions, avatar.covariances, avatar.colors):
            looks.update(np.ascontiguousarray(array).tobytes())
        return self._folder / f"still-{size[0]}x{size[1]}-{looks.hexdigest()[:16]}.png"


def _small(size: Size) -> Size:
    """The same shape, no side longer than LONGEST."""
    ratio = min(1.0, LONGEST / max(size))
    return max(1, math.floor(size[0] * ratio)), max(1, math.floor(size[1] * ratio))


def _read(path: Path | None, size: Size) -> Pixels | None:
    if path is None or not path.is_file():
        return None
    try:
        surface = pygame.image.load(path)
    except (pygame.error, OSError) as error:
        logger.warning(
            "%s is damaged and made anew: %s", path, error, extra={"code": "still_damaged"}
        )
        return None
    if surface.get_size() != size:
        return None
    pixels = np.frombuffer(pygame.image.tobytes(surface, "RGB"), np.uint8)
    return pixels.reshape(size[1], size[0], 3)


def _keep(path: Path, size: Size, pixels: Pixels) -> None:
    """So that a power cut leaves it whole or not there; those of other avatars go."""
    try:
        durable_files.replace(DiskFiles(), path, encode_png(pixels))
        for other in path.parent.glob(f"still-{size[0]}x{size[1]}-*.png*"):
            if other != path:
                other.unlink(missing_ok=True)
    except OSError as error:
        logger.warning("the still picture is not kept: %s", error, extra={"code": "still_not_kept"})
