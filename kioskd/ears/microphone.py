# SPDX-License-Identifier: Apache-2.0
"""The room's microphone: found, opened, read, and found again whatever becomes of it.

Nobody waits for it: opening runs on a thread of its own, reading never blocks. It is asked when the
next sound should be there, not polled: the descriptors of a dead sound server are ready for ever.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Final

from kioskd.audio.alsa_messages import silence_libasound
from kioskd.audio.cards import AUTO, choose_device, read_cards
from kioskd.audio.opening import REOPEN_S, Opening
from kioskd.ears.alsa_capture import AlsaCapture
from kioskd.ears.capture import CaptureDevice, CaptureError
from kioskd.ears.frames import RawFrame
from kioskd.ears.settings import EarsSettings
from kioskd.ears.snapshot import MicrophoneState
from kioskd.ears.stream import Stream
from kioskd.ears.timeline import Timeline
from kioskd.metrics import Metrics

logger = logging.getLogger(__name__)

OpenCapture = Callable[[str], CaptureDevice]

AFTER_SOUND_S: Final = 0.009
AFTER_NONE_S: Final = 0.002
WITHOUT_S: Final = 0.05
"""Until the next look at the device, each of which costs some 50 us: sound comes every 10 ms."""

HANGS_S: Final = 10.0
"""Opening takes some milliseconds where it works."""

CLOSE_S: Final = 0.2

STALLED_S: Final = 2.0
"""Without any sound for so long, an open microphone is said to stall; twice that reopens it."""


class RoomMicrophone:
    """A `kioskd.ears.parts.Microphone`; `timeline` outlives it."""

    def __init__(
        self,
        settings: EarsSettings,
        timeline: Timeline,
        metrics: Metrics,
        open_device: OpenCapture = AlsaCapture,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._settings = settings
        self._timeline = timeline
        self._metrics = metrics
        self._open_device = open_device
        self._clock = clock
        self._sleep = sleep
        self._opening: Opening[CaptureDevice] = Opening(self._open, "ears-open", clock)
        self._device: CaptureDevice | None = None
        self._stream: Stream | None = None
        self._name = settings.device
        self._reason: str | None = None
        self._heard = 0.0
        self._due = 0.0
        silence_libasound()

    @property
    def state(self) -> MicrophoneState:
        """See Microphone."""
        device, stream = self._device, self._stream
        if device is None or stream is None:
            return MicrophoneState(reason=self._reason, device=self._name)
        return MicrophoneState(
            open=True,
            reason=self._reason,
            device=self._name,
            rate=device.rate,
            channels=device.channels,
            level_db=stream.level_db,
        )

    def read(self, timeout_s: float) -> list[RawFrame]:
        """See Microphone."""
        until = self._clock() + timeout_s
        while True:
            if (pause_s := min(self._due, until) - self._clock()) > 0:
                self._sleep(pause_s)
            frames = self._look()
            if frames or self._clock() >= until:
                return frames

    def close(self) -> None:
        """See Microphone."""
        self._opening.give_up()
        self._let_go()

    def _look(self) -> list[RawFrame]:
        """What has come; keeps the device open, and the reason as it is."""
        now = self._clock()
        self._due = now + WITHOUT_S
        if self._device is None:
            self._try()
        device, stream = self._device, self._stream
        if device is None or stream is None:
            return []
        overruns = device.overruns
        try:
            captured = device.read()
            if device.overruns > overruns:
                self._metrics.ears_overruns.inc(device.overruns - overruns)
            frames = stream.take(captured, self._clock())
            sounds = len(captured.sound) > 0
            if not sounds and now - self._heard > 2 * STALLED_S:
                told = f"microphone {self._name!r} gives no sound"
                raise CaptureError("microphone_stalled", told)
        except CaptureError as error:
            self._let_go()
            self._tell(error.reason, f"{error}; next attempt in {REOPEN_S:.0f} s")
            return []
        self._due = now + (AFTER_SOUND_S if sounds else AFTER_NONE_S)
        if sounds:
            self._heard = now
            self._tell(stream.reason(now))
        elif now - self._heard > STALLED_S:
            self._tell("microphone_stalled")
        return frames

    def _try(self) -> None:
        """Begin to open the microphone, or take what was opened."""
        self._opening.retry()
        if self._opening.ended():
            self._adopt(self._opening.take())
        elif (began := self._opening.began) is not None and self._clock() - began > HANGS_S:
            self._tell("microphone_hangs")

    def _adopt(self, device: CaptureDevice | None) -> None:
        if device is None:
            error = self._opening.error
            reason = error.reason if isinstance(error, CaptureError) else "microphone_missing"
            self._tell(reason, f"{error}; next attempt in {REOPEN_S:.0f} s")
            return
        # Why there was none is told until it gives sound
        latency_s = self._settings.latency_ms / 1000
        self._device, self._heard = device, self._clock()
        self._stream = Stream(device.rate, device.channels, latency_s, self._timeline)
        logger.info(
            "microphone %r is open at %d Hz with %d channels",
            self._name,
            device.rate,
            device.channels,
            extra={"code": "microphone_open"},
        )

    def _let_go(self) -> None:
        device, self._device, self._stream = self._device, None, None
        self._timeline.cut()
        if device is not None:
            # What a server that does not answer keeps is left to it
            closing = threading.Thread(target=device.close, name="ears-close", daemon=True)
            closing.start()
            closing.join(CLOSE_S)

    def _tell(self, reason: str | None, text: str = "") -> None:
        """Show the reason, and log it where it is another than before."""
        before, self._reason = self._reason, reason
        if reason == before:
            return
        if reason is None:
            logger.info("the microphone is well again", extra={"code": "microphone_well"})
        else:
            told = text or f"microphone {self._name!r}: see the check ears"
            logger.warning("%s", told, extra={"code": reason})

    def _open(self) -> CaptureDevice:
        # Every time anew: cards come late and go, and their numbers change
        cards = read_cards(records=True) if self._settings.device == AUTO else []
        self._name = choose_device(self._settings.device, self._settings.match, cards)
        return self._open_device(self._name)
