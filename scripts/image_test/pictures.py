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

from splat_gles.bundle import read_bundle
from splat_gles.quality import RenderQuality
from test_stand.seen_mouth import Picture, SeenMouth, render_jaw


def load(path: Path) -> Picture:
    """A PNG."""
    surface = pygame.image.load(path)
    return pygame.surfarray.array3d(surface).swapaxes(0, 1).astype(np.float64)


def render(avatar: Path, size: tuple[int, int], scale: float, jaw_open: float = 0.0) -> Picture:
    """The avatar's neutral face, the jaw opened as told, at an internal resolution of `scale`."""
    return render_jaw(read_bundle(avatar), size, jaw_open, RenderQuality(scale, "fast"))


def seen_mouth(avatar: Path, size: tuple[int, int], scale: float) -> SeenMouth:
    """What tells how open the mouth in a picture of this avatar is."""
    return SeenMouth(read_bundle(avatar), size, RenderQuality(scale, "fast"))


def masked_psnr(picture: Picture, reference: Picture) -> float:
    """Peak signal to noise in dB, over the pixels where either is not white."""
    drawn = (np.minimum(picture, reference) < 250).any(axis=2)
    error = float(np.mean((picture[drawn] - reference[drawn]) ** 2))
    return 99.0 if error == 0 else float(10 * np.log10(255**2 / error))
