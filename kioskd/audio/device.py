# SPDX-License-Identifier: Apache-2.0
"""One open ALSA device, seen as a counter of frames played and a place to write mono samples.

Played = written − (buffer − avail), at the time stamp that goes with `avail`, which is negative
after an underrun (EPIPE), after the machine slept (ESTRPIPE) and when the device is gone; after a
drop hardware answers EBADFD until the next write, so a device at rest is not asked. Measured with
the pulse and file plugins of alsa-plugins 1.2.7: one reading of `avail` after the first write that
follows a drop may be wrong by two periods, and a server that is killed reports EPIPE first and
another error at the next write.
"""

from __future__ import annotations

import errno
import os
import time
from typing import Final, Protocol

import alsaaudio
import numpy as np
from numpy.typing import NDArray

from kioskd.audio.alsa_pcm import PLAYBACK, AlsaError, AlsaPcm
from kioskd.audio.settings import PERIOD_S, PREFERRED_RATE
from kioskd.errors import AudioError

Samples = NDArray[np.int16]

_FORMATS: Final[dict[int, tuple[str, int]]] = {
    alsaaudio.PCM_FORMAT_S16_LE: ("<i2", 0),
    alsaaudio.PCM_FORMAT_S32_LE: ("<i4", 16),
    alsaaudio.PCM_FORMAT_S24_LE: ("<i4", 8),
}
"""Formats that are asked for in order: how they lie in memory, the left shift from 16 bits."""

_RECOVERABLE: Final = (errno.EPIPE, errno.ESTRPIPE, errno.EBADFD)
"""Underrun, sleep of the machine, and a stop by somebody else: written anew, it goes on."""

_CHANNELS: Final = 2
"""Channels asked for; whatever the device then has, all carry the voice."""


class SoundDevice(Protocol):
    """What the writer needs of a device. Frames count from the opening or the last `drop`."""

    @property
    def rate(self) -> int:
        """Frames a second."""

    @property
    def buffer_frames(self) -> int:
        """Frames that fit into the device."""

    @property
    def xruns(self) -> int:
        """Underruns so far."""

    @property
    def written(self) -> int:
        """Frames written."""

    def writable(self) -> int:
        """Frames that can be written now; raises AudioError when the device is gone."""

    def write(self, samples: Samples) -> int:
        """Write mono samples without blocking; frames taken; raises AudioError as above."""

    def played(self) -> tuple[int, float]:
        """Frames played and the `time.monotonic()` of that reading."""

    def drop(self) -> None:
        """Silence at once; the counters start anew."""

    def close(self) -> None:
        """Let go of the device."""


class AlsaDevice:
    """An ALSA PCM by name, opened for playback without blocking; used by one thread only."""

    def __init__(self, name: str, buffer_s: float) -> None:
        self.name = name
        self.xruns = 0
        self.written = 0
        self._recovered = 0
        self._at_rest = True
        self._pcm = _open(name, buffer_s)
        self.rate = self._pcm.rate
        self.channels = self._pcm.channels
        self.buffer_frames = self._pcm.buffer_frames
        self.period_frames = self._pcm.period_frames

    def writable(self) -> int:
        """Frames that can be written now; an underrun is counted and recovered here."""
        avail = self._avail()
        return self.buffer_frames if avail is None else min(avail, self.buffer_frames)

    def write(self, samples: Samples) -> int:
        """Write mono samples to all channels; returns the frames taken, 0 where it is full."""
        data = interleaved(samples, self._pcm.format, self.channels)
        taken = self._pcm.write(data, len(samples))
        if taken == -errno.EPIPE:
            self._recover()
            return 0
        if taken == -errno.EAGAIN:
            taken = 0
        self._check(taken)
        self._at_rest = False
        self.written += taken
        return taken

    def played(self) -> tuple[int, float]:
        """Frames that have left the buffer and when that was; everything after an underrun."""
        avail = self._avail()
        now = time.monotonic()
        if avail is None:
            return self._recovered, now
        stamped, stamp = self._pcm.htimestamp()
        # A driver without monotonic stamps gives wall-clock time or none at all
        if abs(stamp - now) < 0.2:
            avail, now = stamped, min(stamp, now)
        queued = self.buffer_frames - min(avail, self.buffer_frames)
        return max(self.written - queued, self._recovered), now

    def drop(self) -> None:
        """Discard what is queued: silence now, counters at zero."""
        if not self._at_rest:
            self._check(self._pcm.drop())
        self._at_rest = True
        self.written = self._recovered = 0

    def close(self) -> None:
        """Close the PCM without waiting for what is queued."""
        self._pcm.close()

    def _avail(self) -> int | None:
        """Room in the buffer, or None while the device is at rest and all of it is free."""
        if self._at_rest:
            return None
        avail = self._pcm.avail()
        if -avail in _RECOVERABLE:
            self._recover()
            return None
        self._check(avail)
        return avail

    def _recover(self) -> None:
        self._check(self._pcm.drop())
        self._at_rest = True
        self.xruns += 1
        self._recovered = self.written

    def _check(self, result: int) -> None:
        if result < 0:
            raise AudioError(
                f"sound device {self.name!r} was lost while playing ({os.strerror(-result)}); "
                "check its cable, or the sound server behind it"
            )


def interleaved(samples: Samples, alsa_format: int, channels: int) -> bytes:
    """Mono 16-bit samples as bytes of the device's format, the same on every channel."""
    dtype, shift = _FORMATS[alsa_format]
    return np.repeat(samples.astype(dtype) << shift, channels).tobytes()


def _open(name: str, buffer_s: float) -> AlsaPcm:
    try:
        return AlsaPcm(
            name, PLAYBACK, list(_FORMATS), PREFERRED_RATE, _CHANNELS, PERIOD_S, buffer_s
        )
    except AlsaError as error:
        raise AudioError(
            f"sound device {name!r} cannot be opened ({error}); `aplay -L` lists the names that "
            "exist, and a name beginning with `plughw:` converts what the hardware does not take"
        ) from error
