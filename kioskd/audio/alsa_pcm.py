# SPDX-License-Identifier: Apache-2.0
"""An ALSA PCM, opened without blocking, through libasound itself; for playing and for recording.

pyalsaaudio 0.11 keeps Python's lock while a device is opened, closed, dropped or prepared, and a
sound server that does not answer would stop the picture with the voice (measured: all of the
process stood still for as long as PulseAudio was stopped). Here whatever may wait gives the lock
back; what is asked every 10 ms and never waits keeps it.

Results are ALSA's: frames, or a negative error number. What a device does not offer is taken as
near to it as can be, and is to be read back. Measured with the pulse plugin of alsa-plugins 1.2.7:
`avail` of a recording says −32 until it was started.
"""

from __future__ import annotations

import ctypes
import errno
import math
import os
from collections.abc import Sequence
from functools import cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

PLAYBACK: Final = 0
CAPTURE: Final = 1

_NONBLOCK: Final = 1
_INTERLEAVED: Final = 3
_WITH_STAMPS: Final = 1
_MONOTONIC: Final = 1
_STOPPED: Final = 1
_LAST_FORMAT: Final = 52


class AlsaError(Exception):
    """A device that cannot be opened; `number` is the error's, 0 where its formats are unknown."""

    def __init__(self, text: str, number: int = 0) -> None:
        super().__init__(text)
        self.number = number


class _Timespec(ctypes.Structure):
    _fields_ = (("seconds", ctypes.c_long), ("nanoseconds", ctypes.c_long))


class _Library:
    """libasound, opened once it is needed: `waits` gives Python's lock back, `quick` keeps it."""

    def __init__(self) -> None:
        self.waits = ctypes.CDLL("libasound.so.2")
        self.quick = ctypes.PyDLL("libasound.so.2")
        for name in ("snd_pcm_readi", "snd_pcm_writei"):
            function = getattr(self.waits, name)
            function.restype = ctypes.c_long
            function.argtypes = (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_ulong)
        self.quick.snd_pcm_avail.restype = ctypes.c_long
        self.waits.snd_pcm_format_name.restype = ctypes.c_char_p


@cache
def _library() -> _Library:
    return _Library()


