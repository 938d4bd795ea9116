# SPDX-License-Identifier: Apache-2.0
"""Records from an ALSA device and tells when each sample was there, by ALSA's own time stamps.

A reading (frames there, time stamp) may come late by one period and, on a busy machine, by much
more, but never early: the time of sample k is k/rate less the greatest offset seen lately.
Measured over PulseAudio's null sink against the clock that `kioskd.audio` plays by: 0.05 to
0.25 ms at 48 kHz, 0.4 ms at 16 kHz, where PulseAudio converts. What is lost is counted, not mended.
"""

from __future__ import annotations

import time
from collections import deque
from typing import Any, Final

import alsaaudio
import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.int16]

_BUCKET_S: Final = 1.0
_BUCKETS: Final = 10


class StreamTime:
    """When a stream's frames pass, from readings that are late at times and never early."""

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._offsets: deque[float] = deque(maxlen=_BUCKETS)
        self._since = -_BUCKET_S

    @property
    def known(self) -> bool:
        """Whether there was a reading."""
        return bool(self._offsets)

    def take(self, frames: int, at: float) -> None:
        """So many frames had passed at this monotonic time."""
        offset = frames / self._rate - at
        if at - self._since >= _BUCKET_S or not self._offsets:
            self._offsets.append(offset)
            self._since = at
        else:
            self._offsets[-1] = max(self._offsets[-1], offset)

    def time_of(self, frame: float) -> float:
        """The monotonic time at which this frame passes."""
        return frame / self._rate - max(self._offsets)

    def frame_at(self, at: float) -> float:
        """Frames that have passed by this time."""
        return (at + max(self._offsets)) * self._rate


class StampedCapture:
    """An ALSA device that records mono, 16 bits, without blocking."""

    def __init__(self, name: str, rate: int, period_s: float, buffer_s: float = 1.0) -> None:
        period = round(rate * period_s)
        self._pcm: Any = alsaaudio.PCM(
            alsaaudio.PCM_CAPTURE,
            alsaaudio.PCM_NONBLOCK,
            device=name,
            rate=rate,
            channels=1,
            format=alsaaudio.PCM_FORMAT_S16_LE,
            periodsize=period,
            periods=max(round(buffer_s / period_s), 2),
        )
        self._pcm.set_tstamp_mode(alsaaudio.PCM_TSTAMP_ENABLE)
        self._pcm.set_tstamp_type(alsaaudio.PCM_TSTAMP_TYPE_MONOTONIC)
        self.rate = int(self._pcm.info()["rate"])
        self.time = StreamTime(self.rate)
        self.frames = 0
        self.lost = 0

    def read(self) -> Samples:
        """All that is there, perhaps nothing."""
        if self._pcm.avail() >= 0:
            seconds, nanoseconds, there = self._pcm.htimestamp()
            stamp = seconds + nanoseconds / 1e9
            if there > 0 and abs(stamp - time.monotonic()) < 1.0:
                self.time.take(self.frames + there, stamp)
        blocks = []
        while True:
            length, data = self._pcm.read()
            if length < 0:
                self.lost += 1
            if length <= 0:
                break
            blocks.append(np.frombuffer(data, np.int16)[:length])
            self.frames += length
        return np.concatenate(blocks) if blocks else np.zeros(0, np.int16)

    def close(self) -> None:
        """Let go of the device."""
        self._pcm.close()
