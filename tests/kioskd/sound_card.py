# SPDX-License-Identifier: Apache-2.0
"""A sound card whose time is the test's, and the output that plays to it.

What could be heard is kept with the exact moment of every sample, so that a story about sound
holds however busy the machine is. That ALSA's real devices behave like it is shown where they
are used: `test_audio_device.py`, `test_audio_output_alsa.py`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from ready_settings import ready_audio

from driving_client.utterance import Utterance
from kioskd.audio.device import Samples, SoundDevice
from kioskd.audio.output import AudioOutput
from kioskd.audio.settings import PERIOD_S
from kioskd.audio.snapshot import AudioSnapshot
from kioskd.errors import AudioError
from kioskd.metrics import Metrics

RATE = 48000


def tone(seconds: float, rate: int, hertz: float = 440.0) -> np.ndarray:
    angle = 2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate
    return np.rint(16000 * np.sin(angle)).astype(np.int16)


def spoken(seconds: float, rate: int = 16000, *, ended: bool = True) -> Utterance:
    utterance = Utterance("req-1", rate)
    utterance.append_audio(tone(seconds, rate))
    if ended:
        utterance.end_audio()
    return utterance


def value(metrics: Metrics, name: str) -> float:
    return metrics.registry.get_sample_value(name) or 0.0


class OwnTime:
    """The hands of a clock that the test moves."""

    def __init__(self) -> None:
        self.now = 100.0

    def clock(self) -> float:
        return self.now


class PacedCard:
    """A `SoundDevice` in the test's time; its counter moves in steps of 10 ms, as PulseAudio's."""

    rate = RATE

    def __init__(self, time: OwnTime, buffer_s: float = 0.12) -> None:
        self.buffer_frames = round(buffer_s * RATE)
        self.xruns = 0
        self.written = 0
        self._time = time
        self._gone = False
        self._began: float | None = None
        self._base = 0
        self._heard: list[tuple[float, Samples]] = []

    def pull_out(self) -> None:
        """The card is gone, with what it still held."""
        self._cut()
        self._gone = True

    def heard(self) -> tuple[NDArray[np.float64], Samples]:
        """When each sample was or will be heard, and the samples."""
        times = [begin + np.arange(len(block)) / RATE for begin, block in self._heard]
        blocks = [block for _, block in self._heard]
        return np.concatenate([[], *times]), np.concatenate([np.zeros(0, np.int16), *blocks])

    def loud_times(self, level: int = 1000) -> NDArray[np.float64]:
        times, samples = self.heard()
        return times[np.abs(samples.astype(np.int32)) > level]

    def writable(self) -> int:
        return self.buffer_frames - (self.written - self._played())

    def write(self, samples: Samples) -> int:
        taken = samples[: self.writable()]
        if self._began is None:
            self._began, self._base = self._time.now, self.written
        self._heard.append((self._began + (self.written - self._base) / RATE, taken.copy()))
        self.written += len(taken)
        return len(taken)

    def played(self) -> tuple[int, float]:
        played = self._played()
        step = round(PERIOD_S * RATE)
        return (played if played == self.written else played // step * step), self._time.now

    def drop(self) -> None:
        self._cut()
        self._began, self._base, self.written = None, 0, 0

    def close(self) -> None:
        self._cut()

    def _played(self) -> int:
        """Exactly; counts it where the card has run dry."""
        if self._gone:
            raise AudioError("the card was pulled out")
        if self._began is None:
            return self.written
        played = self._base + (self._time.now - self._began) * RATE
        if played <= self.written + 0.5:
            return min(round(played), self.written)
        self.xruns += 1
        self._began = None
        return self.written

    def _cut(self) -> None:
        """What would be heard from now on is not."""
        kept = [
            (at, block[: max(round((self._time.now - at) * RATE), 0)]) for at, block in self._heard
        ]
        self._heard = [(at, block) for at, block in kept if len(block)]


class Studio:
    """An output that is turned by hand, every 10 ms of the test's time, to a card or to none."""

    def __init__(
        self,
        metrics: Metrics | None = None,
        make_card: Callable[[OwnTime], SoundDevice] | None = PacedCard,
        **settings: Any,
    ) -> None:
        self.time = OwnTime()
        self.metrics = metrics or Metrics()
        self.card: Any = make_card and make_card(self.time)
        self._openers: list[threading.Thread] = []
        self.output = AudioOutput(
            ready_audio(**settings), self.metrics, self._open, self.time.clock
        )
        self.turn()
        self.turn()

    def _open(self, _name: str, _buffer_s: float) -> SoundDevice:
        self._openers.append(threading.current_thread())
        if self.card is None:
            raise AudioError("there is no card")
        card: SoundDevice = self.card
        return card

    def turn(self) -> AudioSnapshot:
        """What the thread does when it wakes; an attempt at opening a card has ended after it."""
        self.output.turn()
        # Python 3.13 lists a thread no longer that still counts as alive for a moment
        listed = [thread for thread in threading.enumerate() if thread.name == "audio-open"]
        for thread in (*listed, *self._openers):
            thread.join(60)
        self._openers.clear()
        return self.output.snapshot()

    def pass_time(self, seconds: float) -> AudioSnapshot:
        for _ in range(round(seconds / PERIOD_S)):
            self.turn()
            self.time.now += PERIOD_S
        return self.turn()

    def until(self, what: Callable[[AudioSnapshot], bool], within_s: float = 10.0) -> AudioSnapshot:
        for _ in range(round(within_s / PERIOD_S)):
            if what(self.turn()):
                return self.output.snapshot()
            self.time.now += PERIOD_S
        raise AssertionError(self.output.snapshot())
