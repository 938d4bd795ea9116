# SPDX-License-Identifier: Apache-2.0
"""Raw PCM: mono, signed 16-bit little endian, whose rate is told beside it.

Nothing in such bytes says what they are. What speech libraries send by mistake is floats, which
would be heard as loud noise, and those can be told: of every four bytes the upper two hold the
exponent, and so lie in two narrow bands, while the lower two jump about. Voices of 16 bits do
neither. The test begins where the silence ends, for zeros are the same in both.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from driving_client.voice_formats.errors import VoiceError, VoiceFormatError
from driving_client.voice_formats.pcm import Sound

_LOOKED_AT: Final = 512
"""Bytes of sound that decide: 16 ms at 16 kHz."""
_HELD_SILENCE: Final = 8 * 1024
"""Bytes of silence that wait for what follows them; more of it goes on ahead."""
_ALIGNED: Final = 8
_FEWEST: Final = 8
_JUMPS: Final = 4000.0


class RawPcm:
    """From bytes in any chunking to samples; `sample_rate` is what the sender says."""

    def __init__(self, sample_rate: int) -> None:
        self._sample_rate = sample_rate
        self._pending = b""
        self._decided = False

    def feed(self, data: bytes) -> Sound:
        """Rate and samples of what is complete; raises VoiceFormatError for floats."""
        self._pending += data
        if not self._decided:
            silent = self._silence()
            if len(self._pending) - silent < _LOOKED_AT:
                return self._take(silent) if silent > _HELD_SILENCE else []
            self._decide(silent)
        return self._take(len(self._pending) - len(self._pending) % 2)

    def finish(self) -> Sound:
        """The same for the end of the body; raises VoiceError where a sample is cut off."""
        if not self._decided:
            self._decide(self._silence())
        if len(self._pending) % 2:
            raise VoiceError("the body ends in the middle of a sample; send whole 16-bit samples")
        return self._take(len(self._pending))

    def _silence(self) -> int:
        """Bytes that are zero at the start of what is pending, in whole words."""
        zeros = len(self._pending) - len(self._pending.lstrip(b"\0"))
        return zeros - zeros % _ALIGNED

    def _decide(self, silent: int) -> None:
        kind = float_kind(self._pending[silent : silent + _LOOKED_AT])
        if kind:
            raise VoiceFormatError(
                f"the body looks like raw {kind}-bit float PCM, which is not accepted; convert it: "
                f"ffmpeg -f f{kind}le -ar {self._sample_rate} -ac 1 -i FILE -c:a pcm_s16le "
                "voice.wav"
            )
        self._decided = True

    def _take(self, count: int) -> Sound:
        taken, self._pending = self._pending[:count], self._pending[count:]
        return [(self._sample_rate, np.frombuffer(taken, "<i2").astype(np.int16))] if taken else []


def float_kind(data: bytes) -> int:
    """32 or 64 where the bytes look like floats of a voice, else 0."""
    if _are_floats(data, 8):
        # The lower half of a 64-bit float is any number; of two 32-bit floats it is one itself
        lower = np.frombuffer(data[: len(data) - len(data) % 8], "<f4")[::2]
        if np.count_nonzero(_in_bands(lower)) < 0.5 * len(lower):
            return 64
    return 32 if _are_floats(data, 4) else 0


def _in_bands(words: NDArray[np.floating[Any]]) -> NDArray[np.bool_]:
    """Which are as large as a voice's samples, full scale being 1.0, and not zero."""
    with np.errstate(invalid="ignore"):
        sizes = np.abs(words)
    inside: NDArray[np.bool_] = (sizes > 2.0**-30) & (sizes < 4.0)
    return inside


def _are_floats(data: bytes, width: int) -> bool:
    whole = data[: len(data) - len(data) % width]
    halves = np.frombuffer(whole, "<i2").reshape(-1, width // 2)
    sounding = halves.any(axis=1)
    if np.count_nonzero(sounding) < _FEWEST:
        return False
    words = np.frombuffer(whole, f"<f{width}")[sounding]
    upper, lower = (halves[sounding, place].astype(np.float64) for place in (-1, -2))
    jumps = np.abs(upper - lower).mean() > _JUMPS
    varied = len(np.unique(words)) >= _FEWEST
    inside = np.count_nonzero(_in_bands(words)) >= 0.95 * len(words)
    # A square wave at half of full scale would be floats of 1 to 4 and nothing softer
    soft = np.count_nonzero(np.abs(words) <= 1.0) >= 0.1 * len(words)
    return bool(varied and jumps and inside and soft)
