# SPDX-License-Identifier: Apache-2.0
"""One open ALSA device, seen as a counter of frames played and a place to write mono samples.

pyalsaaudio has no `delay()`: played = written − (buffer − avail), at the time stamp that goes
with `avail`. Its `avail()` returns errors as negative numbers: −32 (EPIPE) after an underrun,
−86 (ESTRPIPE) after the machine slept, others when the device is gone; after `drop()` hardware
answers −77 (EBADFD) until the next write, so a device at rest is not asked. `write()` returns
−32 too and raises for the rest. The constructor takes what the device offers instead of
failing, so the real rate, channels and format are read back. Measured with the pulse and file
plugins of alsa-plugins 1.2.7: one reading of `avail` after the first write that follows a
`drop()` may be wrong by two periods, and a server that is killed reports −32 first and raises
at the next write.
"""

from __future__ import annotations

import errno
import os
import time
from typing import Any, Final, Protocol

import alsaaudio
import numpy as np
from numpy.typing import NDArray

from kioskd.audio.alsa_probe import wait_for_device
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
        info = self._pcm.info()
        self._format = int(info["format"])
        self.rate = int(info["rate"])
        self.channels = int(info["channels"])
        self.buffer_frames = int(info["buffer_size"])
        self.period_frames = int(info["period_size"])
        self._pcm.set_tstamp_mode(alsaaudio.PCM_TSTAMP_ENABLE)
        self._pcm.set_tstamp_type(alsaaudio.PCM_TSTAMP_TYPE_MONOTONIC)

    def writable(self) -> int:
        """Frames that can be written now; an underrun is counted and recovered here."""
        avail = self._avail()
        return self.buffer_frames if avail is None else min(avail, self.buffer_frames)

    def write(self, samples: Samples) -> int:
        """Write mono samples to all channels; returns the frames taken, 0 where it is full."""
        taken = self._call("write", interleaved(samples, self._format, self.channels))
        if taken < 0:
            self._recover()
            return 0
        self._at_rest = False
        self.written += int(taken)
        return int(taken)

    def played(self) -> tuple[int, float]:
        """Frames that have left the buffer and when that was; everything after an underrun."""
        avail = self._avail()
        now = time.monotonic()
        if avail is None:
            return self._recovered, now
        seconds, nanoseconds, stamped = self._call("htimestamp")
        stamp = seconds + nanoseconds / 1e9
        # A driver without monotonic stamps gives wall-clock time or none at all
        if abs(stamp - now) < 0.2 and 0 <= stamped <= self.buffer_frames:
            avail, now = stamped, min(stamp, now)
        queued = self.buffer_frames - min(avail, self.buffer_frames)
        return max(self.written - queued, self._recovered), now

    def drop(self) -> None:
        """Discard what is queued: silence now, counters at zero."""
        if not self._at_rest:
            self._call("drop")
        self._at_rest = True
        self.written = self._recovered = 0

    def close(self) -> None:
        """Close the PCM without waiting for what is queued."""
        try:
            self._pcm.drop()
            self._pcm.close()
        except alsaaudio.ALSAAudioError:
            # It is gone already, which is why it is being closed
            return

    def _avail(self) -> int | None:
        """Room in the buffer, or None while the device is at rest and all of it is free."""
        if self._at_rest:
            return None
        avail = int(self._call("avail"))
        if -avail in _RECOVERABLE:
            self._recover()
            return None
        if avail < 0:
            raise self._lost(os.strerror(-avail))
        return avail

    def _recover(self) -> None:
        self._call("drop")
        self._at_rest = True
        self.xruns += 1
        self._recovered = self.written

    def _call(self, method: str, *arguments: object) -> Any:
        try:
            return getattr(self._pcm, method)(*arguments)
        except alsaaudio.ALSAAudioError as error:
            raise self._lost(str(error)) from error

    def _lost(self, what: str) -> AudioError:
        return AudioError(
            f"sound device {self.name!r} was lost while playing ({what}); "
            "check its cable, or the sound server behind it"
        )


def interleaved(samples: Samples, alsa_format: int, channels: int) -> bytes:
    """Mono 16-bit samples as bytes of the device's format, the same on every channel."""
    dtype, shift = _FORMATS[alsa_format]
    return np.repeat(samples.astype(dtype) << shift, channels).tobytes()


def _open(name: str, buffer_s: float) -> Any:
    wait_for_device(name, PREFERRED_RATE, _CHANNELS)
    refused = ""
    for wanted in _FORMATS:
        try:
            pcm = alsaaudio.PCM(
                alsaaudio.PCM_PLAYBACK,
                alsaaudio.PCM_NONBLOCK,
                device=name,
                rate=PREFERRED_RATE,
                channels=_CHANNELS,
                format=wanted,
                periodsize=round(PREFERRED_RATE * PERIOD_S),
                periods=max(round(buffer_s / PERIOD_S), 2),
            )
        except alsaaudio.ALSAAudioError as error:
            refused = str(error)
            break
        if pcm.info()["format"] in _FORMATS:
            return pcm
        refused = f"it takes {pcm.info()['format_name']} only"
        pcm.close()
    raise AudioError(
        f"sound device {name!r} cannot be opened ({refused}); `aplay -L` lists the names that "
        "exist, and a name beginning with `plughw:` converts what the hardware does not take"
    )
