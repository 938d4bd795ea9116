# SPDX-License-Identifier: Apache-2.0
"""From a card's mono sound to frames at 16 kHz, each with the place it has among the card's.

soxr's engine for variable rates is used, for it answers evenly, 12.5 ms behind; the other one gives
what it has in lumps, 20 to 40 ms behind (measured in steps of 10 ms, at 48 and 44.1 kHz). What it
lets through above 8 kHz is 114 dB down. Its output lies 0.10 ms behind its input, which is counted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import soxr
from numpy.typing import NDArray

from kioskd.ears.frames import Samples
from kioskd.ears.settings import FRAME, RATE

Sound = NDArray[np.float32]

_BEHIND_S: Final = 1.0e-4


@dataclass(frozen=True, slots=True)
class Piece:
    """A frame; `place` is the card's frame, counted from the stream's first, that it begins at."""

    samples: Samples
    place: float


class Framing:
    """Of one stream from its beginning; a new one for what begins anew or has another rate."""

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._same = rate == RATE
        self._stream = soxr.ResampleStream(rate, RATE, 1, dtype="float32", quality="HQ", vr=True)
        self._rest = np.zeros(0, np.float32)
        self._given = 0

    def feed(self, sound: Sound) -> list[Piece]:
        """The frames that are whole by now."""
        converted = sound if self._same else self._stream.resample_chunk(sound)
        waiting = np.concatenate([self._rest, converted])
        whole = len(waiting) // FRAME * FRAME
        self._rest = waiting[whole:]
        samples = np.rint(np.clip(waiting[:whole] * 32768, -32768, 32767)).astype(np.int16)
        pieces = [
            Piece(samples[begin : begin + FRAME], self._place(self._given + begin))
            for begin in range(0, whole, FRAME)
        ]
        self._given += whole
        return pieces

    def _place(self, sample: int) -> float:
        behind_s = 0.0 if self._same else _BEHIND_S
        return (sample / RATE - behind_s) * self._rate
