# SPDX-License-Identifier: Apache-2.0
"""Compares what is on the guest's screen with what the renderer draws on the host.

Guest and host rasterise with the same Mesa code on other processors, so a picture of the same
pose at the same resolution differs by roundings only; a wrong pose, colour order, orientation
or size does not come near.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pygame
from numpy.typing import NDArray

from splat_gles.bundle import read_bundle
from splat_gles.camera import on_screen
from splat_gles.offscreen import offscreen_renderer
from splat_gles.quality import RenderQuality
from splat_gles.rig import Rig, RigParameters

Picture = NDArray[np.float64]
"""Rows from the top, (height, width, 3), 0 to 255."""


def load(path: Path) -> Picture:
    """A PNG."""
    surface = pygame.image.load(path)
    return pygame.surfarray.array3d(surface).swapaxes(0, 1).astype(np.float64)


def render(avatar: Path, size: tuple[int, int], scale: float, jaw_open: float = 0.0) -> Picture:
    """The avatar's neutral face, the jaw opened as told, at an internal resolution of `scale`."""
    bundle = read_bundle(avatar)
    rig = Rig(bundle)
    neutral = rig.neutral()
    weights = neutral.weights.copy()
    weights[bundle.blendshapes.index("jawOpen")] = jaw_open
    with offscreen_renderer(bundle, size) as renderer:
        renderer.set_quality(RenderQuality(scale, "fast"))
        pose = rig.pose(RigParameters(weights, neutral.rotations))
        renderer.draw(pose, on_screen(bundle.framing, size))
        return renderer.read_pixels().astype(np.float64)


def masked_psnr(picture: Picture, reference: Picture) -> float:
    """Peak signal to noise in dB, over the pixels where either is not white."""
    drawn = (np.minimum(picture, reference) < 250).any(axis=2)
    error = float(np.mean((picture[drawn] - reference[drawn]) ** 2))
    return 99.0 if error == 0 else float(10 * np.log10(255**2 / error))


class Mouth:
    """How open the mouth in a picture is: 0 as in the neutral face, 1 as with an open jaw."""

    def __init__(self, avatar: Path, size: tuple[int, int], scale: float) -> None:
        self._shut = render(avatar, size, scale)
        self._change = render(avatar, size, scale, 0.6) - self._shut
        self._change[np.abs(self._change).max(axis=2) < 40] = 0.0

    def opening(self, picture: Picture) -> float:
        """Measured along the difference that an open jaw makes, where it makes one."""
        return float(np.sum((picture - self._shut) * self._change) / np.sum(self._change**2))
