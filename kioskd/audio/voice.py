# SPDX-License-Identifier: Apache-2.0
"""One utterance on its way through a device: when it may start, what to write, where it is.

Kept apart from the thread that drives it and from the choosing of devices. Position zero to
the end is told by the ledger of what was written; whenever the device's queue is dropped
(pause, another device) the voice is rewound to what was heard, and nothing is lost.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

import numpy as np

from driving_client.utterance import Utterance
from kioskd.audio.clock import PositionClock
from kioskd.audio.device import SoundDevice
from kioskd.audio.ledger import Ledger, Located
from kioskd.audio.settings import LEAD_IN_S, LOW_WATER_S, PERIOD_S, PREFILL_S
from kioskd.audio.voice_source import VoiceSource

_QUIET: Final = 100
"""Samples up to this, of 32,768, are no sound yet."""

_MAX_LAG_S: Final = 0.2
"""An estimate that ran ahead falls back at a speed of 1 − lead / this, and not below 0."""


class Voice:
    """The utterance that plays; used by the audio thread only.

    It waits for motion `hold_s` at most, and its first sound is announced `lead_s` ahead, as far as
    `LEAD_IN_S` allows.
    """

    def __init__(
        self,
        utterance: Utterance,
        volume: float,
        hold_s: float,
        lead_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._now = clock
        self.utterance = utterance
        self.paused = False
        self.started = False
        self._volume = volume
        self._hold_s = hold_s
        self._lead_s = lead_s
        self._first_audio: float | None = None
        self._ledger = Ledger()
        self._clock = PositionClock()
        self._source: VoiceSource | None = None
        self._heard = 0.0
        self._xruns = 0
        self._leads_in = True

    @property
    def starved(self) -> bool:
        """Whether all speech that has come is heard and more must follow."""
        return self.started and not self.finished and self._heard >= self._ledger.content_s - 1e-6

    @property
    def finished(self) -> bool:
        """Whether every sample of the complete utterance has been heard."""
        if self.utterance.audio_ended and self.utterance.audio_length == 0:
            return True
        if self._source is None:
            return False
        return self._source.exhausted and self._heard >= self._ledger.content_s - 1e-6

    def rewind(self, device: SoundDevice, heard_s: float) -> None:
        """The device holds nothing of this voice: go on from what was heard."""
        self._source = VoiceSource(self.utterance, device.rate, heard_s, self._volume)
        self._ledger.restart(self._source.start_s)
        self._clock.reset()
        self._heard = max(heard_s, 0.0)
        self._xruns = device.xruns
        # A voice that another device goes on with has a mouth that is open
        self._leads_in = self.paused or not self.started

    def may_start(self, now: float) -> bool:
        """Enough speech has come, and its motion too or the wait for it is over."""
        if self.started:
            return True
        utterance = self.utterance
        if utterance.audio_length == 0:
            return False
        if self._first_audio is None:
            self._first_audio = now
        if utterance.audio_seconds < PREFILL_S and not utterance.audio_ended:
            return False
        has_motion = utterance.motion_length > 0 or utterance.motion_failure is not None
        self.started = has_motion or now - self._first_audio >= self._hold_s
        return self.started

    def write(self, device: SoundDevice) -> None:
        """Fill the device with speech, or with the least silence that keeps it running."""
        assert self._source is not None
        period = round(device.rate * PERIOD_S)
        if self._leads_in:
            self._leads_in = False
            self._lead_in(device)
        # Bounded: a device without a clock would accept silence for ever
        for _ in range(device.buffer_frames // period):
            if device.writable() < period:
                return
            block = self._source.peek(period)
            speech = len(block) > 0
            if not speech:
                played, _ = device.played()
                running = device.written > 0
                if not running or device.written - played >= LOW_WATER_S * device.rate:
                    return
                block = self._source.drain(period)
                speech = len(block) > 0
            if not speech:
                block = np.zeros(period, np.int16)
            self._clock.start(self._now())
            taken = device.write(block)
            if speech:
                self._source.consume(taken)
            self._ledger.add(taken / device.rate, speech=speech)
            if taken < len(block):
                return

    def _lead_in(self, device: SoundDevice) -> None:
        """Silence that gives the mouth time to open, as far as the voice's own is too short."""
        assert self._source is not None
        lead = round(device.rate * self._lead_s)
        beginning = np.abs(self._source.peek(lead).astype(np.int32)) > _QUIET
        quiet = int(beginning.argmax()) if beginning.any() else len(beginning)
        silence = np.zeros(min(lead - quiet, round(device.rate * LEAD_IN_S)), np.int16)
        if len(silence):
            self._clock.start(self._now())
            self._ledger.add(device.write(silence) / device.rate, speech=False)

    def follow(self, device: SoundDevice) -> bool:
        """Take a reading of the device; False when it has outrun the monotonic clock."""
        played, at = device.played()
        if device.xruns != self._xruns:
            self._xruns = device.xruns
            self._clock.reset(played / device.rate)
            if device.written > played:
                self._clock.start(at)
        return self._clock.update(played / device.rate, at)

    def device_position(self, now: float) -> float:
        """Seconds of the utterance that have left the device's buffer."""
        return self._ledger.locate(self._clock.position(now)).position_s

    def played_s(self, now: float) -> float:
        """Seconds of the device's own time since its last reset, by the smoothed clock."""
        return self._clock.position(now)

    def locate(self, now: float, latency_s: float) -> Located:
        """Where the voice is heard: `latency_s` after it has left the device's buffer."""
        return self._ledger.locate(self._clock.position(now) - latency_s)

    def advance(self, located: Located, previous_s: float) -> tuple[float, float]:
        """The position to publish and its speed: never behind what was published before."""
        self._heard = max(located.position_s, self._heard)
        lead = max(previous_s - located.position_s, 0.0)
        return located.position_s + lead, max(1.0 - lead / _MAX_LAG_S, 0.0)
