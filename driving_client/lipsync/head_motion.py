# SPDX-License-Identifier: Apache-2.0
"""A little head motion to speech: nods with its energy, and a slow sway.

Deterministic: the same audio gives the same motion. Small on purpose (below 3 degrees): a
head that is still while it speaks looks dead, one that swings looks like a puppet. The
vendor's recording moves its neck by 0.02 to 0.03 rad around its mean.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from driving_client.motion import FRAME_RATE, FloatArray
from driving_client.utterance import Samples

_NOD: Final = 0.09
_SWAY: Final = (0.010, 0.022, 0.010)
_PERIODS: Final = (3.7, 5.3, 6.7)
_FADE_S: Final = 0.4
_SMOOTHING_S: Final = 0.16


class HeadGesture:
    """Feeds on the level of each frame and gives neck rotations, axis-angle radians."""

    def __init__(self) -> None:
        self._index = 0
        self._fast = 0.0
        self._slow = 0.0

    def feed(self, levels: FloatArray) -> FloatArray:
        """Neck rotations, shape (n, 3), for levels, shape (n,), 0 to 1, one per frame."""
        rows = np.zeros((len(levels), 3), np.float32)
        for row, level in zip(rows, levels, strict=True):
            row[:] = self._step(float(level))
        return rows

    def _step(self, level: float) -> tuple[float, float, float]:
        self._fast += (level - self._fast) / (1.0 + _SMOOTHING_S * FRAME_RATE)
        self._slow += (level - self._slow) / (1.0 + 6.0 * _SMOOTHING_S * FRAME_RATE)
        seconds = self._index / FRAME_RATE
        self._index += 1
        begun = min(seconds / _FADE_S, 1.0)
        pitch, yaw, roll = (
            begun * amount * math.sin(2.0 * math.pi * seconds / period)
            for amount, period in zip(_SWAY, _PERIODS, strict=True)
        )
        # +x pitches the head down: stressed syllables nod.
        return (pitch + _NOD * (self._fast - self._slow), yaw, roll)


def fade_out(neck: FloatArray) -> FloatArray:
    """The rotations with their last 0.4 s eased to zero, so that the face comes to rest."""
    count = min(len(neck), round(_FADE_S * FRAME_RATE))
    if count == 0:
        return neck
    faded = neck.copy()
    ramp = 0.5 + 0.5 * np.cos(np.pi * np.arange(1, count + 1) / count)
    faded[-count:] *= ramp[:, None].astype(np.float32)
    return faded


def levels_of(samples: Samples, sample_rate: int, frames: int) -> FloatArray:
    """Loudness per frame, shape (frames,), 0 to 1, relative to the loudest of them."""
    edges = np.round(np.arange(frames + 1) * sample_rate / FRAME_RATE).astype(int)
    squares = np.concatenate([[0.0], np.cumsum((samples.astype(np.float64) / 32768.0) ** 2)])
    edges = np.minimum(edges, len(samples))
    width = np.maximum(np.diff(edges), 1)
    rms = np.sqrt((squares[edges[1:]] - squares[edges[:-1]]) / width)
    relative: FloatArray = (rms / max(float(rms.max(initial=0.0)), 1e-3)).astype(np.float32)
    return relative
