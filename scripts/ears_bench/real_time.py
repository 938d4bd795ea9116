# SPDX-License-Identifier: Apache-2.0
"""A stage in real time: the real kioskd, real ALSA, and the room between its two sound cards.

What the kiosk heard is placed on the rig's clock by a chirp that both know; both cards run by one
clock, so that once is enough until the rig breaks. What the kiosk says comes from a thread that
hands it one piece after the other.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any, Final, Protocol

import numpy as np
import soxr
from numpy.typing import NDArray

from ears_bench.measures import shift_between
from ears_bench.stage import (
    HEARD_RATE,
    Began,
    Ended,
    Event,
    Visit,
    at_microphone,
    gain,
    visit_of,
)
from ears_bench.voices import Sentence, kiosk_speech
from test_stand.processes import StandError
from test_stand.room_process import RoomProcess
from test_stand.rooms import RATE, Room, Signal

_PIECE_S: Final = 15.0
_BETWEEN_S: Final = 0.3
_SILENT: Final = 2e-3
_QUIET_S: Final = 0.5
_LOOK_BACK_S: Final = 8.0
_TICK_S: Final = 0.05
_NOW_BEHIND_S: Final = 0.3
_CHIRP_S: Final = 0.5
_CHIRP_HZ: Final = (300.0, 5000.0)
_CHIRP_LEVEL: Final = 0.1
_SEARCHED_S: Final = 0.5


class HeardSounds(Protocol):
    """What a kiosk told of its microphone so far."""

    interruptions: int
    arrivals: list[tuple[float, int]]

    def blocks(self) -> list[tuple[int, NDArray[np.int16]]]:
        """Position and samples of each, in order."""

    def events(self) -> list[dict[str, Any]]:
        """As `/v1/listen` tells them."""

    def forget(self) -> None:
        """Let go of it."""


class ListeningKiosk(Protocol):
    """A kiosk on the rig's sound cards."""

    @property
    def heard(self) -> HeardSounds:
        """What it hears."""

    def say(self, sound: Signal) -> float:
        """Have it speak this; seconds of it."""

    def hush(self) -> None:
        """Have it be silent."""


class PlacingError(Exception):
    """What the kiosk heard cannot be placed in time."""


