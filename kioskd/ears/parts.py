# SPDX-License-Identifier: Apache-2.0
"""What the ears are made of, as their thread sees it: each part can be replaced by another."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from kioskd.ears.events import EarsEvent
from kioskd.ears.frames import CleanFrame, RawFrame


class Microphone(Protocol):
    """Records; everything about the card that is lost, busy, silent or strange ends in here."""

    def read(self, timeout_s: float) -> Sequence[RawFrame]:
        """What came within this time, perhaps nothing; never raises for a card that fails."""

    def close(self) -> None:
        """Let go of the card."""


class Cleaner(Protocol):
    """Takes the kiosk's own voice and noise out of what the microphone recorded."""

    def clean(self, frame: RawFrame) -> CleanFrame:
        """The same 10 ms; a microphone's frames go in without one left out, in their order."""


class Turns(Protocol):
    """Decides whether a visitor speaks, and who may."""

    def hear(self, frame: CleanFrame) -> Sequence[EarsEvent]:
        """What begins or ends with this frame."""


Listener = Callable[[CleanFrame, Sequence[EarsEvent]], None]
"""Called on the ears' thread for each frame with its events; must return at once."""
