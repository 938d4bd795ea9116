# SPDX-License-Identifier: Apache-2.0
"""The face listens while a visitor speaks, whatever the software that answers asks for or not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from kioskd.ears.events import EarsEvent, SpeechBegan, SpeechEnded
from kioskd.ears.frames import CleanFrame
from kioskd.playback.player import Player

LISTEN: Final = "listen"

AWAITING_S: Final = 4.0
"""So long it looks as if it still listened after a visitor has finished: for an answer to come."""


class Attentive:
    """A listener of the ears. A voice that is heard, or another gesture, ends what it shows."""

    def __init__(self, player: Player) -> None:
        self._player = player

    def __call__(self, _frame: CleanFrame, events: Sequence[EarsEvent]) -> None:
        """See `kioskd.ears.parts.Listener`."""
        for event in events:
            match event:
                case SpeechBegan():
                    self._player.gesture(LISTEN)
                case SpeechEnded() if self._player.snapshot().gesture == LISTEN:
                    self._player.gesture(LISTEN, AWAITING_S)
