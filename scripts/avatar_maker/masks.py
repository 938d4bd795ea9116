# SPDX-License-Identifier: Apache-2.0
"""MakeHuman's painted masks over the texture square, such as where the lips are."""

from __future__ import annotations

import io

import numpy as np
import pygame

from avatar_maker.source import Floats, Source


def sampled_mask(source: Source, name: str, texture: Floats) -> Floats:
    """The mask (n,) 0 to 1 at places (n,2) of the texture square, v upwards."""
    picture = pygame.image.load(io.BytesIO(source.mask(name)), f"{name}.jpg")
    grid = pygame.surfarray.array3d(picture)[..., 0].astype(np.float64) / 255
    # the paint's edges are steps of whole pixels, half a millimetre on a lip
    for axis in (0, 1, 0, 1):
        grid = (np.roll(grid, 1, axis) + 2 * grid + np.roll(grid, -1, axis)) / 4
    width, height = grid.shape
    place = texture * [width, -height] + [0, height] - 0.5
    place = np.clip(place, 0, [width - 1.001, height - 1.001])
    column, row = np.floor(place).astype(int).T
    right, down = (place - np.floor(place)).T
    upper = grid[column, row] * (1 - right) + grid[column + 1, row] * right
    lower = grid[column, row + 1] * (1 - right) + grid[column + 1, row + 1] * right
    values: Floats = upper * (1 - down) + lower * down
    return values
