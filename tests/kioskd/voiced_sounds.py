# SPDX-License-Identifier: Apache-2.0
"""Sounds whose stresses are known: syllables of a buzz, noise, chords; and a reader's own marks."""

from __future__ import annotations

import re
import subprocess

import numpy as np

from driving_client.utterance import Samples
from driving_client.voices.speech import Speech

SYLLABLE_S = 0.22


def babble(
    seconds: float, rate: int, *, stressed: tuple[int, ...] = (), hz: float = 120
) -> Samples:
    """Syllables of 0.22 s; the stressed ones are longer, 7 dB louder and 5 semitones higher."""
    sound = np.zeros(round(seconds * rate))
    for number in range(int(seconds / SYLLABLE_S)):
        strong = number in stressed
        length = 0.17 if strong else 0.1
        times = np.arange(round(length * rate)) / rate
        pitch = hz * (1.33 if strong else 1.0)
        buzz = sum(np.sin(2 * np.pi * pitch * k * times) for k in range(1, 20) if k * pitch < 3500)
        buzz *= np.sin(np.pi * times / length) * (0.11 if strong else 0.05)
        middle = round((number + 0.5) * SYLLABLE_S * rate)
        start = max(middle - len(buzz) // 2, 0)
        stop = min(start + len(buzz), len(sound))
        sound[start:stop] += buzz[: stop - start]
    return as_samples(sound)


def noise(seconds: float, rate: int, level: float = 0.1) -> Samples:
    """Steady white noise."""
    chance = np.random.default_rng(3)
    return as_samples(level * chance.standard_normal(round(seconds * rate)))


def music(seconds: float, rate: int) -> Samples:
    """Chords at 120 beats a minute, struck and dying away."""
    times = np.arange(round(seconds * rate)) / rate
    chance = np.random.default_rng(4)
    sound = np.zeros(len(times))
    for beat in range(int(seconds * 2)):
        root = chance.choice([220.0, 247.0, 262.0, 294.0])
        after = times - beat / 2
        struck = np.where(after >= 0, np.exp(-4 * np.maximum(after, 0)), 0.0)
        sound += 0.1 * struck * sum(np.sin(2 * np.pi * root * k * times) for k in (1, 1.25, 1.5, 2))
    return as_samples(sound)


def as_samples(sound: np.ndarray) -> Samples:
    """Floats of -1 to 1 as 16 bits."""
    return (np.clip(sound, -1, 1) * 32767).astype(np.int16)


def stressed_vowels(text: str, speech: Speech, voice: str = "en-us") -> np.ndarray:
    """The middles, in seconds, of the vowels on which espeak-ng puts the main stress.

    Its events carry no stress, what it prints does: `g,Ud m'O@nIN`. Both are walked through side
    by side.
    """
    command = ["espeak-ng", "-q", "-x", "-v", voice, text]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    # A change of language amid a sentence is named in brackets
    printed = re.sub(r"\(\w+\)", "", printed)
    found, place = [], 0
    for phoneme in speech.phonemes:
        if phoneme.name.startswith("_"):
            continue
        place_of = printed.find(phoneme.name, place)
        if 0 <= place_of <= place + 8:
            if "'" in printed[place:place_of]:
                found.append((phoneme.start + phoneme.end) / 2)
            place = place_of + len(phoneme.name)
    return np.array(found)
