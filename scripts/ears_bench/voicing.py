# SPDX-License-Identifier: Apache-2.0
"""Which 10 ms of a clean voice are voiced, and how loud a voice is while it speaks.

The truth that the kiosk is measured against: taken from the voice alone, before any room or
noise. A frame is voiced where it is no more than 20 dB below the voice's level and repeats itself
with a period of 2.5 to 14 ms.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import soxr
from numpy.typing import NDArray

from test_stand.rooms import RATE, Signal

ANALYSIS_RATE: Final = 16000
_HOP: Final = ANALYSIS_RATE // 100
_WINDOW: Final = 3 * _HOP
_LAGS: Final = (ANALYSIS_RATE // 400, ANALYSIS_RATE // 70)
_PERIODIC: Final = 0.6
_QUIETEST_DB: Final = 20.0
_ACTIVE_DB: Final = 30.0


def frame_powers(sound: Signal, rate: int) -> NDArray[np.float64]:
    """Mean power of each whole 10 ms."""
    hop = rate // 100
    frames = sound[: len(sound) // hop * hop].reshape(-1, hop).astype(np.float64)
    powers: NDArray[np.float64] = np.mean(frames**2, axis=1)
    return powers


def active_frames(sound: Signal, rate: int) -> NDArray[np.bool_]:
    """For each 10 ms whether it is within 30 dB of the loudest."""
    powers = frame_powers(sound, rate)
    active: NDArray[np.bool_] = powers > powers.max() * 10 ** (-_ACTIVE_DB / 10)
    return active


def active_level_db(sound: Signal, rate: int) -> float:
    """Level (dB, full scale is 0) over the frames within 30 dB of the loudest."""
    active = frame_powers(sound, rate)[active_frames(sound, rate)]
    return float(10 * np.log10(np.mean(active) + 1e-20))


def voiced_frames(sound: Signal, rate: int = RATE) -> NDArray[np.bool_]:
    """For each 10 ms of a clean voice whether it is voiced."""
    voice = soxr.resample(sound, rate, ANALYSIS_RATE).astype(np.float64)
    padded = np.pad(voice, (_HOP, _WINDOW + _LAGS[1]))
    least = active_level_db(sound, rate) - _QUIETEST_DB
    count = len(voice) // _HOP
    found = np.zeros(count, np.bool_)
    for index in range(count):
        frame = padded[index * _HOP : index * _HOP + _WINDOW]
        power = np.mean(frame**2)
        if 10 * np.log10(power + 1e-20) < least:
            continue
        frame = frame - frame.mean()
        spectrum = np.fft.rfft(frame, 2 * _WINDOW)
        correlation = np.fft.irfft(np.abs(spectrum) ** 2)[: _LAGS[1]]
        overlap = 1 - np.arange(_LAGS[1]) / _WINDOW
        normed = correlation / overlap / (correlation[0] + 1e-20)
        found[index] = normed[_LAGS[0] :].max() > _PERIODIC
    return found
