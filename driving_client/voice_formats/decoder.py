# SPDX-License-Identifier: Apache-2.0
"""From the bytes of an HTTP body to mono samples at one rate, in any chunking.

Taken are WAV and RF64 of 8 to 32 bits or floats (one file after the other too), Ogg Opus, and raw
PCM, whose rate is told beside it; any rate from 8 to 192 kHz. Samples come out as soon as it is
certain what they are. Left out on purpose: the other compressed formats, for which decoders weigh
more than the rest of the client, and more than two channels.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Protocol

import numpy as np

from driving_client.errors import ProtocolError
from driving_client.utterance import Samples
from driving_client.voice_formats.errors import TAKEN, VoiceError, VoiceFormatError
from driving_client.voice_formats.first_bytes import OGG_OPUS, WAV, format_of, needed
from driving_client.voice_formats.ogg_opus import OggOpusDecoder
from driving_client.voice_formats.opus import OPUS_RATE, OpusMissingError
from driving_client.voice_formats.pcm import Sound
from driving_client.voice_formats.rates import Resampler, spoken_rate
from driving_client.voice_formats.raw_pcm import RawPcm
from driving_client.voice_formats.wav import WavStream

_AT_ONCE: Final = 16 * 1024
"""Bytes for one call where others wait: some four seconds of Opus, a few tenths of PCM."""


def in_turns(chunk: bytes) -> Iterator[bytes]:
    """A chunk cut so that `VoiceDecoder.feed` takes no long time for any part of it."""
    for start in range(0, len(chunk), _AT_ONCE):
        yield chunk[start : start + _AT_ONCE]


class _Source(Protocol):
    """A format's own decoder: pieces of sound, each with its rate."""

    def feed(self, data: bytes) -> Sound: ...

    def finish(self) -> Sound: ...


class VoiceDecoder:
    """One voice. `declared` is its media type, `raw_rate` the rate of raw PCM in Hz, if told."""

    def __init__(self, declared: str, raw_rate: int | None) -> None:
        self._declared = declared
        self._raw_rate = raw_rate
        self._head = b""
        self._source: _Source | None = None
        self._resampler: Resampler | None = None
        self.sample_rate = 0
        """Of the samples that come out, one of SAMPLE_RATES; 0 before the first."""

    def feed(self, data: bytes) -> Samples:
        """Samples that are complete now, maybe none; raises VoiceError."""
        if self._source is None:
            self._head += data
            if len(self._head) < needed(self._head):
                return np.zeros(0, np.int16)
            self._source, data = self._choose(), self._head
        return self._at_one_rate(self._source.feed(data))

    def finish(self) -> Samples:
        """The rest, for the body is complete; raises VoiceError where no voice can end so."""
        rest: Sound = []
        if self._source is None:
            if not self._head:
                raise VoiceError(f"the body ended before any sound; send {TAKEN}")
            self._source = self._choose()
            rest = self._source.feed(self._head)
        pieces = [self._at_one_rate(rest + self._source.finish())]
        if self._resampler is not None:
            pieces.append(self._resampler.finish())
        return np.concatenate(pieces)

    def _choose(self) -> _Source:
        kind = format_of(self._head[: needed(self._head)], self._declared)
        if kind == WAV:
            return WavStream()
        if kind == OGG_OPUS:
            return _Opus()
        if self._raw_rate is None:
            raise VoiceError(
                "the body is neither WAV nor Ogg Opus, and raw PCM needs its rate: add "
                "?sample_rate=16000 to the address"
            )
        return RawPcm(self._raw_rate)

    def _at_one_rate(self, sound: Sound) -> Samples:
        """The first piece decides the rate at which all of them come out."""
        pieces = [np.zeros(0, np.int16)]
        for rate, samples in sound:
            if self._resampler is None or self._resampler.rate_in != rate:
                if self._resampler is not None:
                    pieces.append(self._resampler.finish())
                self.sample_rate = self.sample_rate or spoken_rate(rate)
                self._resampler = Resampler(rate, self.sample_rate)
            pieces.append(self._resampler.feed(samples))
        return np.concatenate(pieces)


class _Opus:
    """Ogg Opus, with the errors of a voice."""

    def __init__(self) -> None:
        try:
            self._decoder = OggOpusDecoder()
        except OpusMissingError as error:
            told = f"the body is Ogg Opus, which is not accepted here: {error}"
            raise VoiceFormatError(told) from error

    def feed(self, data: bytes) -> Sound:
        try:
            samples = self._decoder.feed(data)
        except ProtocolError as error:
            raise VoiceError(str(error)) from error
        return [(OPUS_RATE, samples)] if len(samples) else []

    def finish(self) -> Sound:
        try:
            self._decoder.finish()
        except ProtocolError as error:
            raise VoiceError(str(error)) from error
        return []
