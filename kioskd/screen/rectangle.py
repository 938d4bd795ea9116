# SPDX-License-Identifier: Apache-2.0
"""Rectangles of one colour, which any GL fills without a shader, and plain pixels as well."""

from __future__ import annotations

from dataclasses import dataclass

Color = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Rectangle:
    """Pixels from the top left corner, and red, green, blue from 0 to 1."""

    x: int
    y: int
    width: int
    height: int
    color: Color


def turned(rectangle: Rectangle, width: int, height: int, quarters: int) -> Rectangle:
    """On a panel that is mounted on its side: turned clockwise, from a picture of this size."""
    for _ in range(quarters % 4):
        rectangle = Rectangle(
            height - rectangle.y - rectangle.height,
            rectangle.x,
            rectangle.height,
            rectangle.width,
            rectangle.color,
        )
        width, height = height, width
    return rectangle
