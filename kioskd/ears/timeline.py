# SPDX-License-Identifier: Apache-2.0
"""Positions of all that was ever recorded: a microphone that is opened again goes on in them."""

from __future__ import annotations

from kioskd.ears.settings import FRAME, FRAME_S, RATE


class Timeline:
    """Used by the ears' thread only."""

    def __init__(self) -> None:
        self._next = 0
        self._expected: float | None = None
        self._broken = False

    def cut(self) -> None:
        """Sound is missing before the next frame, or its timing is another."""
        self._broken = True

    def place(self, at: float) -> tuple[int, bool]:
        """Position of the frame that begins at this moment, and whether it follows a gap.

        Later by what is missing, and never earlier than the frame before it has ended.
        """
        gap = self._broken and self._expected is not None
        if gap and self._expected is not None:
            self._next += max(round((at - self._expected) * RATE), 0)
        position, self._broken = self._next, False
        self._next += FRAME
        self._expected = at + FRAME_S
        return position, gap