class RealTimeStage:
    """Implements stage.Stage with a kiosk and a rig that run."""

    def __init__(self, kiosk: ListeningKiosk, rig: RoomProcess) -> None:
        """Raises PlacingError where the kiosk does not hear the room."""
        self.kiosk = kiosk
        self.rig = rig
        self._offset_s = 0.0
        self._speech: Iterator[Signal] = kiosk_speech()
        self._speaking = False
        self._until = 0.0
        self._interruptions = 0
        self._stop = threading.Event()
        self._fault: Exception | None = None
        self._place()
        self._thread = threading.Thread(target=self._keep_speaking, name="speech", daemon=True)
        self._thread.start()

    @property
    def room(self) -> Room:
        """See Stage."""
        return self.rig.room

    def close(self) -> None:
        """End the thread that lets the kiosk speak; kiosk and rig run on."""
        self._stop.set()
        self._thread.join(60)

    def now(self) -> float:
        """See Stage; what is before it has reached the bench."""
        return time.monotonic() - _NOW_BEHIND_S

    def wait(self, seconds: float) -> None:
        """See Stage."""
        time.sleep(max(seconds, 0.0))
        if self._fault is not None:
            raise self._fault

    def speak(self, on: bool) -> None:
        """See Stage."""
        was, self._speaking = self._speaking, on
        if was and not on:
            self.kiosk.hush()
            self._until = 0.0

    def visit(self, sentence: Sentence, level_db: float) -> Visit:
        """See Stage."""
        sound = at_microphone(self.room, sentence) * gain(self.room, level_db)
        return visit_of(self.room, sentence, self.rig.add(sound).at, level_db)

    def noise(self, sound: Signal, level_db: float) -> None:
        """See Stage."""
        self.rig.add(sound * gain(self.room, level_db))

    def events(self, since: float) -> list[Event]:
        """See Stage."""
        found: list[Event] = []
        for told in self.kiosk.heard.events():
            if told.get("state") == "began":
                found.append(Began(self._time_of(told["position"]), bool(told["over"])))
            elif told.get("state") == "ended":
                noticed = self._time_of(told["noticed"])
                found.append(Ended(self._time_of(told["position"]), noticed))
        return [each for each in found if each.at >= since]

    def silent_at(self, since: float) -> float | None:
        """See Stage."""
        end = self.now()
        begin = max(since - 0.5, end - _LOOK_BACK_S)
        loud = np.flatnonzero(np.abs(self.rig.loudspeaker(begin, end)) > _SILENT)
        if not len(loud):
            return None
        last = begin + loud[-1] / RATE
        return last if since < last < end - _QUIET_S else None

    def recorded(self, begin: float, end: float) -> NDArray[np.float32]:
        """See Stage."""
        return _heard_rate(self.rig.microphone(begin, end))

    def echo(self, begin: float, end: float) -> NDArray[np.float32]:
        """See Stage."""
        return _heard_rate(self.rig.echo(begin, end))

    def clean(self, begin: float, end: float) -> NDArray[np.float32]:
        """See Stage."""
        first, last = (round((at - self._offset_s) * HEARD_RATE) for at in (begin, end))
        clean = np.zeros(last - first, np.float32)
        for position, samples in self.kiosk.heard.blocks():
            low, high = max(position, first), min(position + len(samples), last)
            if low < high:
                clean[low - first : high - first] = samples[low - position : high - position]
        return clean / np.float32(32768)

    def broken(self, since: float) -> bool:
        """See Stage."""
        return self.rig.breaks_since(since) > 0

    def forget(self) -> None:
        """See Stage."""
        self.rig.forget()
        self.kiosk.heard.forget()

    def _time_of(self, position: int) -> float:
        return position / HEARD_RATE + self._offset_s

    def _place(self) -> None:
        """Let both hear a chirp."""
        time.sleep(0.5)
        # The least delayed arrival tells it to some ten milliseconds
        self._offset_s = min(at - end / HEARD_RATE for at, end in self.kiosk.heard.arrivals)
        begin = self.rig.add(_chirp()).at
        time.sleep(_CHIRP_S + 2 * _SEARCHED_S + 1.0)
        span = (begin - _SEARCHED_S, begin + _CHIRP_S + _SEARCHED_S)
        recorded, clean = self.recorded(*span), self.clean(*span)
        if np.abs(clean).max() < _CHIRP_LEVEL / 10:
            raise PlacingError("the kiosk does not hear its microphone")
        late = shift_between(recorded, clean, round(_SEARCHED_S * HEARD_RATE))
        self._offset_s -= late / HEARD_RATE

    def _keep_speaking(self) -> None:
        while not self._stop.wait(_TICK_S):
            try:
                self._speak_on()
            except (StandError, OSError) as error:
                self._fault = error
                return

    def _speak_on(self) -> None:
        if self.kiosk.heard.interruptions != self._interruptions:
            self._interruptions = self.kiosk.heard.interruptions
            self._speaking, self._until = False, 0.0
        if self._speaking and time.monotonic() > self._until:
            piece: list[Any] = []
            while sum(map(len, piece)) < _PIECE_S * RATE:
                piece.append(next(self._speech))
            seconds = self.kiosk.say(np.concatenate(piece))
            self._until = time.monotonic() + seconds + _BETWEEN_S


def _heard_rate(sound: Signal) -> NDArray[np.float32]:
    if not len(sound):
        return sound
    result: NDArray[np.float32] = soxr.resample(sound, RATE, HEARD_RATE)
    return result


def _chirp() -> Signal:
    at = np.arange(round(_CHIRP_S * RATE)) / RATE
    low, high = _CHIRP_HZ
    phase = 2 * np.pi * (low * at + (high - low) * at**2 / (2 * _CHIRP_S))
    return (_CHIRP_LEVEL * np.sin(phase) * np.hanning(len(at))).astype(np.float32)
