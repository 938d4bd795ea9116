# SPDX-License-Identifier: Apache-2.0
"""Jaw motion from bare loudness, for audio that comes without its text.

An interim until a model turns audio into mouth shapes: loudness tells when a mouth is open
but not what it says (r 0.3 to 0.5 with the true opening in the field's and our measurements),
so the lips keep one neutral shape and never close on p, b or m.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from driving_client.motion import FRAME_RATE, FloatArray
from driving_client.retarget.mouth import CONTROL_NAMES, OPEN, WIDE
from driving_client.utterance import Samples

_GATE: Final = 0.006
"""RMS below this (−44 dB of full scale) is silence: the mouth closes."""

_LEAST_PEAK: Final = 0.06
"""The loudest RMS assumed before any was heard, so that quiet starts do not gape."""

_PEAK_HOLD: Final = 0.995
_ATTACK: Final = 0.75
_DECAY: Final = 0.45
_LARGEST_OPENING: Final = 0.75
_SPREAD: Final = 0.25


class LoudnessMouth:
    """Feeds on samples in any chunking and gives one row of controls for each whole 40 ms."""

    def __init__(self, sample_rate: int) -> None:
        self._step = sample_rate / FRAME_RATE
        self._pending: Samples = np.zeros(0, np.int16)
        self._taken = 0  # frames given so far
        self._start = 0  # sample index of the first pending sample
        self._peak = _LEAST_PEAK
        self._opening = 0.0

    def feed(self, samples: Samples) -> FloatArray:
        """Controls, shape (n, 6), of the frames that these samples completed."""
        self._pending = np.concatenate([self._pending, samples])
        rows = []
        while True:
            end = round((self._taken + 1) * self._step) - self._start
            if end > len(self._pending):
                break
            rows.append(self._row(self._pending[:end]))
            self._pending = self._pending[end:]
            self._start += end
            self._taken += 1
        if not rows:
            return np.zeros((0, len(CONTROL_NAMES)), np.float32)
        return np.stack(rows)

    def finish(self) -> FloatArray:
        """Nothing is owed: a part of 40 ms at the end has no row."""
        return np.zeros((0, len(CONTROL_NAMES)), np.float32)

    def _row(self, samples: Samples) -> FloatArray:
        level = float(np.sqrt(np.mean((samples.astype(np.float64) / 32768.0) ** 2)))
        self._peak = max(level, self._peak * _PEAK_HOLD, _LEAST_PEAK)
        goal = (level / self._peak) ** 0.7 * _LARGEST_OPENING if level > _GATE else 0.0
        self._opening += (goal - self._opening) * (_ATTACK if goal > self._opening else _DECAY)
        if self._opening < 0.02:
            self._opening = 0.0
        row = np.zeros(len(CONTROL_NAMES), np.float32)
        row[OPEN] = self._opening
        row[WIDE] = _SPREAD * self._opening
        return row
