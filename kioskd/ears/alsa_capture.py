# SPDX-License-Identifier: Apache-2.0
"""One open ALSA device, seen as sound that comes and a count of frames at a time.

Through libasound itself: pyalsaaudio 0.11 keeps Python's lock while a device is opened, closed or
prepared, and a sound server that does not answer would stop the picture and the voice with it
(measured: all of the process stood still for as long as PulseAudio was stopped). Here whatever may
wait gives the lock back; the two questions that are asked every 10 ms and never wait keep it.

A device that begins with `hw:` is taken as it is: its own format, the rate nearest to 48 kHz, two
channels or as many as it has. The time of a frame follows from ALSA's time stamp: so many frames
had been captured at that moment, those read before and those that wait.
"""

from __future__ import annotations

import ctypes
import errno
import math
import os
from typing import Final

import numpy as np

from kioskd.ears.capture import FORMATS, Captured, CaptureError, as_channels
from kioskd.ears.settings import FRAME_S

_RATE: Final = 48000
_CHANNELS: Final = 2
"""A codec's one microphone may be on either; `kioskd.ears.channel` takes the one that lives."""
_BUFFER_S: Final = 1.0
"""What is waiting while the ears are held up."""

_CAPTURE: Final = 1
_NONBLOCK: Final = 1
_INTERLEAVED: Final = 3
_WITH_STAMPS: Final = 1
_MONOTONIC: Final = 1
_BEGINS_ANEW: Final = (errno.EPIPE, errno.ESTRPIPE)
"""An overrun, and the machine has slept."""


class _Timespec(ctypes.Structure):
    _fields_ = (("seconds", ctypes.c_long), ("nanoseconds", ctypes.c_long))


class _Library:
    """libasound, opened once it is needed."""

    def __init__(self) -> None:
        self.waits = ctypes.CDLL("libasound.so.2")
        self.waits.snd_pcm_readi.restype = ctypes.c_long
        self.waits.snd_pcm_readi.argtypes = (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_ulong)
        self.quick = ctypes.PyDLL("libasound.so.2")
        self.quick.snd_pcm_avail.restype = ctypes.c_long


