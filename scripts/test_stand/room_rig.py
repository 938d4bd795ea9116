# SPDX-License-Identifier: Apache-2.0
"""A room between a kiosk's loudspeaker and its microphone, in real time over PulseAudio.

It reads the monitor of the sink that the kiosk plays into, makes the room's echo of it, adds
visitors and noise, and feeds the sink whose monitor the kiosk records. Both streams are placed in
time by ALSA's stamps, and the echo of what left the loudspeaker at some moment is read from there
to arrive after the room's delay: to some 0.1 ms, whatever the rig itself takes, which must be less
than that delay (12 ms on a calm machine). A null sink's clock is up to 0.2 ms a second fast
(PulseAudio rounds each block to whole microseconds), so two of them drift as two cards do, and
the stamps tell.

It needs a process of its own, `room_process`: whoever holds Python's lock holds it up. The longer
the room's delay, the more starved the machine may be; where a stream runs dry all the
same, `breaks` tells: what is measured across one is worth nothing.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from test_stand.microphone_sink import MicrophoneSink
from test_stand.room_sound import BLOCK, REACH, echo_of, read_between, saturated
from test_stand.rooms import RATE, Room, Signal, direct_s
from test_stand.sound_daemon import HEARD
from test_stand.stamped_capture import Samples, StampedCapture, StreamTime

_READ_S: Final = 0.002
"""Period of the reader: what keeps the sink from playing ahead, see `sound_daemon`."""

_LOOK_S: Final = 0.0025
_PASS_S: Final = 0.01
"""What a sample takes at most from one sink to the other on a calm machine."""

_MOST_BLOCKS: Final = 8
_LEAST_LEAD_S: Final = 0.006
_MOST_LEAD_S: Final = 0.1
_FOLLOW: Final = 0.01
_FASTEST: Final = 0.12
"""Samples of a block (500 millionths) by which the reading is hurried or held up at most."""

_LOST_S: Final = 0.004
_BREAK_S: Final = 0.5
"""Breaks within this are one."""

_HISTORY_S: Final = 2.0
_READY_S: Final = 60.0
_SETTLE_S: Final = 1.5
FLOOR_DB: Final = -72.0
"""Noise of the microphone itself, dB below full scale."""


class RigError(Exception):
    """The rig cannot make the room that was asked for."""


@dataclass(frozen=True, slots=True)
class Visit:
    """A sound at the microphone: frames of the microphone's stream, and its monotonic time."""

    begin: int
    length: int
    at: float


