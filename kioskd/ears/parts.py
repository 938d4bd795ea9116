# SPDX-License-Identifier: Apache-2.0
"""What the ears are made of, as their thread sees it: each part can be replaced by another."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from kioskd.ears.events import EarsEvent
from kioskd.ears.frames import CleanFrame, RawFrame
from kioskd.ears.snapshot import EchoPathSnapshot, MicrophoneState


class Microphone(Protocol):
    """Records; everything about the card that is lost, busy, silent or strange ends in here."""

    @property
    def state(self) -> MicrophoneState:
        """As it is after the last `read`."""

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

    @property
    def policy(self) -> str:
        """The one in force: "barge_in" or "half_duplex"."""

    @property
    def fallback(self) -> str | None:
        """A stable code for why it is not the one asked for."""

    def hear(self, frame: CleanFrame, recorded: RawFrame) -> Sequence[EarsEvent]:
        """What begins or ends with this frame; `recorded` is what it was before it was cleaned.

        How much cleaning took away tells the kiosk's own voice from a visitor's better than what
        is left of it.
        """


@dataclass(frozen=True, slots=True)
class Parts:
    """How each is made, at the start and again after a fault; called on the ears' thread.

    `path` tells what the cleaner knows of the loudspeaker.
    """

    microphone: Callable[[], Microphone]
    cleaner: Callable[[], Cleaner]
    turns: Callable[[], Turns]
    path: Callable[[], EchoPathSnapshot] = EchoPathSnapshot


Listener = Callable[[CleanFrame, Sequence[EarsEvent]], None]
"""Called on the ears' thread for each frame with its events; must return at once."""
