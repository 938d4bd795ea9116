# SPDX-License-Identifier: Apache-2.0
"""One open ALSA device, seen as sound that comes and a count of frames at a time.

A device that begins with `hw:` is taken as it is: its own format, the rate nearest to 48 kHz and
two channels, or as many as it has. The time of a frame follows from `htimestamp`: so many frames
had been captured at that moment, those read before and those that wait. How pyalsaaudio 0.11
behaves: recording starts with the first `read`, before which `avail` may say −32; `read` gives a
period at most, −32 after an overrun, whereupon it has already begun anew, and raises for the rest.
"""

from __future__ import annotations

import errno
import math
import os
from dataclasses import dataclass
from typing import Any, Final, Protocol

import alsaaudio
import numpy as np
from numpy.typing import NDArray

from kioskd.ears.settings import FRAME_S
from kioskd.errors import AudioError

Channels = NDArray[np.float32]
"""Sound as it is captured: (frames, channels), -1 to 1."""

_RATE: Final = 48000
_CHANNELS: Final = 2
"""A codec's one microphone may be on either; `kioskd.ears.channel` takes the one that lives."""
_BUFFER_S: Final = 1.0
"""What is waiting while the ears are held up."""

_BUSY: Final = os.strerror(errno.EBUSY)
_FORMATS: Final[dict[int, tuple[str, float]]] = {
    alsaaudio.PCM_FORMAT_S16_LE: ("<i2", 2.0**15),
    alsaaudio.PCM_FORMAT_S32_LE: ("<i4", 2.0**31),
    alsaaudio.PCM_FORMAT_S24_LE: ("<i4", 2.0**23),
    alsaaudio.PCM_FORMAT_S24_3LE: ("3", 2.0**23),
    alsaaudio.PCM_FORMAT_FLOAT_LE: ("<f4", 1.0),
}
"""Formats that are asked for in order: how they lie in memory, and their full scale."""


class CaptureError(AudioError):
    """The microphone cannot be opened or has gone away; `reason` is a stable code for it."""

    def __init__(self, reason: str, text: str) -> None:
        super().__init__(text)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Captured:
    """What has come, from the stream's frame `first` on.

    `frames` had been captured since the stream began at `stamp`, which is the device's own time
    stamp of that count (monotonic seconds; anything, where a driver has none). `anew`: the stream
    has begun anew with this sound, for some before it was lost.
    """

    sound: Channels
    first: int
    frames: int
    stamp: float
    anew: bool = False


class CaptureDevice(Protocol):
    """What the microphone needs of a device."""

    @property
    def rate(self) -> int:
        """Frames a second, as the device says."""

    @property
    def channels(self) -> int:
        """How many there are."""

    @property
    def overruns(self) -> int:
        """Times sound was lost so far."""

    def read(self) -> Captured:
        """All that has come, perhaps nothing; never blocks; raises CaptureError when it is gone."""

    def close(self) -> None:
        """Let go of the device."""


class AlsaCapture:
    """An ALSA PCM by name, opened for recording without blocking; used by one thread only."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.overruns = 0
        self._pcm = _open(name)
        info = self._pcm.info()
        self.rate = int(info["rate"])
        self.channels = int(info["channels"])
        self._format = int(info["format"])
        self._most = int(info["buffer_size"])
        self._read = 0
        self._anew = False
        self._pcm.set_tstamp_mode(alsaaudio.PCM_TSTAMP_ENABLE)
        self._pcm.set_tstamp_type(alsaaudio.PCM_TSTAMP_TYPE_MONOTONIC)

    def read(self) -> Captured:
        """See CaptureDevice; at most what the device's buffer holds."""
        # Brings the count that goes with the stamp up to date
        self._call("avail")
        seconds, nanoseconds, waiting = self._call("htimestamp")
        stamp = seconds + nanoseconds / 1e9
        if not 0 <= waiting <= self._most:
            waiting, stamp = 0, math.nan  # a device that has no answer leaves anything there
        anew, self._anew = self._anew, False
        before, blocks, taken = self._read, [], 0
        while taken < self._most:
            length, data = self._call("read")
            if length < 0:
                # What came before it goes out first; the next call gives what comes behind it
                self.overruns += 1
                self._read, self._anew = 0, True
                break
            if length == 0:
                break
            blocks.append(as_channels(data, self._format, self.channels))
            taken += int(length)
            self._read += int(length)
        sound = np.concatenate(blocks) if blocks else np.zeros((0, self.channels), np.float32)
        return Captured(sound, before, before + max(int(waiting), taken), stamp, anew)

    def close(self) -> None:
        """See CaptureDevice."""
        try:
            self._pcm.close()
        except alsaaudio.ALSAAudioError:
            # It is gone already, which is why it is being closed
            return

    def _call(self, method: str) -> Any:
        try:
            return getattr(self._pcm, method)()
        except alsaaudio.ALSAAudioError as error:
            raise CaptureError(
                "microphone_lost", f"microphone {self.name!r} was lost while recording ({error})"
            ) from error


def as_channels(data: bytes, alsa_format: int, channels: int) -> Channels:
    """A device's bytes as floats, (frames, channels)."""
    dtype, full_scale = _FORMATS[alsa_format]
    if dtype == "3":
        packed = np.frombuffer(data, np.uint8).reshape(-1, 3)
        wide = np.zeros((len(packed), 4), np.uint8)
        wide[:, 1:] = packed
        values = wide.view("<i4")[:, 0] >> 8
    else:
        values = np.frombuffer(data, dtype)
    if alsa_format == alsaaudio.PCM_FORMAT_S24_LE:
        values = values << 8 >> 8  # the uppermost byte may hold anything
    sound = (values / np.float32(full_scale)).astype(np.float32)
    # A floating-point device may send what is no number
    return np.nan_to_num(sound, posinf=1.0, neginf=-1.0).reshape(-1, channels)


def _open(name: str) -> Any:
    refused, reason = "", "microphone_missing"
    for wanted in _FORMATS:
        try:
            pcm = alsaaudio.PCM(
                alsaaudio.PCM_CAPTURE,
                alsaaudio.PCM_NONBLOCK,
                device=name,
                rate=_RATE,
                channels=_CHANNELS,
                format=wanted,
                periodsize=round(_RATE * FRAME_S),
                periods=round(_BUFFER_S / FRAME_S),
            )
        except alsaaudio.ALSAAudioError as error:
            refused = str(error)
            reason = "microphone_busy" if _BUSY in refused else reason
            break
        if pcm.info()["format"] in _FORMATS:
            return pcm
        refused = f"it gives {pcm.info()['format_name']} only"
        pcm.close()
    raise CaptureError(
        reason,
        f"microphone {name!r} cannot be opened ({refused}); `arecord -L` lists the names that "
        "exist, and a name beginning with `plughw:` converts what is not known here",
    )
