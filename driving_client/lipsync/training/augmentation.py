# SPDX-License-Identifier: Apache-2.0
"""What a microphone, a line and a room do to a voice, imitated on mel power.

Batches have shape (batch, frames, 40). Gain, tilt and bumps of the response, another vocal
tract (a shift of the mel axis), reverberation, telephone band and the upper limit of lower
sample rates, noise and music at any level. Each is drawn anew for every item.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from driving_client.lipsync.log_mel import MELS, from_power, to_power
from driving_client.motion import FloatArray

_NOISY: Final = 0.5
_NOISE_ONLY: Final = 0.06
_REVERBERANT: Final = 0.25
_LIMITED: Final = 0.25
_WARP: Final = 1.8
"""The largest shift of the middle of the mel axis, in bands."""


class Augmentation:
    """Draws from `rng`; `bank` holds log-mel frames of sounds that are no speech."""

    def __init__(self, rng: np.random.Generator, bank: list[FloatArray]) -> None:
        self._rng = rng
        self._bank = bank

    def __call__(self, mel: FloatArray, labels: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Disturbed log-mel frames, and labels: closed where a voice gave way to noise alone."""
        rng, count = self._rng, len(mel)
        power = self._warp(to_power(mel))
        alone = rng.random(count) < _NOISE_ONLY
        power[alone] = 0.0
        labels = np.where(alone[:, None, None], np.float32(0.0), labels)
        self._reverberate(power)
        power *= self._response(count)
        power += self._noise(count, mel.shape[1], alone)
        self._limit_band(power)
        return from_power(power), labels

    def _warp(self, power: FloatArray) -> FloatArray:
        """Another vocal tract: the spectrum moves along the mel axis."""
        shift = self._rng.uniform(-_WARP, _WARP, (len(power), 1))
        bands = np.arange(MELS)
        places = np.clip(bands + shift * (bands / 20.0), 0.0, MELS - 1.0)
        lower = np.minimum(places.astype(int), MELS - 2)
        share = (places - lower).astype(np.float32)[:, None, :]
        left = np.take_along_axis(power, lower[:, None, :], 2)
        right = np.take_along_axis(power, lower[:, None, :] + 1, 2)
        warped: FloatArray = left * (1.0 - share) + right * share
        return warped

    def _response(self, count: int) -> FloatArray:
        """Level, tilt and bumps of microphone and room, shape (batch, 1, 40)."""
        rng = self._rng
        gain = rng.uniform(-34.0, 4.0, (count, 1))
        tilt = rng.uniform(-8.0, 8.0, (count, 1)) * np.linspace(-0.5, 0.5, MELS)
        bumps = np.cumsum(rng.normal(0.0, 0.5, (count, MELS)), axis=1)
        response: FloatArray = (10.0 ** ((gain + tilt + bumps) / 10.0)).astype(np.float32)
        return response[:, None, :]

    def _reverberate(self, power: FloatArray) -> None:
        """An exponential tail after every sound, 8 to 25 dB below it."""
        rng = self._rng
        chosen = np.flatnonzero(rng.random(len(power)) < _REVERBERANT)
        level = (10.0 ** rng.uniform(-2.5, -0.8, (len(chosen), 1))).astype(np.float32)
        keep = np.exp(-0.01 * 13.8 / rng.uniform(0.15, 0.7, (len(chosen), 1))).astype(np.float32)
        tail = np.zeros((len(chosen), MELS), np.float32)
        for frame in range(power.shape[1]):
            direct = power[chosen, frame]
            power[chosen, frame] += level * tail
            tail = keep * (tail + direct)

    def _noise(self, count: int, frames: int, alone: np.ndarray) -> FloatArray:
        """A piece of the bank for every noisy item, at −65 to −20 dB of full scale."""
        rng = self._rng
        noise = np.zeros((count, frames, MELS), np.float32)
        for item in np.flatnonzero(alone | (rng.random(count) < _NOISY)):
            sound = self._bank[int(rng.integers(len(self._bank)))]
            start = int(rng.integers(len(sound) - frames))
            decibels = rng.uniform(-45.0, 12.0 if alone[item] else 2.0)
            tilt = rng.uniform(-6.0, 6.0) * np.linspace(-0.5, 0.5, MELS)
            gain = (10.0 ** ((decibels + tilt) / 10.0)).astype(np.float32)
            noise[item] = to_power(sound[start : start + frames]) * gain
        return noise

    def _limit_band(self, power: FloatArray) -> None:
        """Telephone band, or nothing above the half of a low sample rate."""
        rng = self._rng
        for item in np.flatnonzero(rng.random(len(power)) < _LIMITED):
            # Band 26 is centred at 3.6 kHz, band 28 at 4.2 kHz, band 5 at 330 Hz.
            power[item, :, int(rng.integers(24, 36)) :] *= np.float32(
                10.0 ** rng.uniform(-6.0, -2.5)
            )
            if rng.random() < 0.5:
                power[item, :, : int(rng.integers(1, 6))] *= np.float32(
                    10.0 ** rng.uniform(-3.5, -1.0)
                )
