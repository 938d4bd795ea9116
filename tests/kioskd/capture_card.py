# SPDX-License-Identifier: Apache-2.0
"""A microphone whose time is the test's, with every fault that a card can have."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from sound_card import OwnTime

from kioskd.config import Config
from kioskd.config.part_settings import ears_settings
from kioskd.ears.capture import Captured, CaptureDevice, CaptureError, Channels
from kioskd.ears.frames import RawFrame
from kioskd.ears.microphone import RoomMicrophone
from kioskd.ears.timeline import Timeline
from kioskd.metrics import Metrics

PERIOD_S = 0.01
Heard = Callable[[np.ndarray], np.ndarray]
"""Sound at these monotonic times: one column, or one for each channel."""


def noise(level: float, channels: int = 1) -> Heard:
    """Of a room, the same at the same time."""
    table = np.random.default_rng(1).normal(0, level, 48000)

    def heard(times: np.ndarray) -> np.ndarray:
        sound = table[np.rint(times * 16000).astype(int) % len(table)]
        return np.repeat(sound[:, None], channels, axis=1)

    return heard


def click(at: float, level: float = 0.9, width_s: float = 0.0002) -> Heard:
    return lambda times: (np.abs(times - at) <= width_s)[:, None] * level


class CaptureCard:
    """A `CaptureDevice` in the test's time; what is counted moves by a period.

    `speed` is how fast it really is. `stamp` gives its time stamp for the true one.
    """

    def __init__(
        self,
        time: OwnTime,
        heard: Heard,
        rate: int = 48000,
        channels: int = 1,
        speed: float = 1.0,
        buffer_s: float = 1.0,
    ) -> None:
        self.rate, self.channels, self.overruns = rate, channels, 0
        self.heard, self.speed = heard, speed
        self.stamp: Callable[[float], float] = lambda true: true
        self.lost = self.stalled = self.closed = False
        self._time = time
        self._buffer = round(buffer_s * rate)
        self._began: float | None = None
        self._read = 0
        self._anew = False

    def read(self) -> Captured:
        now = self._time.now
        if self.lost:
            raise CaptureError("microphone_lost", "the cable was pulled")
        if self._began is None:
            self._began = now
        hertz = self.rate * self.speed
        period = round(self.rate * PERIOD_S)
        there = int((now - self._began) * hertz + 1e-6) // period * period
        if self.stalled:
            there = self._read
        stamp = self.stamp(self._began + there / hertz)
        if there - self._read > self._buffer:
            self.overruns += 1
            self._began, self._read, self._anew = now, 0, True
            return Captured(self._sound(0, 0), 0, 0, now)
        first, self._read = self._read, there
        anew, self._anew = self._anew and there > first, self._anew and there == first
        return Captured(self._sound(first, there), first, there, stamp, anew)

    def close(self) -> None:
        self.closed = True

    def _sound(self, first: int, end: int) -> Channels:
        if first == end:
            return np.zeros((0, self.channels), np.float32)
        assert self._began is not None
        times = self._began + np.arange(first, end) / (self.rate * self.speed)
        sound = np.broadcast_to(self.heard(times), (end - first, self.channels))
        return np.clip(sound, -1, 1).astype(np.float32)


class Microphones:
    """A room's microphone in the test's time; `cards` are opened one after the other.

    An exception among them is what an attempt raises; the last is used again and again.
    """

    def __init__(self, *cards: CaptureCard | CaptureError, **settings: Any) -> None:
        self.time = cards_time(cards)
        self.metrics = Metrics()
        self.timeline = Timeline()
        self.frames: list[RawFrame] = []
        self.attempts: list[float] = []
        self._cards = list(cards)
        own = {"enabled": True, "device": "hw:CARD=Test", **settings}
        self.settings = replace(ears_settings(Config()), **own)
        self.microphone = self.open()

    def open(self) -> RoomMicrophone:
        self.microphone = RoomMicrophone(
            self.settings,
            self.timeline,
            self.metrics,
            self._open,
            self.time.clock,
            self._sleep,
        )
        return self.microphone

    def hear(self, seconds: float) -> list[RawFrame]:
        """The frames of so much time."""
        until, before = self.time.now + seconds, len(self.frames)
        while self.time.now < until:
            self.frames += self.microphone.read(0.1)
        return self.frames[before:]

    @property
    def reason(self) -> str | None:
        return self.microphone.state.reason

    def until(self, reason: str | None, within_s: float = 30.0) -> float:
        """Seconds until this is the reason."""
        began = self.time.now
        while self.reason != reason or (reason is None and not self.microphone.state.open):
            assert self.time.now - began < within_s, self.microphone.state
            self.hear(0.1)
        return self.time.now - began

    def _open(self, _name: str) -> CaptureDevice:
        self.attempts.append(self.time.now)
        card = self._cards.pop(0) if len(self._cards) > 1 else self._cards[0]
        if isinstance(card, CaptureError):
            raise card
        return card

    def _sleep(self, seconds: float) -> None:
        self.time.now += seconds
        for thread in threading.enumerate():
            if thread.name.startswith("ears-"):
                thread.join(60)


def cards_time(cards: tuple[CaptureCard | CaptureError, ...]) -> OwnTime:
    times = [card._time for card in cards if isinstance(card, CaptureCard)]
    return times[0] if times else OwnTime()
