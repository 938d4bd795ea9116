# SPDX-License-Identifier: Apache-2.0
"""The face attends to visitors: it listens while one speaks, looks up when one comes, and greets.

Whatever the software that answers asks for or not; a gesture that it asked for stays, and a voice
that is heard ends what is shown here.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Sequence
from typing import Final

from kioskd.ears.events import EarsEvent, SomebodyThere, SpeechBegan, SpeechEnded
from kioskd.ears.frames import CleanFrame
from kioskd.playback.gestures import GestureError
from kioskd.playback.player import Player
from kioskd.playback.snapshot import IDLE

LISTEN: Final = "listen"
HELLO: Final = "hello"

AWAITING_S: Final = 4.0
"""So long it looks as if it still listened after a visitor has finished: for an answer to come."""

GONE_S: Final = 60.0
"""After so long without a sign of anybody the next one is somebody's arrival."""


class Attentive:
    """A listener of the ears; its methods may be called from any thread."""

    def __init__(self, player: Player, *, greet: bool) -> None:
        self._player = player
        self._greet = greet
        self._lock = threading.Lock()
        self._seen = -math.inf

    def __call__(self, _frame: CleanFrame, events: Sequence[EarsEvent]) -> None:
        """See `kioskd.ears.parts.Listener`."""
        for event in events:
            match event:
                case SpeechBegan():
                    self.left(event.at)
                    self._player.gesture(LISTEN)
                case SpeechEnded():
                    self.left(event.at)
                    if self._player.snapshot().gesture == LISTEN:
                        self._player.gesture(LISTEN, AWAITING_S)
                case SomebodyThere():
                    self.came(event)

    def came(self, event: SomebodyThere) -> None:
        """Look up at who is there; greet who was not there a moment ago."""
        with self._lock:
            arrived = event.at - self._seen > GONE_S
            self._seen = event.at
        if self._player.snapshot().gesture != IDLE:
            return
        if not (self._greet and arrived and self._greeted()):
            self._player.gesture(LISTEN, AWAITING_S)

    def left(self, at: float) -> None:
        """Somebody was there until then (monotonic)."""
        with self._lock:
            self._seen = max(self._seen, at)

    def _greeted(self) -> bool:
        """Whether the avatar can, and was not speaking."""
        try:
            return self._player.gesture(HELLO)
        except GestureError:
            return False
