# SPDX-License-Identifier: Apache-2.0
"""When a frame begins, when it is flipped, and how many were missed.

At the screen's own rate flip waits for the vertical blank and nothing else is needed. At half
of it frames begin on a grid of two refreshes, and each is flipped in the middle of its second
one: earlier, a cheap frame would show one refresh too soon and the next one too late. Where
flip does not wait then (SDL's KMS driver waits for the flip before), the grid runs free and
slips against the screen by one refresh every few seconds, which is the price of SDL's only
knowing swap intervals of 0 and 1.
"""

from __future__ import annotations

from typing import Final

OFFSCREEN_RATE: Final = 30.0
USUAL_SCREEN_RATE: Final = 60.0
_TOO_LATE: Final = 1.5
"""Of the expected interval; between two vertical blanks there is nothing else than whole ones."""


class Pacer:
    """`asked` frames a second at most, 0 for as the screen gives; `refresh` the screen's Hz.

    `vsync` tells whether flip waits for the vertical blank. `rate` is what is aimed at before
    any divisor.
    """

    def __init__(self, asked: float, refresh: float, vsync: bool, offscreen: bool) -> None:
        screen = OFFSCREEN_RATE if offscreen else refresh or USUAL_SCREEN_RATE
        self._refresh = screen if vsync else 0.0
        self.rate = asked or screen
        if vsync:
            self.rate = min(self.rate, screen)

    def next_begin(self, due: float, now: float, divisor: int) -> float:
        """When the frame after the one that was due at `due` is to begin (s, monotonic)."""
        if divisor == 1 and self.rate == self._refresh:
            return now
        return max(due + divisor / self.rate, now)

    def flip_at(self, begin: float, divisor: int) -> float:
        """The earliest moment for flipping the frame begun at `begin`."""
        if divisor == 1 or not self._refresh:
            return begin
        return begin + (divisor - 0.75) / self._refresh

    def missed(self, interval_s: float, divisor: int) -> int:
        """How many frames should have been shown between two that lie that far apart."""
        refreshes = interval_s * self.rate / divisor
        return round(refreshes) - 1 if refreshes > _TOO_LATE else 0