class AlsaCapture:
    """An ALSA PCM by name, opened for recording without blocking; raises CaptureError.

    Used by one thread at a time.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.overruns = 0
        self._library = _Library()
        self._pcm = ctypes.c_void_p()
        self._open("snd_pcm_open", ctypes.byref(self._pcm), name.encode(), _CAPTURE, _NONBLOCK)
        try:
            self._set_up()
            self._open("snd_pcm_start", self._pcm)
        except CaptureError:
            self.close()
            raise
        width = FORMATS[self._format][1] * self.channels
        self._bytes = np.zeros(self._most * width, np.uint8)
        self._width = width
        self._read = 0
        self._anew = False
        self._stamp = _Timespec()
        self._waiting = ctypes.c_ulong()

    def read(self) -> Captured:
        """See CaptureDevice."""
        # Brings the count that goes with the stamp up to date; what is wrong, reading tells
        self._library.quick.snd_pcm_avail(self._pcm)
        failed = self._library.quick.snd_pcm_htimestamp(
            self._pcm, ctypes.byref(self._waiting), ctypes.byref(self._stamp)
        )
        waiting, stamp = self._waiting.value, math.nan
        if failed == 0 and waiting <= self._most:
            stamp = self._stamp.seconds + self._stamp.nanoseconds / 1e9
        else:
            waiting = 0
        first, taken = self._read, self._fetch()
        anew, self._anew = self._anew and taken > 0, self._anew and taken == 0
        self._read += taken
        sound = as_channels(self._bytes[: taken * self._width], self._format, self.channels)
        return Captured(sound, first, first + max(waiting, taken), stamp, anew)

    def close(self) -> None:
        """See CaptureDevice."""
        pcm, self._pcm = self._pcm, ctypes.c_void_p()
        if pcm:
            self._library.waits.snd_pcm_close(pcm)

    def _fetch(self) -> int:
        """Frames that were read; the count begins anew where sound was lost."""
        taken = int(
            self._library.waits.snd_pcm_readi(self._pcm, self._bytes.ctypes.data, self._most)
        )
        if taken >= 0:
            return taken
        if -taken in _BEGINS_ANEW:
            self.overruns += 1
            self._read, self._anew = 0, True
            self._call("snd_pcm_prepare", self._pcm)
            self._call("snd_pcm_start", self._pcm)
        elif -taken != errno.EAGAIN:
            raise self._lost(-taken)
        return 0

    def _set_up(self) -> None:
        pcm, params = self._pcm, ctypes.c_void_p()
        library = self._library.waits
        rate, way = ctypes.c_uint(_RATE), ctypes.c_int(0)
        period = ctypes.c_ulong(round(_RATE * FRAME_S))
        channels = ctypes.c_uint(_CHANNELS)
        library.snd_pcm_hw_params_malloc(ctypes.byref(params))
        try:
            self._open("snd_pcm_hw_params_any", pcm, params)
            self._open("snd_pcm_hw_params_set_access", pcm, params, _INTERLEAVED)
            self._format = self._known_format(params)
            self._open("snd_pcm_hw_params_set_format", pcm, params, self._format)
            self._open("snd_pcm_hw_params_set_channels_near", pcm, params, ctypes.byref(channels))
            self._open(
                "snd_pcm_hw_params_set_rate_near",
                pcm,
                params,
                ctypes.byref(rate),
                ctypes.byref(way),
            )
            period.value = round(rate.value * FRAME_S)
            most = ctypes.c_ulong(round(rate.value * _BUFFER_S))
            self._open(
                "snd_pcm_hw_params_set_period_size_near",
                pcm,
                params,
                ctypes.byref(period),
                ctypes.byref(way),
            )
            self._open("snd_pcm_hw_params_set_buffer_size_near", pcm, params, ctypes.byref(most))
            self._open("snd_pcm_hw_params", pcm, params)
        finally:
            library.snd_pcm_hw_params_free(params)
        self.rate, self.channels, self._most = rate.value, channels.value, most.value
        software = ctypes.c_void_p()
        library.snd_pcm_sw_params_malloc(ctypes.byref(software))
        try:
            library.snd_pcm_sw_params_current(pcm, software)
            # Old kernels know no types; what their stamps are worth is seen when they come
            library.snd_pcm_sw_params_set_tstamp_mode(pcm, software, _WITH_STAMPS)
            library.snd_pcm_sw_params_set_tstamp_type(pcm, software, _MONOTONIC)
            self._open("snd_pcm_sw_params", pcm, software)
        finally:
            library.snd_pcm_sw_params_free(software)

    def _known_format(self, params: ctypes.c_void_p) -> int:
        for each in FORMATS:
            if self._library.waits.snd_pcm_hw_params_test_format(self._pcm, params, each) == 0:
                return each
        raise self._refused("its format is not known here")

    def _open(self, function: str, *arguments: object) -> None:
        """Call a function of the library; what it refuses keeps the device from being opened."""
        result = int(getattr(self._library.waits, function)(*arguments))
        if result < 0:
            busy = -result == errno.EBUSY
            raise self._refused(os.strerror(-result), "microphone_busy" if busy else None)

    def _call(self, function: str, *arguments: object) -> None:
        result = int(getattr(self._library.waits, function)(*arguments))
        if result < 0:
            raise self._lost(-result)

    def _refused(self, why: str, reason: str | None = None) -> CaptureError:
        return CaptureError(
            reason or "microphone_missing",
            f"microphone {self.name!r} cannot be opened ({why}); `arecord -L` lists the names "
            "that exist, and a name beginning with `plughw:` converts what is not known here",
        )

    def _lost(self, number: int) -> CaptureError:
        return CaptureError(
            "microphone_lost",
            f"microphone {self.name!r} was lost while recording ({os.strerror(number)})",
        )