class RoomRig:
    """`start`, then `add` sounds and read `loudspeaker` and `microphone`; `stop` in the end."""

    def __init__(self, room: Room, delay_s: float | None = None) -> None:
        """`delay_s` replaces the room's own. The environment leads ALSA to the daemon.

        Raises RigError where the rig itself takes longer.
        """
        self.room = room
        self.breaks: list[float] = []
        self.delay_s = room.delay_s if delay_s is None else delay_s
        # What is left of the delay is for the way in, as this is for the way out
        self._lead_s = min(0.6 * (self.delay_s - _PASS_S), _MOST_LEAD_S)
        if self._lead_s < _LEAST_LEAD_S:
            raise RigError(f"a delay of {self.delay_s * 1000:.0f} ms is less than the rig's own")
        self._echo = echo_of(room)
        self._ear = StampedCapture(HEARD, RATE, _READ_S)
        self._microphone = MicrophoneSink()
        self._history = np.zeros(round(_HISTORY_S * RATE), np.float32)
        self._place: float | None = None
        self._delay_s, self._away_s = self.delay_s, 0.0
        self._sounds: list[tuple[int, Signal]] = []
        self._lock = threading.Lock()
        self._played = _Kept()
        self._recorded = _Kept()
        self._echoes = _Kept()
        self._rng = np.random.default_rng(1)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="room", daemon=True)

    def start(self) -> None:
        """Let the room sound; returns when it does. Raises RigError."""
        self._thread.start()
        deadline = time.monotonic() + _READY_S
        while self._place is None:
            if time.monotonic() > deadline or not self._thread.is_alive():
                raise RigError("the private PulseAudio daemon does not run")
            time.sleep(0.02)
        time.sleep(_SETTLE_S)
        self.breaks.clear()

    def stop(self) -> None:
        """End; the devices are let go of."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(10)
        self._ear.close()
        self._microphone.close()

    def add(self, sound: Signal, in_s: float = 0.1) -> Visit:
        """Let this be heard at the microphone in `in_s` seconds; -1 to 1, mono at RATE."""
        with self._lock:
            begin = self._microphone.written + round(in_s * RATE)
            self._sounds.append((begin, sound))
        return Visit(begin, len(sound), self._microphone.time_of(begin))

    def breaks_since(self, at: float) -> int:
        """How many there were from then on."""
        return sum(each >= at for each in self.breaks)

    def loop_delay_s(self) -> float:
        """From a sample leaving the loudspeaker to its direct sound at the microphone, now."""
        return self._delay_s + self._away_s + direct_s(self.room, self.room.loudspeaker)

    def loudspeaker(self, begin_at: float, end_at: float) -> NDArray[np.float32]:
        """What left it between two monotonic times, as far as it is kept."""
        return self._cut(self._played, self._ear.time, begin_at, end_at)

    def microphone(self, begin_at: float, end_at: float) -> NDArray[np.float32]:
        """What the microphone got between two monotonic times."""
        return self._cut(self._recorded, self._microphone, begin_at, end_at)

    def echo(self, begin_at: float, end_at: float) -> NDArray[np.float32]:
        """Of that the kiosk's own voice."""
        return self._cut(self._echoes, self._microphone, begin_at, end_at)

    def forget(self) -> None:
        """Drop what was kept, so that an hour needs no more memory than a minute."""
        with self._lock:
            for kept in (self._played, self._recorded, self._echoes):
                kept.forget()

    def _cut(
        self, kept: _Kept, clock: StreamTime | MicrophoneSink, begin_at: float, end_at: float
    ) -> NDArray[np.float32]:
        with self._lock:
            return kept.between(*(round(clock.frame_at(at)) for at in (begin_at, end_at)))

    def _run(self) -> None:
        while not self._stop.wait(_LOOK_S):
            heard = self._ear.read()
            driven = saturated(self.room, _as_signal(heard))
            self._history = np.concatenate((self._history[len(driven) :], driven))
            with self._lock:
                self._played.append(self._ear.frames, heard)
            if self._microphone.dry:
                self._break()
                self._microphone.begin(self._lead_s)
            for _ in range(_MOST_BLOCKS):
                if self._microphone.ahead_s() < self._lead_s and not self._microphone.dry:
                    self._write()
            self._microphone.look()

    def _write(self) -> None:
        """One block to the microphone."""
        frame = self._microphone.written
        echo = self._echo.pass_block(self._arriving(frame))
        noise = self._rng.normal(0.0, 10 ** (FLOOR_DB / 20), BLOCK)
        recorded = _as_samples(echo + noise + self._sounds_at(frame))
        self._microphone.write(recorded)
        with self._lock:
            self._recorded.append(frame + BLOCK, recorded)
            self._echoes.append(frame + BLOCK, _as_samples(echo))

    def _arriving(self, frame: int) -> Signal:
        """The loudspeaker's sound whose echo arrives with this block."""
        silence = np.zeros(BLOCK, np.float32)
        if not (self._microphone.known and self._ear.time.known):
            return silence
        self._delay_s += self.room.ppm * 1e-6 * BLOCK / RATE
        right = self._ear.time.frame_at(self._microphone.time_of(frame) - self._delay_s)
        if self._place is None:
            self._place = right
        away = right - self._place
        self._away_s = away / RATE
        begin = self._place
        end = begin + BLOCK + min(max(away * _FOLLOW, -_FASTEST), _FASTEST)
        self._place = end
        first = begin - (self._ear.frames - len(self._history))
        last = first + end - begin
        if abs(away) > _LOST_S * RATE or first < REACH or last + REACH >= len(self._history):
            # A machine that was starved: the sound that arrives now has not been read yet
            self._break()
            return silence
        return read_between(self._history, first, last, BLOCK)

    def _break(self) -> None:
        now = time.monotonic()
        if not self.breaks or now - self.breaks[-1] > _BREAK_S:
            self.breaks.append(now)
        self._place = None

    def _sounds_at(self, frame: int) -> Signal:
        total = np.zeros(BLOCK, np.float32)
        with self._lock:
            self._sounds = [each for each in self._sounds if each[0] + len(each[1]) > frame]
            for begin, sound in self._sounds:
                low, high = max(begin, frame), min(begin + len(sound), frame + BLOCK)
                if low < high:
                    total[low - frame : high - frame] += sound[low - begin : high - begin]
        return total


class _Kept:
    """A stream's samples by their number, from some number on."""

    def __init__(self) -> None:
        self._blocks: list[Samples] = []
        self._length = 0
        self._end = 0

    def append(self, end: int, block: Samples) -> None:
        """The block before frame `end`."""
        if end - len(block) != self._end:
            self.forget()
        self._blocks.append(block)
        self._length += len(block)
        self._end = end

    def forget(self) -> None:
        """Let go of all."""
        self._blocks.clear()
        self._length = 0

    def between(self, begin: int, end: int) -> NDArray[np.float32]:
        """Those from `begin` to `end`, -1 to 1; silence where they are not kept."""
        found = np.zeros(end - begin, np.float32)
        place = self._end - self._length
        for block in self._blocks:
            low, high = max(place, begin), min(place + len(block), end)
            if low < high:
                found[low - begin : high - begin] = block[low - place : high - place]
            place += len(block)
        return _as_signal(found)


def _as_signal(samples: NDArray[Any]) -> Signal:
    signal: Signal = samples.astype(np.float32) / np.float32(32768)
    return signal


def _as_samples(signal: NDArray[Any]) -> Samples:
    clipped: Samples = np.clip(np.round(signal * 32768), -32768, 32767).astype(np.int16)
    return clipped
