# SPDX-License-Identifier: Apache-2.0
"""The audio thread: one voice at a time to the sound card, whose position is the clock.

Commands wake the thread at once; while a voice plays it also wakes every period, writes what
has come and publishes a snapshot. Nothing of the network or the render loop is waited for:
the voice's start waits a bounded time for motion, here, so that a slow picture cannot hold
it back. Mixing several voices and fading are left out on purpose.
"""

from __future__ import annotations

import itertools
import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Final

from driving_client.utterance import Utterance
from kioskd.audio.device import AlsaDevice
from kioskd.audio.device_choice import DeviceChoice, OpenDevice
from kioskd.audio.loudspeaker import Loudspeaker, tapped
from kioskd.audio.settings import MOUTH_LEAD_S, PERIOD_S, AudioSettings
from kioskd.audio.snapshot import AudioSnapshot
from kioskd.audio.voice import Voice
from kioskd.errors import AudioError
from kioskd.metrics import Metrics

logger = logging.getLogger(__name__)

_LATENCY_PACE: Final = 0.02
"""How fast a new latency is taken over while a voice plays: lips 2 % slower or faster, unseen."""

_IDLE_BEAT_S: Final = 0.25
"""How often the thread wakes without a voice, to show that it lives and to look for a device."""


class AudioOutput:
    """Plays utterances; every method may be called from any thread and returns at once.

    Where there is a `loudspeaker`, it is told what the sound card plays.
    """

    def __init__(
        self,
        settings: AudioSettings,
        metrics: Metrics,
        open_device: OpenDevice = AlsaDevice,
        clock: Callable[[], float] = time.monotonic,
        loudspeaker: Loudspeaker | None = None,
    ) -> None:
        self.loudspeaker = loudspeaker
        if loudspeaker is not None:
            open_device = tapped(open_device, loudspeaker)
        self._clock = clock
        self._settings = settings
        self._metrics = metrics
        self._latency_s = self._wanted_latency_s = settings.latency_ms / 1000
        self._settled = clock()
        self._choice = DeviceChoice(settings, open_device, clock)
        self._voice: Voice | None = None
        self._commands: deque[Callable[[], None]] = deque()
        self._wake = threading.Condition()
        self._tickets = itertools.count(1)
        self._ticket = 0
        self._stopping = False
        self._xruns_seen = 0
        self._xruns_total = 0
        self._snapshot = AudioSnapshot(reason=self._choice.reason, beat=self._clock())
        self._thread = threading.Thread(target=self._run, name="audio", daemon=True)

    def start(self) -> None:
        """Open the device (or have the monotonic clock stand in) and start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Silence, close the device and end the thread; within 1 s."""
        with self._wake:
            self._stopping = True
            self._wake.notify()
        if self._thread.is_alive():
            self._thread.join(1.0)

    def play(self, utterance: Utterance, hold_s: float = 0.0) -> int:
        """Play from the start, instead of what plays now; returns the ticket of its snapshots.

        From its first sample on the voice waits at most `hold_s` for the first motion.
        """
        requested = self._clock()
        ticket = next(self._tickets)
        self._command(lambda: self._begin(utterance, hold_s, requested, ticket))
        return ticket

    def drop(self) -> None:
        """Interrupt: silence now, and nothing is left to play."""
        requested = self._clock()
        self._command(lambda: self._silence(requested))

    def pause(self) -> None:
        """Silence now; the position stays where it is."""
        self._command(self._pause)

    def resume(self) -> None:
        """Go on from where `pause` stopped; no sample is lost."""
        self._command(self._resume)

    def set_latency(self, seconds: float) -> None:
        """What the device's counters do not show, as `AudioSettings.latency_ms` at the start.

        Between voices it holds at once; a voice that plays is led to it, for lips must not jump.
        """
        self._command(lambda: self._want_latency(seconds))

    def snapshot(self) -> AudioSnapshot:
        """The newest snapshot; costs nothing and takes no lock."""
        return self._snapshot

    def turn(self) -> None:
        """What the thread does each time it wakes: obey, play, publish."""
        with self._wake:
            commands = list(self._commands)
            self._commands.clear()
        for command in commands:
            command()
        self._settle_latency()
        try:
            self._step()
        except AudioError as error:
            self._lose(error)
            self._rewind()
        self._publish()

    def _command(self, command: Callable[[], None]) -> None:
        with self._wake:
            self._commands.append(command)
            self._wake.notify()

    def _run(self) -> None:
        self._choice.open_first()
        while not self._stopping:
            with self._wake:
                if not self._commands and not self._stopping:
                    self._wake.wait(PERIOD_S if self._is_active() else _IDLE_BEAT_S)
            self.turn()
        self._choice.close()

    def _want_latency(self, seconds: float) -> None:
        self._wanted_latency_s = seconds

    def _settle_latency(self) -> None:
        now = self._clock()
        most, self._settled = (now - self._settled) * _LATENCY_PACE, now
        away = self._wanted_latency_s - self._latency_s
        if self._voice is not None and self._voice.started:
            away = min(max(away, -most), most)
        self._latency_s += away

    def _is_active(self) -> bool:
        voice = self._voice
        return voice is not None and not voice.paused and not voice.finished

    def _step(self) -> None:
        now = self._clock()
        self._choice.retry()
        if self._choice.adopt_opened():
            self._rewind()
        voice, device = self._voice, self._choice.device
        if voice is None or voice.paused:
            return
        if voice.finished:
            self._empty_device()
            return
        if not voice.may_start(now):
            return
        voice.write(device)
        if not voice.follow(device):
            self._choice.not_paced(voice.played_s(now) * device.rate)
        self._count_xruns()

    def _count_xruns(self) -> None:
        count = self._choice.device.xruns
        if count < self._xruns_seen:
            self._xruns_seen = 0
        if count > self._xruns_seen:
            self._metrics.xruns.inc(count - self._xruns_seen)
            self._xruns_total += count - self._xruns_seen
            logger.warning("the sound device ran dry", extra={"code": "audio_xrun"})
        self._xruns_seen = count

    def _begin(self, utterance: Utterance, hold_s: float, requested: float, ticket: int) -> None:
        self._silence(requested)
        self._ticket = ticket
        lead_s = max(MOUTH_LEAD_S - self._latency_s, 0.0)
        self._voice = Voice(utterance, self._settings.volume, hold_s, lead_s, self._clock)
        self._voice.rewind(self._choice.device, 0.0)

    def _silence(self, requested: float) -> None:
        voice, self._voice = self._voice, None
        if voice is None or voice.finished:
            return
        if self._empty_device():
            self._metrics.interrupt_delay.observe(self._clock() - requested + self._latency_s)

    def _pause(self) -> None:
        voice = self._voice
        if voice is None or voice.paused:
            return
        voice.paused = True
        if voice.started:
            self._rewind()

    def _resume(self) -> None:
        if self._voice is not None:
            self._voice.paused = False

    def _rewind(self) -> None:
        """Take the voice back to what has left the device: the rest of its queue is gone."""
        voice = self._voice
        if voice is None or voice.finished:
            return
        now = self._clock()
        published = self._snapshot
        position = voice.device_position(now)
        if published.ticket == self._ticket:
            position = max(position, published.position_at(now))
        self._empty_device()
        voice.rewind(self._choice.device, position)

    def _empty_device(self) -> bool:
        """Discard what is queued; whether there was anything. A device that fails is replaced."""
        if not self._choice.device.written:
            return False
        try:
            self._choice.device.drop()
        except AudioError as error:
            self._lose(error)
        return True

    def _lose(self, error: AudioError) -> None:
        self._metrics.audio_device_lost.inc()
        self._choice.lost(error)

    def _publish(self) -> None:
        now = self._clock()
        voice, choice = self._voice, self._choice
        if voice is None:
            self._snapshot = AudioSnapshot(
                at=now,
                reason=choice.reason,
                xruns=self._xruns_total,
                beat=now,
                device=choice.name,
            )
            return
        before = self._snapshot
        previous_s = before.position_at(now) if before.ticket == self._ticket else 0.0
        located = voice.locate(now, self._latency_s)
        position_s, speed = voice.advance(located, previous_s)
        lead_s = None if voice.paused else located.lead_s
        self._snapshot = AudioSnapshot(
            ticket=self._ticket,
            position_s=position_s,
            at=now,
            speed=speed,
            limit_s=max(located.limit_s, position_s),
            running=located.running and not voice.paused,
            heard_at=None if lead_s is None else now + lead_s,
            started=voice.started,
            finished=voice.finished,
            starved=voice.starved,
            reason=choice.reason,
            xruns=self._xruns_total,
            beat=now,
            device=choice.name,
        )
