# SPDX-License-Identifier: Apache-2.0
"""Sound that an echo canceller takes for a voice, without a synthesiser: made-up syllables.

Tones at multiples of a wandering pitch, shaped by three resonances that change with each syllable,
four syllables a second, every sixth one noise: as rich and as uneven as speech, and unmistakably
no person.
"""

from __future__ import annotations

import io
import wave
from typing import Final

import numpy as np

RATE: Final = 16000
_SYLLABLE_S: Final = 0.25
_SOUND_S: Final = 0.21
_PEAK: Final = 0.9
_LOWEST: Final = ((300, 800), (900, 2200), (2300, 3200))


def made_up_voice(seconds: float) -> bytes:
    """A WAV file, mono, of about so many seconds; always the same."""
    rng = np.random.default_rng(4)
    at = np.arange(round(_SOUND_S * RATE)) / RATE
    pieces = []
    for number in range(round(seconds / _SYLLABLE_S)):
        pitch = 140 + 30 * np.sin(number / 3) - 60 * at
        resonances = [rng.uniform(*span) for span in _LOWEST]
        if number % 6 == 5:
            sound = np.diff(rng.normal(0, 0.3, len(at) + 1))
        else:
            phase = 2 * np.pi * np.cumsum(pitch) / RATE
            sound = np.zeros(len(at))
            for harmonic in range(1, 30):
                tone = harmonic * float(pitch.mean())
                weight = sum(1 / (1 + ((tone - each) / 120) ** 2) for each in resonances)
                sound += weight * np.sin(harmonic * phase)
        quiet = np.zeros(round((_SYLLABLE_S - _SOUND_S) * RATE))
        pieces += [sound / np.abs(sound).max() * np.hanning(len(at)), quiet]
    samples = np.round(np.concatenate(pieces) * _PEAK * 32767).astype("<i2")
    body = io.BytesIO()
    with wave.open(body, "wb") as file:
        file.setparams((1, 2, RATE, 0, "NONE", ""))
        file.writeframes(samples.tobytes())
    return body.getvalue()
