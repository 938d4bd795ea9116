# SPDX-License-Identifier: Apache-2.0
"""Small marks in the picture's upper right corner: a microphone while one is open, and an eye while
somebody watches, listens or speaks through the kiosk.

People who stand before a kiosk have a right to know, so no option hides them. They are filled
rectangles, white on a dark plate, so that they show on any background, on any GL and on the still
picture without one; eight a mark, kept until they change.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from functools import lru_cache
from typing import Final

from kioskd.screen.overlay import Overlay
from kioskd.screen.rectangle import Color, Rectangle, turned
from splat_gles.camera import Size
from splat_gles.renderer import Renderer

HEIGHT: Final = 0.025
"""Of the picture as people see it; on a small one as many pixels as the shapes need."""

_GRID: Final = 16
_WHITE: Final = (1.0, 1.0, 1.0)
_DARK: Final = (0.12, 0.12, 0.12)

_Shape = tuple[tuple[int, int, int, int, Color], ...]
"""Left, top, width and height on a grid of _GRID squares, in the order of filling."""

_MICROPHONE: Final[_Shape] = (
    (0, 0, 16, 16, _DARK),
    (7, 1, 2, 9, _WHITE),
    (6, 2, 4, 7, _WHITE),
    (4, 6, 1, 4, _WHITE),
    (11, 6, 1, 4, _WHITE),
    (5, 10, 6, 1, _WHITE),
    (7, 11, 2, 3, _WHITE),
    (5, 14, 6, 1, _WHITE),
)
_EYE: Final[_Shape] = (
    (0, 0, 16, 16, _DARK),
    (6, 4, 4, 8, _WHITE),
    (4, 5, 8, 6, _WHITE),
    (2, 6, 12, 4, _WHITE),
    (1, 7, 14, 2, _WHITE),
    (6, 5, 4, 6, _DARK),
    (5, 6, 6, 4, _DARK),
    (7, 7, 2, 2, _WHITE),
)


class Mark(Enum):
    """What is shown; the order is that from the corner on."""

    MICROPHONE = "microphone"
    COMPANY = "company"


_SHAPES: Final = {Mark.MICROPHONE: _MICROPHONE, Mark.COMPANY: _EYE}
Shown = Callable[[], tuple[Mark, ...]]


class Marks(Overlay):
    """Lies over another overlay. `shown` gives the marks of this moment, in the order of Mark.

    `quarters` as in the screen's: the picture is turned clockwise by so many.
    """

    def __init__(self, shown: Shown, quarters: int = 0, under: Overlay | None = None) -> None:
        self._shown = shown
        self._quarters = quarters
        self._under = under or Overlay()

    def on(self, size: Size) -> tuple[Rectangle, ...]:
        """What to fill on a screen of this size now, in this order."""
        return _laid(self._shown(), size, self._quarters)

    def draw(self, renderer: Renderer, now: float, latency_s: float) -> None:
        """See Overlay."""
        self._under.draw(renderer, now, latency_s)
        for each in self.on(renderer.size):
            renderer.fill((each.x, each.y, each.width, each.height), each.color)

    def frame_shown(self, at: float) -> None:
        """See Overlay."""
        self._under.frame_shown(at)

    def frames_lost(self) -> None:
        """See Overlay."""
        self._under.frames_lost()


@lru_cache(16)
def _laid(marks: tuple[Mark, ...], size: Size, quarters: int) -> tuple[Rectangle, ...]:
    width, height = (size[1], size[0]) if quarters % 2 else size
    side = max(round(min(HEIGHT * height, width / 8)), _GRID)
    gap = side // 2
    laid = []
    for number, mark in enumerate(marks):
        left = width - (number + 1) * (side + gap)
        for x, y, wide, high, color in _SHAPES[mark]:
            begin_x, begin_y = left + x * side // _GRID, gap + y * side // _GRID
            end_x, end_y = left + (x + wide) * side // _GRID, gap + (y + high) * side // _GRID
            flat = Rectangle(begin_x, begin_y, end_x - begin_x, end_y - begin_y, color)
            laid.append(turned(flat, width, height, quarters))
    return tuple(laid)
