# SPDX-License-Identifier: Apache-2.0
"""The sink that a kiosk records from: fed, read back, and so known to the sample.

What is read back is searched for what was written, which no two blocks share for the noise in
them: when a frame is at the microphone is a fact, not an estimate from the writer's buffer.
"""

from __future__ import annotations

import time
from typing import Any, Final

import alsaaudio
import numpy as np

from test_stand.rooms import RATE
from test_stand.sound_daemon import INTO_MICROPHONE, MICROPHONE
from test_stand.stamped_capture import Samples, StampedCapture

_READ_S: Final = 0.002
_PERIOD_S: Final = 0.01
_BUFFER_S: Final = 0.5
_TAIL_S: Final = 0.5
_LATE_S: Final = 0.01
"""What is so late was not heard, whatever the server says."""

_SOUGHT_S: Final = 0.4
"""A block that was written is found again within this, or was lost."""


class MicrophoneSink:
    """Mono at RATE; used by one thread, but for the questions about time."""

    def __init__(self) -> None:
        self._pcm: Any = alsaaudio.PCM(
            alsaaudio.PCM_PLAYBACK,
            alsaaudio.PCM_NONBLOCK,
            device=INTO_MICROPHONE,
            rate=RATE,
            channels=1,
            format=alsaaudio.PCM_FORMAT_S16_LE,
            periodsize=round(_PERIOD_S * RATE),
            periods=round(_BUFFER_S / _PERIOD_S),
        )
        self._back = StampedCapture(MICROPHONE, RATE, _READ_S)
        self._tail = np.zeros(0, np.int16)
        self._waiting = np.zeros(0, np.int16)
        self._sought: tuple[int, Samples] | None = None
        self._shift: int | None = None
        self._begun = (0, 0.0)
        self.written = 0
        self.dry = True

    @property
    def known(self) -> bool:
        """Whether it is known when a frame is there."""
        return self._shift is not None and self._back.time.known

    def time_of(self, frame: float) -> float:
        """The monotonic time at which this frame of what was written is there."""
        return self._back.time.time_of(frame + (self._shift or 0))

    def frame_at(self, at: float) -> float:
        """The frame that is there at this time."""
        return self._back.time.frame_at(at) - (self._shift or 0)

    def ahead_s(self) -> float:
        """Seconds of what was written that are not there yet."""
        if self.known:
            return self.time_of(self.written) - time.monotonic()
        frame, at = self._begun
        return (self.written - frame) / RATE - (time.monotonic() - at)

    def begin(self, lead_s: float) -> None:
        """Begin anew, with silence ahead so that the next block comes in time."""
        self._pcm.drop()
        self.dry = False
        self._waiting = self._waiting[:0]
        self.write(np.zeros(round(lead_s * RATE), np.int16))
        self._begun = self.written - round(lead_s * RATE), time.monotonic()
        # Silence is like any other
        self._sought, self._shift = None, None

    def write(self, samples: Samples) -> None:
        """Write, as far as the server takes it by now: it gives its room in portions."""
        self._waiting = np.concatenate((self._waiting, samples))
        if self._sought is None:
            self._sought = self.written, samples
        self.written += len(samples)
        self._hand_over()

    def look(self) -> None:
        """Read back, and find what was written; what came late makes it `dry` as well."""
        self._hand_over()
        self._tail = np.concatenate((self._tail, self._back.read()))[-round(_TAIL_S * RATE) :]
        self.dry = self.dry or self.ahead_s() < -_LATE_S
        if self._sought is None:
            return
        frame, block = self._sought
        place = self._tail.tobytes().find(block.tobytes())
        if place >= 0:
            shift = self._back.frames - len(self._tail) + place // 2 - frame
            self.dry = self.dry or (self._shift is not None and shift != self._shift)
            self._shift, self._sought = shift, None
        elif self.written - frame > _SOUGHT_S * RATE:
            self._sought = None

    def _hand_over(self) -> None:
        if len(self._waiting) and not self.dry:
            taken = self._pcm.write(self._waiting.tobytes())
            # Full: it is not where it was thought to be
            self.dry = taken < 0 or len(self._waiting) > _BUFFER_S * RATE
            self._waiting = self._waiting[max(taken, 0) :]

    def close(self) -> None:
        """Let go of both devices."""
        self._pcm.close()
        self._back.close()
