# SPDX-License-Identifier: Apache-2.0
"""Figures from signals: how much echo is gone, and how much of a visitor's voice is left.

Both signals of a comparison lie on one clock to some milliseconds; what is left of that is found
here by correlation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ears_bench.stage import HEARD_RATE, Visit
from ears_bench.voicing import frame_powers

Sound = NDArray[np.float32]

_LOUD_DB: Final = 25.0
_FLOOR: Final = 1e-9
_FFT: Final = 512
_HOP: Final = 128
_GROUP_FRAMES: Final = 20
_GROUP_BINS: Final = 4
_LOWEST_BIN: Final = round(100 * _FFT / HEARD_RATE)
_HIGHEST_BIN: Final = round(7000 * _FFT / HEARD_RATE)
_MOST_SHIFT: Final = HEARD_RATE // 50


@dataclass(frozen=True, slots=True, eq=False)
class Double:
    """A visitor's voice without the kiosk's, what became of both, and the loss of the first."""

    visit: Visit
    alone: Sound
    clean: Sound
    loss_db: float


def echo_reductions(recorded: Sound, echo: Sound, clean: Sound) -> list[float]:
    """For each second in which the kiosk's voice sounds: dB from what was recorded to what is left.

    Only frames within 25 dB of the loudest count: elsewhere there is no echo to reduce.
    """
    length = min(len(recorded), len(echo), len(clean)) // HEARD_RATE * HEARD_RATE
    if not length:
        return []
    before, own, after = (
        frame_powers(each[:length], HEARD_RATE) for each in (recorded, echo, clean)
    )
    loud = own > own.max() * 10 ** (-_LOUD_DB / 10)
    found = []
    for begin in range(0, len(own), 100):
        part = slice(begin, begin + 100)
        if loud[part].sum() < 30:
            continue
        gone = before[part][loud[part]].mean() / (after[part][loud[part]].mean() + _FLOOR)
        found.append(float(10 * np.log10(gone)))
    return found


def voice_loss(alone: Sound, clean: Sound) -> float:
    """dB by which the visitor's part of `clean` is weaker than `alone`.

    The part of `clean` that follows `alone` is found by regression in groups of 0.16 s and four
    bins, in which what is left of the echo does not follow it.
    """
    clean = clean[: len(alone)]
    alone = alone[: len(clean)]
    clean = np.roll(clean, -shift_between(alone, clean))
    voice, heard = _spectra(alone), _spectra(clean)
    kept = total = 0.0
    for top in range(0, len(voice) - _GROUP_FRAMES + 1, _GROUP_FRAMES):
        frames = slice(top, top + _GROUP_FRAMES)
        for low in range(_LOWEST_BIN, _HIGHEST_BIN, _GROUP_BINS):
            ours, theirs = (
                each[frames, low : low + _GROUP_BINS].ravel() for each in (voice, heard)
            )
            power = float(np.vdot(ours, ours).real)
            follows = float(abs(np.vdot(ours, theirs))) ** 2 / (power + 1e-20)
            # A group of n values follows anything by 1/n
            rest = float(np.vdot(theirs, theirs).real) - follows
            kept += max(follows - rest / (len(ours) - 1), 0.0)
            total += power
    return float(-10 * np.log10((kept + _FLOOR) / (total + _FLOOR)))


def shift_between(one: Sound, other: Sound, most: int = _MOST_SHIFT) -> int:
    """By how many samples `other` is later, by their correlation; `most` either way."""
    size = 1 << (len(one) + len(other) - 1).bit_length()
    cross = np.fft.irfft(np.fft.rfft(other, size) * np.conj(np.fft.rfft(one, size)))
    lags = np.r_[0 : most + 1, -most:0]
    return int(lags[np.argmax(cross[lags])])


def _spectra(sound: Sound) -> NDArray[np.complex128]:
    windows = np.lib.stride_tricks.sliding_window_view(sound.astype(np.float64), _FFT)[::_HOP]
    spectra: NDArray[np.complex128] = np.fft.rfft(windows * np.hanning(_FFT))
    return spectra
