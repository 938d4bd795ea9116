# SPDX-License-Identifier: Apache-2.0
"""Any sample rate in, one of the protocol's out.

A voice at one of the seven goes through untouched. Another is raised to the next of them, or
lowered to the highest, by soxr's stream in medium quality. What comes out does not depend on
how the voice was cut into pieces (measured: bit by bit the same, at five pairs of rates).
"""

from __future__ import annotations

from typing import Final

import numpy as np
import soxr

from driving_client.sample_rates import SAMPLE_RATES
from driving_client.utterance import Samples
from driving_client.voice_formats.errors import VoiceError

LOWEST_RATE: Final = 8000
HIGHEST_RATE: Final = 192000


def is_taken(rate: int) -> bool:
    """Whether a voice may have that many samples a second."""
    return LOWEST_RATE <= rate <= HIGHEST_RATE


def asked_rate(text: str | None) -> int | None:
    """The rate that a query's `sample_rate` names, None without one; raises VoiceError."""
    if text is None:
        return None
    # Not int() alone: it takes 16_000, +16000 and the digits of every script
    if not (text.isascii() and text.isdigit() and len(text) <= 20):
        raise VoiceError(f"sample_rate={text!r:.80} is not a whole number of Hz")
    rate = int(text)
    if not is_taken(rate):
        raise VoiceError(
            f"sample rate {text:.20} Hz is not one of {LOWEST_RATE} to {HIGHEST_RATE}; resample "
            "the voice, or mend the number"
        )
    return rate


def spoken_rate(rate: int) -> int:
    """The protocol's rate at which a voice of this one is spoken."""
    return min((each for each in SAMPLE_RATES if each >= rate), default=max(SAMPLE_RATES))


class Resampler:
    """One voice, mono 16-bit, from one rate to another, in pieces; the same rate costs nothing."""

    def __init__(self, rate_in: int, rate_out: int) -> None:
        self.rate_in = rate_in
        self._stream = (
            None
            if rate_in == rate_out
            else soxr.ResampleStream(rate_in, rate_out, 1, dtype="float32", quality="MQ")
        )

    def feed(self, samples: Samples) -> Samples:
        """What is ready; the stream holds some back."""
        return samples if self._stream is None else self._resample(samples, False)

    def finish(self) -> Samples:
        """What was held back."""
        nothing = np.zeros(0, np.int16)
        return nothing if self._stream is None else self._resample(nothing, True)

    def _resample(self, samples: Samples, last: bool) -> Samples:
        assert self._stream is not None
        floats = self._stream.resample_chunk(samples.astype(np.float32), last=last)
        whole: Samples = np.clip(np.rint(floats), -32768, 32767).astype(np.int16)
        return whole
