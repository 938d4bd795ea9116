# SPDX-License-Identifier: Apache-2.0
"""A stage without real time: the ears' own parts in a simulated room, as fast as they go.

For figures that need many sentences, and for tuning; nothing of ALSA, of the daemon's threads or of
its player is in it. The loudspeaker's notes are those of a card that is 60 ms ahead and tells its
position each 10 ms; an interrupted kiosk is silent 20 ms later.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
import soxr
from numpy.typing import NDArray

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
from kioskd.audio.loudspeaker import Loudspeaker, Played, Stopped, Written
from kioskd.ears.events import SpeechBegan, SpeechEnded
from kioskd.ears.frames import CleanFrame, RawFrame
from kioskd.ears.parts import Cleaner, Turns
from kioskd.ears.settings import FRAME, FRAME_S
from test_stand.room_rig import FLOOR_DB
from test_stand.room_sound import BLOCK, EchoPath
from test_stand.rooms import RATE, Room, Signal

_STEP: Final = round(RATE * FRAME_S)
_AHEAD: Final = 6
_EPOCH: Final = 1000.0
_STOPS_S: Final = 0.02
_SILENT: Final = 1e-3

MakeParts = Callable[[Loudspeaker], tuple[Cleaner, Turns]]


class SimulatedStage:
    """Implements stage.Stage."""

    def __init__(self, room: Room, make_parts: MakeParts, interrupts: bool = True) -> None:
        """`interrupts`: whether the kiosk falls silent for a visitor."""
        self.room = room
        self._interrupts = interrupts
        self._loudspeaker = Loudspeaker()
        self._cleaner, self._turns = make_parts(self._loudspeaker)
        self._echo = EchoPath(room, room.delay_s)
        # Both ways alike, so that what is cut out of one fits the other
        self._to_heard = [soxr.ResampleStream(RATE, HEARD_RATE, 1, "float32") for _ in range(2)]
        self._waiting = [np.zeros(0, np.float32) for _ in range(2)]
        self._rng = np.random.default_rng(5)
        self._speech = kiosk_speech()
        self._queue = np.zeros(0, np.float32)
        self._speaking = False
        self._stop_at: float | None = None
        self._ahead: list[Signal] = []
        self._run = self._loudspeaker.begin()
        self._run_frames = 0
        self._frame = 0
        self._position = 0
        self._sounds: list[tuple[int, Signal]] = []
        self._events: list[Event] = []
        self._kept: list[tuple[Signal, Signal, Signal]] = []
        self._first = 0
        self._loud_until = 0.0

    def now(self) -> float:
        """See Stage."""
        return _EPOCH + self._frame / RATE

    def wait(self, seconds: float) -> None:
        """See Stage."""
        for _ in range(max(round(seconds / FRAME_S), 0)):
            self._step()

    def speak(self, on: bool) -> None:
        """See Stage."""
        self._speaking, self._stop_at = on, None

    def visit(self, sentence: Sentence, level_db: float) -> Visit:
        """See Stage."""
        begin = self._frame + round(0.1 * RATE)
        sound = at_microphone(self.room, sentence) * gain(self.room, level_db)
        self._sounds.append((begin, sound))
        return visit_of(self.room, sentence, _EPOCH + begin / RATE, level_db)

    def noise(self, sound: Signal, level_db: float) -> None:
        """See Stage."""
        self._sounds.append((self._frame, sound * gain(self.room, level_db)))

    def events(self, since: float) -> list[Event]:
        """See Stage."""
        return [each for each in self._events if each.at >= since]

    def silent_at(self, since: float) -> float | None:
        """See Stage."""
        return self._loud_until if since < self._loud_until < self.now() - 0.5 else None

    def recorded(self, begin: float, end: float) -> NDArray[np.float32]:
        """See Stage."""
        return self._cut(0, begin, end)

    def echo(self, begin: float, end: float) -> NDArray[np.float32]:
        """See Stage."""
        return self._cut(1, begin, end)

    def clean(self, begin: float, end: float) -> NDArray[np.float32]:
        """See Stage."""
        return self._cut(2, begin, end)

    def broken(self, since: float) -> bool:
        """See Stage."""
        return since > self.now()

    def forget(self) -> None:
        """See Stage."""
        self._first += FRAME * len(self._kept)
        self._kept.clear()
        self._events.clear()

    def _cut(self, which: int, begin: float, end: float) -> NDArray[np.float32]:
        if not self._kept:
            return np.zeros(0, np.float32)
        whole = np.concatenate([each[which] for each in self._kept])
        low, high = (round((at - _EPOCH) * HEARD_RATE) - self._first for at in (begin, end))
        return whole[max(low, 0) : max(high, 0)]

    def _step(self) -> None:
        """10 ms."""
        now = self.now()
        played = self._play(now)
        echo = np.concatenate(
            [self._echo.pass_block(played[low : low + BLOCK]) for low in range(0, _STEP, BLOCK)]
        )
        noise = self._rng.normal(0.0, 10 ** (FLOOR_DB / 20), _STEP).astype(np.float32)
        mixed = echo + noise + self._sounds_now()
        self._frame += _STEP
        for index, sound in enumerate((mixed, echo)):
            heard = self._to_heard[index].resample_chunk(sound)
            self._waiting[index] = np.concatenate((self._waiting[index], heard))
        while len(self._waiting[0]) >= FRAME and len(self._waiting[1]) >= FRAME:
            recorded, own = (each[:FRAME] for each in self._waiting)
            self._waiting = [each[FRAME:] for each in self._waiting]
            self._hear(recorded, own)

    def _play(self, now: float) -> Signal:
        """What leaves the loudspeaker in this step; the card is told what it will play."""
        if self._stop_at is not None and now >= self._stop_at:
            self._speaking, self._stop_at = False, None
            self._loudspeaker.note(Stopped(self._run, now))
            self._ahead.clear()
            self._run, self._run_frames = self._loudspeaker.begin(), 0
        while len(self._ahead) <= _AHEAD:
            if self._speaking and len(self._queue) < _STEP:
                self._queue = np.concatenate((self._queue, next(self._speech)))
            block = np.zeros(_STEP, np.float32)
            if self._speaking:
                block, self._queue = self._queue[:_STEP], self._queue[_STEP:]
            self._ahead.append(block)
            samples = np.round(block * 32767).astype(np.int16)
            self._loudspeaker.note(Written(self._run, RATE, self._run_frames, samples, now))
            self._run_frames += _STEP
        left = self._run_frames - _STEP * len(self._ahead)
        self._loudspeaker.note(Played(self._run, left, now))
        block = self._ahead.pop(0)
        if np.abs(block).max() > _SILENT:
            self._loud_until = now + FRAME_S
        return block

    def _sounds_now(self) -> Signal:
        total = np.zeros(_STEP, np.float32)
        self._sounds = [each for each in self._sounds if each[0] + len(each[1]) > self._frame]
        for begin, sound in self._sounds:
            low, high = max(begin, self._frame), min(begin + len(sound), self._frame + _STEP)
            if low < high:
                total[low - self._frame : high - self._frame] += sound[low - begin : high - begin]
        return total

    def _hear(self, recorded: Signal, own: Signal) -> None:
        samples = np.clip(np.round(recorded * 32768), -32768, 32767).astype(np.int16)
        at = _EPOCH + self._position / HEARD_RATE
        raw = RawFrame(samples, self._position, at)
        self._position += FRAME
        frame: CleanFrame = self._cleaner.clean(raw)
        for event in self._turns.hear(frame, raw):
            if isinstance(event, SpeechBegan):
                self._events.append(Began(event.at, event.over))
                if event.over and self._interrupts and self._speaking:
                    self._stop_at = self.now() + _STOPS_S
            elif isinstance(event, SpeechEnded):
                noticed = _EPOCH + event.noticed / HEARD_RATE
                self._events.append(Ended(event.at, noticed))
        self._kept.append((recorded, own, frame.samples.astype(np.float32) / np.float32(32768)))
