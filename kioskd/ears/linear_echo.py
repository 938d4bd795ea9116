# SPDX-License-Identifier: Apache-2.0
"""The part of the echo that the room makes by itself: what was played, through a learned filter.

AEC3 alone takes out more than is needed, and the visitor with it: while both speak it loses 6 to
8 dB of the visitor's voice, for it suppresses what its own filter leaves. A Kalman filter in the
frequency domain, cut into partitions (Enzner and Vary 2006; Kuech, Mabande and Enzner 2014), knows
how sure it is of each weight, so it neither unlearns the room while a visitor speaks nor takes
anything of that voice. It runs first; AEC3 then has little left to suppress. What an overdriven
loudspeaker adds, and echo later than the filter is long, is left to it.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from kioskd.ears.settings import FRAME

Sound = NDArray[np.float32]
Spectra = NDArray[np.complex64]

PARTITIONS: Final = 40
"""Frames of the past that the filter reaches: 0.4 s, for a loudspeaker's delay and the walls."""

_REMEMBERED: Final = 0.9993**2
"""How much of what is known about the room holds from frame to frame: half of it after 5 s."""

_SMOOTH: Final = 0.8
"""Of what is no echo, the power is the mean of some five frames."""

_UNKNOWN: Final = 0.9
"""How much less each later partition is expected to hold, before anything was learned."""

_LEAST: Final = 1e-6
"""A power far below what 16 bits can tell."""


class LinearEcho:
    """Ten milliseconds at a time, samples from -1 to 1; used by one thread only."""

    def __init__(self) -> None:
        bins = FRAME + 1
        self._weights = np.zeros((PARTITIONS, bins), np.complex64)
        decay = _UNKNOWN ** np.arange(PARTITIONS, dtype=np.float32)
        self._doubt: Sound = np.repeat(decay[:, np.newaxis], bins, axis=1)
        self._spectra = np.zeros((PARTITIONS, bins), np.complex64)
        self._played: Sound = np.zeros(2 * FRAME, np.float32)
        self._rest: Sound = np.zeros(bins, np.float32)
        self._silent = PARTITIONS

    def cancel(self, recorded: Sound, played: Sound) -> Sound:
        """What was recorded without the echo that the filter expects of what was played."""
        self._silent = 0 if played.any() else self._silent + 1
        if self._silent > PARTITIONS:
            # Nothing played is within the filter's reach: no echo, and nothing to learn from
            return recorded
        self._played = np.concatenate([self._played[FRAME:], played])
        self._spectra[1:] = self._spectra[:-1]
        self._spectra[0] = _spectrum(self._played)
        expected = _sound((self._spectra * self._weights).sum(axis=0))[FRAME:]
        left: Sound = recorded - expected
        self._learn(left)
        # A filter that has learned little yet, or a wrong delay, must not add an echo
        return left if float(left @ left) < float(recorded @ recorded) else recorded

    def _learn(self, left: Sound) -> None:
        error = _spectrum(np.concatenate([np.zeros(FRAME, np.float32), left]))
        spectra, weights = self._spectra, self._weights
        power = _power(spectra)
        doubt = _REMEMBERED * self._doubt + (1 - _REMEMBERED) * _power(weights)
        self._rest += (1 - _SMOOTH) * (_power(error) - self._rest)
        gain = doubt / (0.5 * (power * doubt).sum(axis=0) + 2 * self._rest + _LEAST)
        self._doubt = doubt * (1 - 0.5 * gain * power)
        # Each partition is as long as a frame: what wraps around in the transform is no echo
        response = _sound(weights + gain * np.conj(spectra) * error)
        response[:, FRAME:] = 0
        self._weights = _spectrum(response)


def _spectrum(sound: Sound) -> Spectra:
    return np.fft.rfft(sound).astype(np.complex64, copy=False)


def _sound(spectrum: Spectra) -> Sound:
    return np.fft.irfft(spectrum).astype(np.float32, copy=False)


def _power(spectrum: Spectra) -> Sound:
    power: Sound = spectrum.real**2 + spectrum.imag**2
    return power
