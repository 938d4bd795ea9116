# SPDX-License-Identifier: Apache-2.0
"""Draws the contact sheet: every shot at 1080x1920 by the kiosk's renderer, tiled and labelled.

Tiles are means over blocks of pixels, so that a hole of one pixel still leaves a trace. What is
shown is `shots`' business.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final

import numpy as np
import pygame
from numpy.typing import NDArray

from avatar_maker.review.shots import Shot, posed, shot_camera
from splat_gles.avatar import Avatar
from splat_gles.camera import Size
from splat_gles.offscreen import offscreen_renderer
from splat_gles.rig import Rig

Pixels = NDArray[np.uint8]
Color = tuple[float, float, float]

FULL: Final = (1080, 1920)
SHRINK: Final = 4
COLUMNS: Final = 7
LABEL: Final = 26
"""Height of the line above a tile, pixels."""


def pictures(
    avatar: Avatar, shots: Sequence[Shot], size: Size, background: Color
) -> Iterator[Pixels]:
    """Pixels (height, width, 3) of each shot, 8-bit sRGB, top row first."""
    rig = Rig(avatar)
    with offscreen_renderer(avatar, size, background) as renderer:
        for shot in shots:
            pose = rig.pose(posed(rig, shot.units))
            renderer.draw(pose, shot_camera(avatar, shot, size))
            yield renderer.read_pixels().copy()


def contact_sheet(
    avatar: Avatar,
    shots: Sequence[Shot],
    background: Color,
    seen: Callable[[Shot, Pixels], None],
) -> Pixels:
    """The sheet (height, width, 3); `seen` gets every picture at full size as it is drawn."""
    width, height = FULL[0] // SHRINK, FULL[1] // SHRINK
    rows = -(-len(shots) // COLUMNS)
    pygame.font.init()
    font = pygame.font.Font(None, LABEL)
    canvas = np.full((rows * (height + LABEL), COLUMNS * width, 3), 255, np.uint8)
    drawn = pictures(avatar, shots, FULL, background)
    for number, (shot, pixels) in enumerate(zip(shots, drawn, strict=True)):
        seen(shot, pixels)
        top, left = number // COLUMNS * (height + LABEL), number % COLUMNS * width
        text = pygame.surfarray.array3d(font.render(shot.name, True, (0, 0, 0), (255, 255, 255)))
        written = text.swapaxes(0, 1)[:LABEL, : width - 8]
        canvas[top + 4 : top + 4 + len(written), left + 6 : left + 6 + written.shape[1]] = written
        blocks = pixels.reshape(height, SHRINK, width, SHRINK, 3).mean(axis=(1, 3))
        canvas[top + LABEL : top + LABEL + height, left : left + width] = np.rint(blocks)
    return canvas
