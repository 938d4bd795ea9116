# SPDX-License-Identifier: Apache-2.0
"""Vowels that last: held ones of any voice, and sung ones of a source and three formants.

Synthesisers speak no vowel longer than a third of a second, so without these a net takes an
"aaaa" for a hum. A vowel is held by lingering on its middle, where the spectrum hardly changes;
singing is made here from harmonics, because no voice of Debian's sings.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from driving_client.motion import FloatArray
from driving_client.retarget.mouth import CLOSE, FV, OPEN, PUCKER
from driving_client.voices.speech import Phoneme, Speech
from lipsync_training.noises import coloured_noise, to_samples

Wave = NDArray[np.float64]

_RATE: Final = 16000
_HELD_S: Final = (0.4, 2.5)
_STEADY: Final = 0.08
"""Most that a control may change from the row before to the row after a vowel's middle."""

_WANDER_FRAMES: Final = 2.0
_SWELL: Final = 0.17
"""Of log-mel values: 3 dB."""

_FORMANTS: Final = {
    "A:": (750.0, 1150.0, 2500.0),
    "a": (800.0, 1500.0, 2500.0),
    "V": (640.0, 1250.0, 2500.0),
    "E": (560.0, 1800.0, 2550.0),
    "@": (500.0, 1500.0, 2500.0),
    "I": (400.0, 1980.0, 2600.0),
    "i:": (280.0, 2250.0, 2950.0),
    "y": (280.0, 1850.0, 2150.0),
    "O:": (500.0, 830.0, 2450.0),
    "U": (420.0, 1000.0, 2300.0),
    "u:": (310.0, 800.0, 2250.0),
}
"""Hz of a man's vowels, after Peterson and Barney (1952); others' lie up to a quarter higher."""

_BANDWIDTHS: Final = (80.0, 100.0, 140.0)
_NOTE_S: Final = (0.4, 3.0)
_GLIDE_S: Final = 0.06
_STEP: Final = 40
"""Samples for which source and formants stay the same."""


def held(
    mel: FloatArray, labels: FloatArray, rng: np.random.Generator
) -> tuple[FloatArray, FloatArray]:
    """Log-mel frames (n, 40) and labels (n // 2, 6) with one or two vowels held for a while.

    Unchanged where there is no vowel with a steady middle.
    """
    for _ in range(int(rng.integers(1, 3))):
        change = np.abs(labels[2:] - labels[:-2]).max(axis=1)
        inner = labels[1:-1]
        vowels = np.flatnonzero(
            ((inner[:, OPEN] > 0.3) | (inner[:, PUCKER] > 0.5))
            & (inner[:, [CLOSE, FV]].max(axis=1) < 0.02)
            & (change < _STEADY)
        )
        if len(vowels) == 0:
            break
        row = int(rng.choice(vowels)) + 1
        count = round(float(rng.uniform(*_HELD_S)) * 50.0)
        time = np.arange(2 * count) / 100.0
        wander = np.sin(2.0 * np.pi * (rng.uniform(0.5, 6.0) * time + rng.random()))
        places = np.clip(2.0 * row + _WANDER_FRAMES * wander, 0.0, len(mel) - 2.0)
        lower = places.astype(int)
        share = (places - lower)[:, None]
        stay = mel[lower] * (1.0 - share) + mel[lower + 1] * share
        stay += _SWELL * np.sin(2.0 * np.pi * (rng.uniform(0.1, 0.6) * time))[:, None]
        mel = np.concatenate([mel[: 2 * row], stay.astype(np.float32), mel[2 * row :]])
        labels = np.concatenate(
            [labels[:row], np.repeat(labels[row : row + 1], count, axis=0), labels[row:]]
        )
    return mel, labels


def sing(rng: np.random.Generator, notes: int = 6) -> Speech:
    """Some notes, each a vowel of its own, with silence before, between some, and after."""
    vocal_tract = rng.uniform(0.95, 1.3)
    lowest = rng.uniform(85.0, 260.0)
    pieces = [("_", float(rng.uniform(0.2, 0.6)))]
    for _ in range(notes):
        pieces.append((str(rng.choice(list(_FORMANTS))), float(rng.uniform(*_NOTE_S))))
        if rng.random() < 0.5:
            pieces.append(("_", float(rng.uniform(0.2, 0.7))))
    pieces.append(("_", 0.4))
    ends = np.cumsum([seconds for _, seconds in pieces])
    phonemes = tuple(
        Phoneme(name, float(end) - seconds, float(end))
        for (name, seconds), end in zip(pieces, ends, strict=True)
    )
    times = np.arange(int(ends[-1] * _RATE) // _STEP) * (_STEP / _RATE)
    pitch, loudness = np.zeros(len(times)), np.zeros(len(times))
    formants = np.zeros((len(times), 3))
    for phoneme in phonemes:
        inside = (times >= phoneme.start) & (times < phoneme.end)
        pitch[inside] = lowest * 2.0 ** (rng.integers(0, 13) / 12.0)
        loudness[inside] = 0.0 if phoneme.name == "_" else rng.uniform(0.4, 1.0)
        vowel = phoneme.name if phoneme.name != "_" else "@"
        formants[inside] = vocal_tract * np.array(_FORMANTS[vowel])
    smooth = np.hanning(round(_GLIDE_S * _RATE / _STEP) + 2)
    smooth /= smooth.sum()
    curves = [
        np.convolve(np.pad(c, 40, mode="edge"), smooth, "same")[40:-40]
        for c in (pitch, loudness, *formants.T)
    ]
    depth = rng.uniform(0.0, 0.03)
    curves[0] *= 1.0 + depth * np.sin(2.0 * np.pi * rng.uniform(4.5, 7.0) * times)
    wave = _voiced(curves[0], np.stack(curves[2:], axis=1), float(rng.uniform(0.9, 1.8)))
    breath = coloured_noise(rng, len(wave) / _RATE + 0.01, 0.5)[: len(wave)]
    wave += breath * (np.sqrt(np.mean(wave**2)) / breath.std() * 10.0 ** rng.uniform(-3.0, -1.3))
    return Speech(to_samples(wave * np.repeat(curves[1], _STEP)), _RATE, phonemes)


def _voiced(pitch: Wave, formants: Wave, tilt: float) -> Wave:
    """Harmonics of a pitch (n,), Hz, through formants (n, 3), Hz; `_STEP` samples for each."""
    phase = 2.0 * np.pi * np.cumsum(np.repeat(pitch, _STEP)) / _RATE
    wave = np.zeros(len(phase))
    for harmonic in range(1, int(7000.0 / pitch.min()) + 1):
        frequency = harmonic * pitch
        gain = harmonic**-tilt * (frequency < 7000.0)
        for number, width in enumerate(_BANDWIDTHS):
            ratio = frequency / formants[:, number]
            gain = gain / np.hypot(1.0 - ratio**2, width * ratio / formants[:, number])
        wave += np.repeat(gain, _STEP) * np.sin(harmonic * phase)
    return wave
