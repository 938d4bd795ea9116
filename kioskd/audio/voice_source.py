# SPDX-License-Identifier: Apache-2.0
"""An utterance's samples at the device's rate, from any position on, as they arrive.

soxr's stream resampler in its medium quality: 88 dB of signal to noise at 16 bits (measured
with a 1 kHz tone), and it holds back 20 to 40 ms of sound that is still arriving where the
high quality held back up to 175 ms. The resampler compensates for its own delay, so that
output frame k is second k / rate of what was put in.

What is held back is the end of a word where a pause follows. `drain` gives it, all but the last
few milliseconds (4 at 16 kHz), which depend on what follows. Then a new resampler begins a little
earlier in the utterance and leaves out what was given: whatever follows, there is no seam
(measured with loud noise at 31 pairs of rates: each sample the same to within 7 of 65,536).
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import soxr

from driving_client.utterance import Samples, Utterance

_STEP_S: Final = 0.02
_EDGE: Final = 64
"""Samples at the lower rate over which one sample's influence reaches, either way."""


class VoiceSource:
    """Reads one utterance from `start_s` on; used by the audio thread only."""

    def __init__(self, utterance: Utterance, rate: int, start_s: float, volume: float) -> None:
        self._utterance = utterance
        self._volume = np.float32(volume)
        self._next = round(start_s * utterance.sample_rate)
        self.start_s = self._next / utterance.sample_rate
        self._ready: Samples = np.zeros(0, np.int16)
        self._flushed = False
        self._rate = rate
        self._resampler: soxr.ResampleStream | None = None
        self._begin_resampler(self._next, 0)

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

    def drain(self, frames: int) -> Samples:
        """As `peek`, for a voice that pauses: also what was held back for samples to come."""
        if len(self.peek(frames)) < frames and self._resampler is not None:
            rate = self._utterance.sample_rate
            edge = _EDGE * max(rate, self._rate) // self._rate
            self._give(self._end_resampler(), self._frames(edge))
            whole = rate // math.gcd(rate, self._rate)  # so many samples are whole frames too
            passed = max(self._next - self._origin - 2 * edge, 0) // whole * whole
            self._begin_resampler(self._origin + passed, self._given - self._frames(passed))
        return self._ready[:frames]

    def consume(self, frames: int) -> None:
        """These frames of what `peek` showed have been written."""
        self._ready = self._ready[frames:]

    def _begin_resampler(self, origin: int, given: int) -> None:
        """Go on from sample `origin`, of which so many frames have been given already."""
        self._origin = self._next = origin
        self._given = given
        self._made = 0
        if self._utterance.sample_rate != self._rate:
            self._resampler = soxr.ResampleStream(
                self._utterance.sample_rate, self._rate, 1, dtype="int16", quality="MQ"
            )

    def _end_resampler(self) -> Samples:
        assert self._resampler is not None
        rest: Samples = self._resampler.resample_chunk(np.zeros(0, np.int16), last=True)
        return rest

    def _frames(self, samples: int) -> int:
        return samples * self._rate // self._utterance.sample_rate

    def _push(self, block: Samples) -> None:
        self._give(block if self._resampler is None else self._resampler.resample_chunk(block))

    def _give(self, block: Samples, unsure: int = 0) -> None:
        """Make ready what has not been given yet, without the last `unsure` frames."""
        new = block[max(self._given - self._made, 0) : max(len(block) - unsure, 0)]
        self._made += len(block)
        self._given += len(new)
        if self._volume != 1:
            new = (new * self._volume).astype(np.int16)
        self._ready = np.concatenate([self._ready, new])

    def _flush(self) -> None:
        self._flushed = True
        if self._resampler is not None:
            self._give(self._end_resampler())
            self._resampler = None
