# SPDX-License-Identifier: Apache-2.0
"""An utterance's samples at the device's rate, from any position on, as they arrive.

soxr's stream resampler in its medium quality: 88 dB of signal to noise at 16 bits (measured
with a 1 kHz tone), and it holds back 20 to 40 ms of sound that is still arriving where the
high quality held back up to 175 ms. The resampler compensates for its own delay, so that
output frame k is second k / rate of what was put in.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import soxr

from driving_client.utterance import Samples, Utterance

_STEP_S: Final = 0.02


class VoiceSource:
    """Reads one utterance from `start_s` on; used by the audio thread only."""

    def __init__(self, utterance: Utterance, rate: int, start_s: float, volume: float) -> None:
        self._utterance = utterance
        self._volume = np.float32(volume)
        self._next = round(start_s * utterance.sample_rate)
        self.start_s = self._next / utterance.sample_rate
        self._ready: Samples = np.zeros(0, np.int16)
        self._flushed = False
        self._resampler: soxr.ResampleStream | None = None
        if utterance.sample_rate != rate:
            self._resampler = soxr.ResampleStream(
                utterance.sample_rate, rate, 1, dtype="int16", quality="MQ"
            )

    @property
    def exhausted(self) -> bool:
        """Whether the last sample of a complete utterance has been read."""
        return self._flushed and len(self._ready) == 0

    def peek(self, frames: int) -> Samples:
        """Up to `frames` mono samples at the device's rate; fewer where they have not come."""
        while len(self._ready) < frames and not self._flushed:
            # Asked before the samples are fetched: what ends in between is seen next time
            ended = self._utterance.audio_ended
            step = max(round(_STEP_S * self._utterance.sample_rate), 1)
            block = self._utterance.audio(self._next, step)
            self._next += len(block)
            if len(block):
                self._push(block)
            elif ended:
                self._flush()
            else:
                break
        return self._ready[:frames]

    def consume(self, frames: int) -> None:
        """These frames of what `peek` showed have been written."""
        self._ready = self._ready[frames:]

    def _push(self, block: Samples) -> None:
        if self._resampler is not None:
            block = self._resampler.resample_chunk(block)
        if self._volume != 1:
            block = (block * self._volume).astype(np.int16)
        self._ready = np.concatenate([self._ready, block])

    def _flush(self) -> None:
        self._flushed = True
        if self._resampler is not None:
            tail = self._resampler.resample_chunk(np.zeros(0, np.int16), last=True)
            self._resampler = None
            self._push(tail)
