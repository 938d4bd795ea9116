# SPDX-License-Identifier: Apache-2.0
"""Log-mel spectrum of a voice, streaming, at the voice's own sample rate.

No resampler stands before it: soxr's streams hold back 20 to 117 ms (measured), more than
the whole look-ahead of the mouth. Instead the window and the transform are as long in
seconds, and the bins as wide in hertz, at every rate; so the frames agree, and what a lower
rate cannot carry reads as silence.

Frame j is centred at j * 10 ms: samples up to 12.5 ms later are needed for it.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from driving_client.motion import FloatArray
from driving_client.utterance import Samples

MELS: Final = 40
MEL_RATE: Final = 100.0
"""Frames a second."""

HALF_WINDOW_S: Final = 0.0125
"""Half the length of the Hann window: what a frame needs beyond its instant."""

FLOOR: Final = 1e-5
_OFFSET: Final = 3.0
_SCALE: Final = 4.0
SILENCE: Final = float((np.log(FLOOR) + _OFFSET) / _SCALE)
"""Every value of a frame of digital silence."""

_LOWEST_HZ: Final = 60.0
_HIGHEST_HZ: Final = 7600.0
_BIN_HZ: Final = 31.25
_WINDOW_SUM: Final = 200.0
"""Sum of the window at 16 kHz: power is given in the units of that rate."""


def to_power(frames: FloatArray) -> FloatArray:
    """Mel power of log-mel frames, any shape; silence is FLOOR at least."""
    power: FloatArray = np.exp(frames * _SCALE - _OFFSET)
    return power


def from_power(power: FloatArray) -> FloatArray:
    """Log-mel values of mel power (0 or more), any shape."""
    frames: FloatArray = ((np.log(power + np.float32(FLOOR)) + _OFFSET) / _SCALE).astype(np.float32)
    return frames


class LogMel:
    """Feeds on samples in any chunking and gives the frames that they completed."""

    def __init__(self, sample_rate: int) -> None:
        self._rate = sample_rate
        self._window_length = round(2.0 * HALF_WINDOW_S * sample_rate)
        self._transform_length = _transform_length(sample_rate)
        window = np.hanning(self._window_length + 1)[: self._window_length]
        # Samples are scaled here, once, from int16 to +-1.
        scale = _WINDOW_SUM / float(window.sum()) / 32768.0
        self._window = (window * scale).astype(np.float32)
        self._filters = _mel_filters(sample_rate, self._transform_length)
        lead = self._window_length // 2
        self._pending: Samples = np.zeros(lead, np.int16)
        self._start = -lead  # place of the first pending sample in the audio
        self._given = 0

    def feed(self, samples: Samples) -> FloatArray:
        """Frames, shape (n, 40), float32; log of power plus FLOOR, about -2 to 2."""
        self._pending = np.concatenate([self._pending, samples])
        half = self._window_length // 2
        last_start = self._start + len(self._pending) - self._window_length
        # Frame j starts at round(j * rate / 100) - half.
        count = max(int((last_start + half) * MEL_RATE // self._rate) + 2 - self._given, 0)
        starts = self._frame_starts(np.arange(self._given, self._given + count)) - half
        starts = starts[starts <= last_start]
        if len(starts) == 0:
            return np.zeros((0, MELS), np.float32)
        places = (starts - self._start)[:, None] + np.arange(self._window_length)
        windows = self._pending[places] * self._window
        spectrum = np.fft.rfft(windows, self._transform_length, axis=1)
        power = spectrum.real**2 + spectrum.imag**2
        self._given += len(starts)
        next_start = int(self._frame_starts(np.array([self._given]))[0]) - half
        self._pending = self._pending[next_start - self._start :]
        self._start = next_start
        return from_power((power @ self._filters).astype(np.float32))

    def samples_for(self, frame: int) -> int:
        """How many samples in all must have been fed for this frame to be given."""
        centre = int(self._frame_starts(np.array([frame]))[0])
        return centre - self._window_length // 2 + self._window_length

    def _frame_starts(self, indices: NDArray[np.int64]) -> NDArray[np.int64]:
        return np.round(indices * (self._rate / MEL_RATE)).astype(np.int64)


def log_mel(samples: Samples, sample_rate: int) -> FloatArray:
    """All frames of a whole piece of audio, one for each whole or begun 10 ms."""
    stream = LogMel(sample_rate)
    count = int(np.ceil(len(samples) * MEL_RATE / sample_rate))
    tail = np.zeros(round(3 * HALF_WINDOW_S * sample_rate), np.int16)
    return stream.feed(np.concatenate([samples, tail]))[:count]


def _transform_length(sample_rate: int) -> int:
    """The least length with bins of 31.25 Hz or finer whose prime factors are 2, 3 and 5.

    At 22.05 kHz the exact length has a large prime factor and takes four times as long.
    """
    length = round(sample_rate / _BIN_HZ)
    while True:
        rest = length
        for prime in (2, 3, 5):
            while rest % prime == 0:
                rest //= prime
        if rest == 1:
            return length
        length += 1


def _mel_filters(sample_rate: int, transform_length: int) -> FloatArray:
    """Triangles of equal width in mel, shape (bins, 40); bands above the rate's half are 0."""
    lowest, highest = (2595.0 * np.log10(1.0 + hz / 700.0) for hz in (_LOWEST_HZ, _HIGHEST_HZ))
    edges = 700.0 * (10.0 ** (np.linspace(lowest, highest, MELS + 2) / 2595.0) - 1.0)
    bin_hz = sample_rate / transform_length
    bins = np.arange(transform_length // 2 + 1)[:, None] * bin_hz
    lower, centre, upper = edges[:-2], edges[1:-1], edges[2:]
    triangles = np.minimum((bins - lower) / (centre - lower), (upper - bins) / (upper - centre))
    # Finer bins are more bins: the sum stays that of bins of 31.25 Hz.
    filters: FloatArray = (np.maximum(triangles, 0.0) * (bin_hz / _BIN_HZ)).astype(np.float32)
    return filters
