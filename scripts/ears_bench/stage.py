# SPDX-License-Identifier: Apache-2.0
"""What the bench asks of a room with a kiosk in it, whether real time passes there or not.

Times are seconds of the stage's own clock. Levels of visitors are in dB against the echo of the
kiosk's own voice at the microphone.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from ears_bench.voices import Sentence, kiosk_speech
from ears_bench.voicing import active_level_db
from test_stand.room_sound import BLOCK, EchoPath
from test_stand.rooms import RATE, Room, Signal, convolved, direct_s, impulse_response

HEARD_RATE: Final = 16000
END_OF_TURN_S: Final = 0.7
_LEVEL_S: Final = 12.0


@dataclass(frozen=True, slots=True)
class Began:
    """The kiosk noticed a voice that began `at`; `over`: while it spoke itself."""

    at: float
    over: bool


@dataclass(frozen=True, slots=True)
class Ended:
    """The kiosk noticed at `noticed` that the voice had ended `at`."""

    at: float
    noticed: float


Event = Began | Ended


@dataclass(frozen=True, slots=True, eq=False)
class Visit:
    """A sentence at the microphone: its first and last voiced moment there, its level (dB)."""

    sentence: Sentence
    first_at: float
    last_at: float
    level_db: float


class Stage(Protocol):
    """A room in which a kiosk listens."""

    @property
    def room(self) -> Room:
        """Where it is."""

    def now(self) -> float:
        """Its time."""

    def wait(self, seconds: float) -> None:
        """Let time pass."""

    def speak(self, on: bool) -> None:
        """The kiosk talks without an end until it is told or interrupted; or is silent."""

    def visit(self, sentence: Sentence, level_db: float) -> Visit:
        """A visitor begins to say this, in a moment."""

    def noise(self, sound: Signal, level_db: float) -> None:
        """Add a noise of 0 dB that begins in a moment; the same scale of levels."""

    def events(self, since: float) -> list[Event]:
        """What the kiosk noticed from then on, by the time at which it began."""

    def silent_at(self, since: float) -> float | None:
        """When the loudspeaker fell silent for good after `since`; None while it goes on."""

    def clean(self, begin: float, end: float) -> NDArray[np.float32]:
        """What the kiosk made of the microphone between two times, at HEARD_RATE."""

    def recorded(self, begin: float, end: float) -> NDArray[np.float32]:
        """What was at the microphone."""

    def echo(self, begin: float, end: float) -> NDArray[np.float32]:
        """Of that the kiosk's own voice."""

    def broken(self, since: float) -> bool:
        """Whether what was measured since then is worth nothing: a starved machine's sound."""

    def forget(self) -> None:
        """Nobody will ask for what was before."""


@cache
def echo_level_db(room: Room) -> float:
    """How loud the kiosk's own voice is at the microphone while it speaks (dB, full scale is 0)."""
    path, speech = EchoPath(room, 0.0), kiosk_speech()
    sound = np.zeros(0, np.float32)
    while len(sound) < _LEVEL_S * RATE:
        sound = np.concatenate((sound, next(speech)))
    blocks = sound[: len(sound) // BLOCK * BLOCK].reshape(-1, BLOCK)
    return active_level_db(np.concatenate([path.pass_block(block) for block in blocks]), RATE)


@cache
def at_microphone(room: Room, sentence: Sentence) -> Signal:
    """The sentence as it arrives from where the visitor stands, with an active level of 0 dB."""
    sound = convolved(sentence.sound, impulse_response(room, room.visitor))
    result: Signal = sound * np.float32(10 ** (-active_level_db(sound, RATE) / 20))
    return result


def visit_of(room: Room, sentence: Sentence, begin: float, level_db: float) -> Visit:
    """The visit of a sentence whose first sample sounds at `begin`."""
    begin += direct_s(room, room.visitor)
    return Visit(sentence, begin + sentence.first_s, begin + sentence.last_s, level_db)


def gain(room: Room, level_db: float) -> np.float32:
    """What makes 0 dB this much against the echo."""
    return np.float32(10 ** ((echo_level_db(room) + level_db) / 20))
