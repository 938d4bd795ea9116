# SPDX-License-Identifier: Apache-2.0
"""The test's picture as filled rectangles: flash, milliseconds, ruler, number of the frame.

Rectangles, for any GL fills them without a shader or a font, and a film of a screen shows them
sharp. From top to bottom: a block that is white for 100 ms from the click on; milliseconds from the
nearest click, with their sign; a ruler from -250 to 250 ms with a mark each 10 ms and a bar at the
milliseconds; the frame's number.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from kioskd.screen.rectangle import Color, Rectangle

FLASH_S: Final = 0.1
RANGE_MS: Final = 250
_WHITE: Final = (1.0, 1.0, 1.0)
_GREY: Final = (0.45, 0.45, 0.45)
_BLACK: Final = (0.0, 0.0, 0.0)
_YELLOW: Final = (1.0, 0.8, 0.0)
_MARK_MS: Final = 10
# Segments of a digit: top, upper left and right, middle, lower left and right, bottom
_SEGMENTS: Final = (
    (0.0, 0.0, 1.0, 0.14),
    (0.0, 0.0, 0.22, 0.5),
    (0.78, 0.0, 0.22, 0.5),
    (0.0, 0.43, 1.0, 0.14),
    (0.0, 0.5, 0.22, 0.5),
    (0.78, 0.5, 0.22, 0.5),
    (0.0, 0.86, 1.0, 0.14),
)
_PLUS: Final = ((0.0, 0.43, 1.0, 0.14), (0.39, 0.22, 0.22, 0.56))
_LIT: Final = {
    "0": (0, 1, 2, 4, 5, 6), "1": (2, 5), "2": (0, 2, 3, 4, 6), "3": (0, 2, 3, 5, 6),
    "4": (1, 2, 3, 5), "5": (0, 1, 3, 5, 6), "6": (0, 1, 3, 4, 5, 6), "7": (0, 2, 5),
    "8": (0, 1, 2, 3, 4, 5, 6), "9": (0, 1, 2, 3, 5, 6), "-": (3,), " ": (),
}  # fmt: skip


def picture(width: int, height: int, phase_s: float | None, frame: int) -> list[Rectangle]:
    """In the order of drawing, for a screen of this size as people see it.

    `phase_s` is from the nearest click to what this frame shows, from -0.5 up to 0.5; None while no
    sound runs. `frame` is shown with its last four digits.
    """
    made = _Sheet(width, height)
    made.fill(0.0, 0.0, 1.0, 1.0, _BLACK)
    flash = phase_s is not None and 0.0 <= phase_s < FLASH_S
    made.fill(0.05, 0.04, 0.9, 0.42, _GREY)
    made.fill(0.06, 0.05, 0.88, 0.40, _WHITE if flash else _BLACK)
    milliseconds = None if phase_s is None else round(phase_s * 1e3)
    if milliseconds is None:
        told = "----"
    else:
        told = f"{'-' if milliseconds < 0 else '+'}{abs(milliseconds):03d}"
    made.text(told, 0.5, 0.50, 0.15, 0.8)
    _ruler(made, milliseconds)
    made.text(f"{frame % 10000:04d}", 0.5, 0.91, 0.06, 0.5)
    return made.rectangles


def _ruler(made: _Sheet, milliseconds: int | None) -> None:
    left, right, top, deep = 0.06, 0.94, 0.70, 0.12

    def place(at_ms: int) -> float:
        return left + (right - left) * (at_ms + RANGE_MS) / (2 * RANGE_MS)

    if milliseconds is not None and abs(milliseconds) <= RANGE_MS:
        made.fill(place(milliseconds) - 0.008, top, 0.016, deep, _YELLOW)
    for at_ms in range(-RANGE_MS, RANGE_MS + 1, _MARK_MS):
        long = at_ms % 100 == 0
        length = deep if at_ms == 0 else 0.6 * deep if long else 0.4 * deep
        if at_ms % 50:
            length = 0.2 * deep
        thick = 0.004 if long else 0.002
        color = _WHITE if at_ms % 50 == 0 else _GREY
        made.fill(place(at_ms) - thick / 2, top + deep - length, thick, length, color)
        if long:
            made.text(str(at_ms), place(at_ms), top + deep + 0.015, 0.03, 0.13)


class _Sheet:
    """Places are parts of width and height."""

    def __init__(self, width: int, height: int) -> None:
        self._width, self._height = width, height
        self.rectangles: list[Rectangle] = []

    def fill(self, x: float, y: float, width: float, height: float, color: Color) -> None:
        self._add(
            x * self._width, y * self._height, width * self._width, height * self._height, color
        )

    def text(self, text: str, middle: float, top: float, height: float, widest: float) -> None:
        """One line, as high as said unless it were wider than `widest`."""
        pitch = min(height * self._height * 0.72, widest * self._width / len(text))
        tall = pitch / 0.72
        wide = 0.72 * pitch
        begin = middle * self._width - (len(text) * pitch - (pitch - wide)) / 2
        for number, glyph in enumerate(text):
            for x, y, w, h in _strokes(glyph):
                left = begin + number * pitch + x * wide
                self._add(left, top * self._height + y * tall, w * wide, h * tall, _WHITE)

    def _add(self, x: float, y: float, width: float, height: float, color: Color) -> None:
        left, top = round(x), round(y)
        self.rectangles.append(
            Rectangle(left, top, max(round(width), 1), max(round(height), 1), color)
        )


def _strokes(glyph: str) -> Iterator[tuple[float, float, float, float]]:
    if glyph == "+":
        yield from _PLUS
    else:
        yield from (_SEGMENTS[segment] for segment in _LIT[glyph])
