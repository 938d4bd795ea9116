# SPDX-License-Identifier: Apache-2.0
"""MakeHuman's painted masks over the texture square, such as where the lips are."""

from __future__ import annotations

import io
from typing import Final

import numpy as np
import pygame

from avatar_maker.source import Floats, Source

SOFTENED: Final = ((-1.3, 0.25), (0.0, 0.5), (1.3, 0.25))
"""Steps in pixels and weights of the mean that softens a mask along each axis: the paint's edges
are steps of whole pixels, half a millimetre on a lip."""


def sampled_mask(source: Source, name: str, texture: Floats) -> Floats:
    """The mask (n,) 0 to 1 at places (n,2) of the texture square, v upwards."""
    picture = pygame.image.load(io.BytesIO(source.mask(name)), f"{name}.jpg")
    grid = pygame.surfarray.array3d(picture)[..., 0].astype(np.float32) / 255
    width, height = grid.shape
    place = texture * [width, -height] + [0, height] - 0.5
    total = np.zeros(len(texture))
    for aside, share in SOFTENED:
        for down, part in SOFTENED:
            total += share * part * _bilinear(grid, place + np.array([aside, down]))
    return total


def _bilinear(grid: Floats, place: Floats) -> Floats:
    """The grid's values (n,) at places (n,2) in pixels."""
    place = np.clip(place, 0, np.array(grid.shape) - 1.001)
    whole = np.floor(place)
    column, row = whole.astype(int).T
    right, down = (place - whole).T
    upper = grid[column, row] * (1 - right) + grid[column + 1, row] * right
    lower = grid[column, row + 1] * (1 - right) + grid[column + 1, row + 1] * right
    values: Floats = upper * (1 - down) + lower * down
    return values
