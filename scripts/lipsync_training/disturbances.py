# SPDX-License-Identifier: Apache-2.0
"""What a voice meets on its way to the model, made from the clean voice: the labels stay.

These are for measuring. Training has imitations of its own (`augmentation`), on spectra and
with other random numbers.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Final

import numpy as np
import soxr
from numpy.typing import NDArray

from driving_client.voices.speech import Speech

_SPEECH_LEVEL: Final = 200.0
"""Samples beyond this count as speech when its level is taken."""

Wave = NDArray[np.float64]


def with_noise(speech: Speech, decibels: float) -> Speech:
    """White noise `decibels` below the speech (its RMS without the pauses)."""
    wave = speech.samples.astype(np.float64)
    level = float(np.sqrt(np.mean(wave[np.abs(wave) > _SPEECH_LEVEL] ** 2)))
    noise = np.random.default_rng(len(wave)).standard_normal(len(wave))
    return _with_wave(speech, wave + noise * level * 10.0 ** (-decibels / 20.0))


def telephone(speech: Speech) -> Speech:
    """Nothing below 300 Hz and above 3400 Hz."""
    spectrum = np.fft.rfft(speech.samples.astype(np.float64))
    frequency = np.fft.rfftfreq(len(speech.samples), 1.0 / speech.sample_rate)
    spectrum[(frequency < 300.0) | (frequency > 3400.0)] = 0.0
    return _with_wave(speech, np.fft.irfft(spectrum, len(speech.samples)))


def amplified(speech: Speech, decibels: float) -> Speech:
    """Louder, its peaks cut off at full scale; quieter with a negative number."""
    return _with_wave(speech, speech.samples * 10.0 ** (decibels / 20.0))


def at_rate(speech: Speech, sample_rate: int) -> Speech:
    """At another sample rate."""
    samples = soxr.resample(speech.samples, speech.sample_rate, sample_rate)
    return dataclasses.replace(speech, samples=samples, sample_rate=sample_rate)


def _with_wave(speech: Speech, wave: Wave) -> Speech:
    samples = np.clip(np.round(wave), -32768, 32767).astype(np.int16)
    return dataclasses.replace(speech, samples=samples)


DISTURBANCES: Final[dict[str, Callable[[Speech], Speech]]] = {
    "clean": lambda speech: speech,
    "noise 20 dB": lambda speech: with_noise(speech, 20.0),
    "noise 10 dB": lambda speech: with_noise(speech, 10.0),
    "telephone band": telephone,
    "quiet, -30 dB": lambda speech: amplified(speech, -30.0),
    "clipped, +18 dB": lambda speech: amplified(speech, 18.0),
    "8 kHz": lambda speech: at_rate(speech, 8000),
    "48 kHz": lambda speech: at_rate(speech, 48000),
}
"""By the name that tables and provenance give them."""
