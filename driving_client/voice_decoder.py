# SPDX-License-Identifier: Apache-2.0
"""From the bytes of an HTTP body to samples: a WAV or raw PCM, in any chunking.

A WAV has 16-bit PCM and one or two channels (mixed to one); raw PCM is mono, signed 16-bit
little endian, and its rate is told beside it. Samples come out as soon as they are complete.
Left out on purpose: compressed formats, and rates other than the protocol's seven (the
sender's software resamples better than we could).
"""

from __future__ import annotations

import struct
from typing import Final

import numpy as np

from driving_client.errors import DrivingError
from driving_client.sample_rates import rate_fault
from driving_client.utterance import Samples

MAX_WAV_HEADER: Final = 64 * 1024


class VoiceError(DrivingError):
    """What was sent is not a voice that can be spoken."""


class VoiceDecoder:
    """From bytes in any chunking to mono samples; `sample_rate` is known once they flow."""

    def __init__(self, sample_rate: int | None) -> None:
        self.sample_rate = sample_rate
        self._channels = 1
        self._pending = b""
        self._started = False
        self._left: int | None = None

    def feed(self, data: bytes) -> Samples:
        """Samples that are complete now, maybe none; raises VoiceError."""
        self._pending += data
        if not self._started and not self._start():
            return np.zeros(0, np.int16)
        width = 2 * self._channels
        usable = len(self._pending) - len(self._pending) % width
        if self._left is not None:
            usable = min(usable, self._left)
            self._left -= usable
        frames = np.frombuffer(self._pending[:usable], "<i2")
        self._pending = self._pending[usable:] if self._left != 0 else b""
        if self._channels == 2:
            pairs = frames.reshape(-1, 2).astype(np.int32)
            return ((pairs[:, 0] + pairs[:, 1]) // 2).astype(np.int16)
        return frames.astype(np.int16)

    def finish(self) -> None:
        """The body is complete; raises VoiceError when it ended before any sample could be."""
        if not self._started:
            raise VoiceError("the body ended before any sound; send a WAV or raw PCM")
        if self._pending:
            raise VoiceError("the body ends in the middle of a sample; send whole 16-bit samples")

    def _start(self) -> bool:
        """Whether samples begin at the start of what is pending."""
        if len(self._pending) < 4 and b"RIFF".startswith(self._pending):
            return False
        if self._pending.startswith(b"RIFF"):
            return self._read_wav_header()
        if self.sample_rate is None:
            raise VoiceError("raw PCM needs its rate: add ?sample_rate=16000 to the address")
        self._started = True
        return True

    def _read_wav_header(self) -> bool:
        data = self._pending
        if len(data) >= 12 and data[8:12] != b"WAVE":
            raise VoiceError("the body is a RIFF file but not a WAV")
        offset = 12
        rate = 0
        while len(data) >= offset + 8:
            name, size = struct.unpack_from("<4sI", data, offset)
            if name == b"data":
                if not rate:
                    raise VoiceError("the WAV has sound before its format; write `fmt ` first")
                self.sample_rate = rate
                # A WAV made while it is sent holds 0 or the largest number for "unknown".
                self._left = size if 0 < size < 0x7FFF0000 else None
                if self._left is not None:
                    # Half a frame at the end would never be used up, nor what follows it
                    self._left -= size % (2 * self._channels)
                self._pending = data[offset + 8 :]
                self._started = True
                return True
            if name == b"fmt " and len(data) >= offset + 24:
                rate = self._read_format(data, offset + 8)
            offset += 8 + size + size % 2
            if offset > MAX_WAV_HEADER:
                raise VoiceError(f"the WAV has no sound in its first {MAX_WAV_HEADER} bytes")
        return False

    def _read_format(self, data: bytes, offset: int) -> int:
        kind, channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", data, offset)
        if kind not in (1, 0xFFFE) or bits != 16:
            raise VoiceError("the WAV is not 16-bit PCM; convert it (ffmpeg -c:a pcm_s16le)")
        if channels not in (1, 2):
            raise VoiceError(f"the WAV has {channels} channels; send one or two")
        check_rate(rate)
        self._channels = channels
        return int(rate)


def check_rate(rate: int) -> int:
    """The rate itself when it is one of the protocol's; raises VoiceError."""
    if fault := rate_fault(rate):
        raise VoiceError(f"{fault}; resample the voice")
    return rate


def asked_rate(text: str | None) -> int | None:
    """The rate that a query's `sample_rate` names, None without one; raises VoiceError."""
    if text is None:
        return None
    try:
        rate = int(text)
    except ValueError as error:
        raise VoiceError(f"sample_rate={text!r:.80} is not a whole number of Hz") from error
    return check_rate(rate)
