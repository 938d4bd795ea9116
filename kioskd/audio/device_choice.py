# SPDX-License-Identifier: Apache-2.0
"""Which device the voice goes to: the sound card, or the monotonic clock in its place.

The audio thread goes on with the stand-in while a device is being opened.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Final

from kioskd.audio.alsa_messages import silence_libasound
from kioskd.audio.cards import AUTO, choose_device, read_cards
from kioskd.audio.device import AlsaDevice, SoundDevice
from kioskd.audio.opening import REOPEN_S, Opening
from kioskd.audio.settings import LEAST_BUFFER_S, AudioSettings
from kioskd.audio.stand_in import StandIn
from kioskd.errors import AudioError

logger = logging.getLogger(__name__)

OpenDevice = Callable[[str, float], SoundDevice]

_FIRST_WAIT_S: Final = 2.0
"""How long the start waits for the first attempt; opening takes 5 ms where it works."""


class DeviceChoice:
    """Holds the device in use; all methods but the opening itself run on the audio thread.

    `name` is ALSA's name of the device that was tried last.
    """

    def __init__(
        self,
        settings: AudioSettings,
        open_device: OpenDevice = AlsaDevice,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._open_device = open_device
        self._clock = clock
        self._buffer_s = settings.buffer_ms / 1000
        self._opening = Opening(self._open, "audio-open", clock)
        self.name = settings.device
        self._logged = ""
        self.device: SoundDevice = StandIn(self._buffer_s, clock=clock)
        self.reason: str | None = "audio_no_device" if settings.enabled else "audio_disabled"

    def open_first(self) -> None:
        """The first attempt; waits for it a little so that the first words are heard."""
        if not self._settings.enabled:
            return
        silence_libasound()
        self._opening.retry()
        self._opening.wait(_FIRST_WAIT_S)
        self.adopt_opened()

    def retry(self) -> None:
        """Begin another attempt if there is no device and it is time for one."""
        if self.reason in ("audio_no_device", "audio_device_lost"):
            self._opening.retry()

    def adopt_opened(self) -> bool:
        """Take the device that an attempt has opened; True when the device has changed."""
        if not self._opening.ended():
            return False
        opened = self._opening.take()
        if opened is None:
            if (error := str(self._opening.error)) != self._logged:
                self._logged = error
                logger.warning(
                    "%s; the monotonic clock stands in, next attempt in %.0f s",
                    error,
                    REOPEN_S,
                    extra={"code": "audio_no_device"},
                )
            return False
        self.device.close()
        self.device = opened
        self.reason = None
        self._logged = ""
        logger.info(
            "sound device %r is open at %d Hz",
            self.name,
            self.device.rate,
            extra={"code": "audio_open"},
        )
        held_s = self.device.buffer_frames / self.device.rate
        if held_s < LEAST_BUFFER_S:
            logger.warning(
                "sound device %r buffers only %.0f ms and may run dry; a `plughw:` or `default` "
                "device buffers more",
                self.name,
                held_s * 1000,
                extra={"code": "audio_small_buffer"},
            )
        return True

    def lost(self, error: AudioError) -> None:
        """The device has gone away: the monotonic clock stands in until it is back."""
        logger.error(
            "%s; the monotonic clock stands in, trying again every %.0f s",
            error,
            REOPEN_S,
            extra={"code": "audio_device_lost"},
        )
        self.device.close()
        self.device = StandIn(self._buffer_s, clock=self._clock)
        self.reason = "audio_device_lost"

    def not_paced(self, played_frames: float) -> None:
        """The device has no clock: write on at the monotonic clock's pace."""
        logger.warning(
            "sound device %r accepts sound faster than real time, so it cannot be the clock; "
            "the monotonic clock stands in. Use real hardware or a sound server",
            self.name,
            extra={"code": "audio_not_paced"},
        )
        stand_in = StandIn(self._buffer_s, self.device, self._clock)
        stand_in.take_over(played_frames)
        self.device = stand_in
        self.reason = "audio_not_paced"

    def close(self) -> None:
        """Let go of the device; an attempt still under way is left to end by itself."""
        self.device.close()

    def _open(self) -> SoundDevice:
        # Every time anew: cards come late and go, and their numbers change
        cards = read_cards() if self._settings.device == AUTO else []
        self.name = choose_device(self._settings.device, self._settings.match, cards)
        return self._open_device(self.name, self._buffer_s)
