# SPDX-License-Identifier: Apache-2.0
"""Sounds that are not speech, made from a seed: noise, hum, fans, and simple music.

Training mixes them with voices and also plays them alone, with a closed mouth as the label.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from driving_client.lipsync.log_mel import log_mel
from driving_client.motion import FloatArray
from driving_client.utterance import Samples

_RATE: Final = 16000
_LEVEL: Final = 0.1
"""RMS that every sound is brought to: −20 dB of full scale."""

Wave = NDArray[np.float64]


def coloured_noise(rng: np.random.Generator, seconds: float, slope: float) -> Wave:
    """Noise whose power falls with frequency to the power of `slope`: 0 white, 1 pink, 2 brown."""
    count = round(seconds * _RATE)
    spectrum = np.fft.rfft(rng.standard_normal(count))
    frequency = np.maximum(np.fft.rfftfreq(count, 1.0 / _RATE), 20.0)
    wave: Wave = np.fft.irfft(spectrum * frequency ** (-slope / 2.0), count)
    return wave


def hum(rng: np.random.Generator, seconds: float) -> Wave:
    """Mains or a motor: harmonics of a fixed tone of 45 to 130 Hz; in phase they buzz."""
    time = np.arange(round(seconds * _RATE)) / _RATE
    base = rng.uniform(45.0, 130.0)
    wave = np.zeros(len(time))
    apart, uneven = rng.choice([0.0, 1.0]), rng.uniform(0.0, 0.8)
    for harmonic in range(1, int(rng.integers(4, 30))):
        amplitude = rng.uniform(1.0 - uneven, 1.0) * harmonic ** -rng.uniform(0.3, 1.2)
        phase = base * harmonic * time + apart * rng.random()
        wave += amplitude * np.sin(2.0 * np.pi * phase)
    return wave


def music(rng: np.random.Generator, seconds: float) -> Wave:
    """Chords that change two to four times a second or slower, a melody above, drums below."""
    count = round(seconds * _RATE)
    wave = np.zeros(count)
    beat_s = rng.uniform(0.28, 0.65)
    root = rng.uniform(90.0, 180.0)
    scale = np.array([0, 2, 4, 5, 7, 9, 11])
    chord_level, melody_level, drum_level = rng.uniform(0.0, 1.0, 3)
    for beat in range(int(seconds / beat_s)):
        start = round(beat * beat_s * _RATE)
        if beat % 4 == 0:
            steps = scale[rng.integers(7)] + np.array([0, 4, 7, 12])
            for step in steps:
                note = _note(rng, root * 2.0 ** (step / 12.0), 4.0 * beat_s)
                _add(wave, start, chord_level * note)
        melody = _note(rng, 2.0 * root * 2.0 ** (scale[rng.integers(7)] / 12.0), beat_s)
        _add(wave, start, melody_level * melody)
        _add(wave, start, 2.0 * drum_level * _drum(rng))
    return wave + 1e-6 * rng.standard_normal(count)


def _note(rng: np.random.Generator, frequency: float, seconds: float) -> Wave:
    time = np.arange(round(seconds * _RATE)) / _RATE
    decay = np.exp(-time * rng.uniform(0.3, 6.0)) * np.minimum(time / 0.01, 1.0)
    brightness = rng.uniform(0.5, 2.0)
    partials = range(1, int(min(12, 7000.0 / frequency)) + 1)
    wave: Wave = decay * sum(
        harmonic**-brightness * np.sin(2.0 * np.pi * harmonic * frequency * time)
        for harmonic in partials
    )
    return wave


def _drum(rng: np.random.Generator) -> Wave:
    time = np.arange(round(0.2 * _RATE)) / _RATE
    if rng.random() < 0.5:
        wave: Wave = np.sin(2.0 * np.pi * 60.0 * time) * np.exp(-time * 18.0)
        return wave
    noise: Wave = rng.standard_normal(len(time)) * np.exp(-time * rng.uniform(20.0, 60.0))
    return noise


def _add(wave: Wave, start: int, part: Wave) -> None:
    end = min(start + len(part), len(wave))
    wave[start:end] += part[: end - start]


def to_samples(wave: Wave, level: float = _LEVEL) -> Samples:
    """Samples with the RMS `level` of full scale; peaks beyond it are cut off."""
    scaled = wave * (level / max(float(np.sqrt(np.mean(wave**2))), 1e-9))
    return (np.clip(scaled, -1.0, 1.0) * 32767.0).astype(np.int16)


def noise_bank(rng: np.random.Generator, seconds: float, each: int) -> list[FloatArray]:
    """Log-mel frames of `each` sounds of every kind, at −20 dB of full scale."""
    waves = []
    for _ in range(each):
        waves += [coloured_noise(rng, seconds, slope) for slope in rng.uniform(-0.5, 1.8, 3)]
        waves += [hum(rng, seconds), hum(rng, seconds), hum(rng, seconds), music(rng, seconds)]
        # A fan or a crowd: noise whose level wanders.
        wander = 10.0 ** (coloured_noise(rng, seconds, 2.0) * rng.uniform(2.0, 8.0))
        waves.append(coloured_noise(rng, seconds, 1.0) * np.clip(wander, 0.1, 10.0))
    return [log_mel(to_samples(wave), _RATE) for wave in waves]
