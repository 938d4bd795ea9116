# SPDX-License-Identifier: Apache-2.0
"""Packets of Opus to samples and back, mono at 16 kHz: Debian's libopus through ctypes.

It is loaded at first use, 0.3 MB that every Debian with ffmpeg has, so that nothing else needs it.
What packets travel in is not known here.

The encoder is set for a voice: 24 kbit/s of variable rate, complexity 5. Measured with speech of
espeak-ng, one core of an EPYC: 0.09 ms for a packet of 20 ms (complexity 9, libopus' own choice:
0.18), 53 bytes a packet on average and 82 at most, 8 of silence.
"""

from __future__ import annotations

import ctypes
import functools
from typing import Any, Final

import numpy as np

from driving_client.errors import DrivingError, ProtocolError
from driving_client.utterance import Samples

OPUS_RATE: Final = 16000
"""Hz of the samples on this side: what speech models hear, whatever a packet was made of."""
OPUS_DELAY: Final = 104
"""Samples by which what is decoded lags behind what `OpusEncoder` was given: 6.5 ms."""
BITRATE: Final = 24000
LONGEST_PACKET: Final = 1275
"""Bytes of one frame, by RFC 6716."""

_LIBRARY: Final = "libopus.so.0"
_LONGEST_SAMPLES: Final = OPUS_RATE * 120 // 1000
_COMPLEXITY: Final = 5
_VOICE: Final = 2048
_SET_BITRATE: Final = 4002
_SET_COMPLEXITY: Final = 4010
_LENGTHS: Final = (160, 320)


class OpusMissingError(DrivingError):
    """libopus is not installed: no Opus can be decoded or made here."""


def opus_fault() -> str:
    """Why there is no Opus here, and what brings it; empty where there is."""
    try:
        _library()
    except OpusMissingError as error:
        return str(error)
    return ""


class OpusDecoder:
    """One stream, packet by packet; raises OpusMissingError when it is made without libopus."""

    def __init__(self) -> None:
        self._library = _library()
        self._state = _made(self._library.opus_decoder_create, "decoder")
        self._samples: Samples = np.zeros(_LONGEST_SAMPLES, np.int16)

    def __call__(self, packet: bytes) -> Samples:
        """The samples of one packet, as a copy; raises ProtocolError for a damaged one."""
        if not packet:
            raise ProtocolError("Opus: an empty packet")
        pointer = self._samples.ctypes.data_as(ctypes.POINTER(ctypes.c_int16))
        count = self._library.opus_decode(
            self._state, packet, len(packet), pointer, len(self._samples), 0
        )
        if count < 0:
            raise ProtocolError(f"Opus: a packet of {len(packet)} bytes is damaged ({count})")
        return self._samples[:count].copy()

    def __del__(self) -> None:
        state = getattr(self, "_state", None)
        if state:
            self._library.opus_decoder_destroy(state)


class OpusEncoder:
    """A voice, packet by packet; raises OpusMissingError when it is made without libopus."""

    def __init__(self) -> None:
        self._library = _library()
        self._state = _made(self._library.opus_encoder_create, "encoder", _VOICE)
        for request, value in ((_SET_BITRATE, BITRATE), (_SET_COMPLEXITY, _COMPLEXITY)):
            self._library.opus_encoder_ctl(self._state, request, ctypes.c_int(value))
        self._packet = ctypes.create_string_buffer(LONGEST_PACKET)

    def __call__(self, samples: Samples) -> bytes:
        """The packet of 160 or 320 samples, 10 or 20 ms."""
        assert len(samples) in _LENGTHS
        voice = np.ascontiguousarray(samples, np.int16)
        pointer = voice.ctypes.data_as(ctypes.POINTER(ctypes.c_int16))
        count = self._library.opus_encode(
            self._state, pointer, len(voice), self._packet, LONGEST_PACKET
        )
        if count < 0:
            raise DrivingError(f"{_LIBRARY} makes no packet (error {count})")
        return self._packet.raw[:count]

    def __del__(self) -> None:
        state = getattr(self, "_state", None)
        if state:
            self._library.opus_encoder_destroy(state)


def _made(create: Any, what: str, *purpose: int) -> int:
    """The state of a decoder or encoder, mono at OPUS_RATE."""
    error = ctypes.c_int()
    state: int | None = create(OPUS_RATE, 1, *purpose, ctypes.byref(error))
    if error.value != 0 or not state:
        raise OpusMissingError(f"{_LIBRARY} makes no {what} (error {error.value})")
    return state


@functools.cache
def _library() -> Any:
    try:
        library = ctypes.CDLL(_LIBRARY)
    except OSError as error:
        raise OpusMissingError(
            f"{_LIBRARY} is missing, which decodes Opus and makes it; install it, on Debian with "
            f"`apt install libopus0`, or send PCM ({error})"
        ) from error
    number, state = ctypes.c_int32, ctypes.c_void_p
    samples = ctypes.POINTER(ctypes.c_int16)
    library.opus_decoder_create.restype = library.opus_encoder_create.restype = state
    library.opus_decoder_destroy.argtypes = library.opus_encoder_destroy.argtypes = [state]
    library.opus_decode.argtypes = [
        state,
        ctypes.c_char_p,
        number,
        samples,
        ctypes.c_int,
        ctypes.c_int,
    ]
    library.opus_encode.argtypes = [state, samples, ctypes.c_int, ctypes.c_char_p, number]
    # Of variable arguments ctypes knows only those that are named
    library.opus_encoder_ctl.argtypes = [state, ctypes.c_int]
    return library
