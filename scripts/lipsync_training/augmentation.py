# SPDX-License-Identifier: Apache-2.0
"""What a microphone, a line and a room do to a voice, imitated on mel power.

Batches have shape (batch, frames, 40). Gain, tilt and bumps of the response, another vocal
tract (a shift of the mel axis), reverberation, telephone band and the upper limit of lower
sample rates, noise and music at any level. Each is drawn anew for every item.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from driving_client.lipsync.log_mel import MELS, from_power, to_power
from driving_client.motion import FloatArray

Flags = NDArray[np.bool_]

_NOISY: Final = 0.5
_NOISE_ONLY: Final = 0.16
_QUIET: Final = 0.10
_REVERBERANT: Final = 0.25
_LIMITED: Final = 0.25
_NOISE_TO_SPEECH: Final = (-4.0, -0.2)
"""Power of ten of the noise's share: 40 to 2 dB below the louder parts of the speech."""

_NOISE_BEGINS: Final = 0.3
_WARP: Final = 1.8
"""The largest shift of the middle of the mel axis, in bands."""

_HISS_WARP: Final = (-1.0, 4.0)
"""How many bands everything above 2.5 kHz moves up: a woman's s and sh lie further above a
man's than her vowels above his, and natural women are few in the corpus."""


class Augmentation:
    """Draws from `rng`; `bank` holds log-mel frames of sounds that are not speech."""

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
        self._add_noise(power, alone)
        self._limit_band(power)
        return from_power(power), labels

    def _warp(self, power: FloatArray) -> FloatArray:
        """Another vocal tract: the spectrum moves along the mel axis."""
        shift = self._rng.uniform(-_WARP, _WARP, (len(power), 1))
        hiss = self._rng.uniform(*_HISS_WARP, (len(power), 1))
        bands = np.arange(MELS)
        moved = bands - shift * (bands / 20.0) - hiss * np.clip((bands - 14) / 8.0, 0.0, 1.0)
        places = np.clip(moved, 0.0, MELS - 1.0)
        lower = np.minimum(places.astype(int), MELS - 2)
        share = (places - lower).astype(np.float32)[:, None, :]
        left = np.take_along_axis(power, lower[:, None, :], 2)
        right = np.take_along_axis(power, lower[:, None, :] + 1, 2)
        warped: FloatArray = left * (1.0 - share) + right * share
        return warped

    def _response(self, count: int) -> FloatArray:
        """Level, tilt and bumps of microphone and room, shape (batch, 1, 40)."""
        rng = self._rng
        quiet = rng.random((count, 1)) < _QUIET
        gain = np.where(
            quiet, rng.uniform(-50.0, -34.0, (count, 1)), rng.uniform(-34.0, 4.0, (count, 1))
        )
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

    def _add_noise(self, power: FloatArray, alone: Flags) -> None:
        """A piece of the bank for every noisy item; it may begin in the middle of the item."""
        rng, (count, frames, _) = self._rng, power.shape
        for item in np.flatnonzero(alone | (rng.random(count) < _NOISY)):
            sound = self._bank[int(rng.integers(len(self._bank)))]
            start = int(rng.integers(len(sound) - frames))
            noise = to_power(sound[start : start + frames])
            noise *= (10.0 ** (rng.uniform(-0.6, 0.6) * np.linspace(-0.5, 0.5, MELS))).astype(
                np.float32
            )
            if alone[item]:
                level = 10.0 ** rng.uniform(-5.0, 1.2)
            else:
                above = power[item].sum(axis=1)
                level = float(np.percentile(above, 75) / noise.sum(axis=1).mean())
                level *= 10.0 ** rng.uniform(*_NOISE_TO_SPEECH)
            if rng.random() < _NOISE_BEGINS:
                noise[: int(rng.integers(frames))] = 0.0
            power[item] += noise * np.float32(level)

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