class AlsaPcm:
    """Used by one thread at a time; raises AlsaError when it is made and never later.

    The first of `formats` that the device has is taken. It holds `buffer_s` in periods of
    `period_s`.
    """

    def __init__(
        self,
        name: str,
        direction: int,
        formats: Sequence[int],
        rate: int,
        channels: int,
        period_s: float,
        buffer_s: float,
    ) -> None:
        self._library = _library()
        self._pcm = ctypes.c_void_p()
        self._waiting, self._stamp = ctypes.c_ulong(), _Timespec()
        self._must("snd_pcm_open", ctypes.byref(self._pcm), os.fsencode(name), direction, _NONBLOCK)
        try:
            self._set_hardware(formats, rate, channels, period_s, buffer_s)
            self._set_software()
        except AlsaError:
            self.close()
            raise

    def avail(self) -> int:
        """Frames that can be written, or read."""
        return self._ask(self._library.quick.snd_pcm_avail)

    def htimestamp(self) -> tuple[int, float]:
        """What `avail` said last, and the monotonic time of that as the driver has it: not a number
        where it has none."""
        failed = self._ask(
            self._library.quick.snd_pcm_htimestamp,
            ctypes.byref(self._waiting),
            ctypes.byref(self._stamp),
        )
        if failed or self._waiting.value > self.buffer_frames:
            return 0, math.nan
        return self._waiting.value, self._stamp.seconds + self._stamp.nanoseconds / 1e9

    def write(self, data: bytes, frames: int) -> int:
        """Play these."""
        if self._ask(self._library.quick.snd_pcm_state) == _STOPPED:
            self.prepare()
        return self._ask(self._library.waits.snd_pcm_writei, data, frames)

    def read(self, into: NDArray[np.uint8], frames: int) -> int:
        """Record so many at most."""
        return self._ask(self._library.waits.snd_pcm_readi, into.ctypes.data, frames)

    def prepare(self) -> int:
        """Be ready again after an error or a stop."""
        return self._ask(self._library.waits.snd_pcm_prepare)

    def start(self) -> int:
        """Begin to record."""
        return self._ask(self._library.waits.snd_pcm_start)

    def drop(self) -> int:
        """Stop at once, and forget what is queued."""
        return self._ask(self._library.waits.snd_pcm_drop)

    def close(self) -> None:
        """Let go of the device; what is queued is not waited for."""
        pcm, self._pcm = self._pcm, ctypes.c_void_p()
        if pcm:
            self._library.waits.snd_pcm_close(pcm)

    def _ask(self, function: Any, *arguments: object) -> int:
        """What the library answers; it would crash on a device that is closed."""
        return int(function(self._pcm, *arguments)) if self._pcm else -errno.ENODEV

    def _set_hardware(
        self, formats: Sequence[int], rate: int, channels: int, period_s: float, buffer_s: float
    ) -> None:
        pcm, params, library = self._pcm, ctypes.c_void_p(), self._library.waits
        hertz, count, near = ctypes.c_uint(rate), ctypes.c_uint(channels), ctypes.c_int(0)
        library.snd_pcm_hw_params_malloc(ctypes.byref(params))

        def choose(what: str, value: ctypes.c_uint | ctypes.c_ulong) -> None:
            function = f"snd_pcm_hw_params_set_{what}_near"
            self._must(function, pcm, params, ctypes.byref(value), ctypes.byref(near))

        try:
            self._must("snd_pcm_hw_params_any", pcm, params)
            self._must("snd_pcm_hw_params_set_access", pcm, params, _INTERLEAVED)
            self.format = self._choose_format(params, formats)
            self._must("snd_pcm_hw_params_set_format", pcm, params, self.format)
            self._must("snd_pcm_hw_params_set_channels_near", pcm, params, ctypes.byref(count))
            choose("rate", hertz)
            period = ctypes.c_ulong(round(hertz.value * period_s))
            choose("period_size", period)
            periods = ctypes.c_uint(max(round(buffer_s / period_s), 2))
            choose("periods", periods)
            self._must("snd_pcm_hw_params", pcm, params)
            most = ctypes.c_ulong()
            self._must("snd_pcm_hw_params_get_buffer_size", params, ctypes.byref(most))
        finally:
            library.snd_pcm_hw_params_free(params)
        self.rate, self.channels = hertz.value, count.value
        self.period_frames, self.buffer_frames = period.value, most.value

    def _choose_format(self, params: ctypes.c_void_p, formats: Sequence[int]) -> int:
        library = self._library.waits

        def has(each: int) -> bool:
            return bool(library.snd_pcm_hw_params_test_format(self._pcm, params, each) == 0)

        for each in formats:
            if has(each):
                return each
        others = [each for each in range(_LAST_FORMAT + 1) if has(each)]
        names = ", ".join(library.snd_pcm_format_name(each).decode() for each in others)
        raise AlsaError(f"it takes {names} only")

    def _set_software(self) -> None:
        library, software = self._library.waits, ctypes.c_void_p()
        library.snd_pcm_sw_params_malloc(ctypes.byref(software))
        try:
            library.snd_pcm_sw_params_current(self._pcm, software)
            # What time stamps are worth is seen when they come
            library.snd_pcm_sw_params_set_tstamp_mode(self._pcm, software, _WITH_STAMPS)
            library.snd_pcm_sw_params_set_tstamp_type(self._pcm, software, _MONOTONIC)
            self._must("snd_pcm_sw_params", self._pcm, software)
        finally:
            library.snd_pcm_sw_params_free(software)

    def _must(self, function: str, *arguments: object) -> None:
        result = int(getattr(self._library.waits, function)(*arguments))
        if result < 0:
            raise AlsaError(os.strerror(-result), -result)
