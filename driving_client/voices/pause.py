# SPDX-License-Identifier: Apache-2.0
"""What is silent at the ends of a piece of speech becomes as long as is asked.

Each synthesiser leaves other silence around what it says, and pieces of a text follow each other
without a seam only where it is known. A piece is a whole number of motion's frames long, so that
those of the next begin where its sound does.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Final

import numpy as np

from driving_client.motion import FRAME_RATE
from driving_client.voices.speech import Phoneme, Speech

LEAD_S: Final = 0.05
"""What is left of the silence before the first sound."""
RELEASE_S: Final = 0.03
"""What is left of the fading of the last sound, below what counts as sound."""
SHORTEST_S: Final = 0.12
"""A pause that the mouth can be shut in."""
_SOUND: Final = 100
"""Of 32768: -50 dB, the end of a breathed vowel."""


def followed_by(speech: Speech, pause_s: float) -> Speech:
    """The speech with LEAD_S of silence before it, and so much after it that another one like it is
    heard `pause_s` seconds later, or little more.

    Speech whose phonemes are not told stays so.
    """
    rate = speech.sample_rate
    loud = np.flatnonzero(np.abs(speech.samples.astype(np.int32)) > _SOUND)
    first, last = (int(loud[0]), int(loud[-1]) + 1) if len(loud) else (0, 0)
    begin = max(first - round(LEAD_S * rate), 0)
    end = min(last + round(RELEASE_S * rate), len(speech.samples))
    kept = speech.samples[begin:end]
    seconds = len(kept) / rate + max(pause_s - LEAD_S, SHORTEST_S) - RELEASE_S
    length = round(math.ceil(round(seconds * FRAME_RATE, 6)) / FRAME_RATE * rate)
    samples = np.zeros(length, np.int16)
    samples[: len(kept)] = kept
    sound, whole = (end - begin) / rate, length / rate
    if not speech.phonemes:
        return replace(speech, samples=samples)
    moved = [
        Phoneme(each.name, max(each.start - begin / rate, 0.0), min(each.end - begin / rate, sound))
        for each in speech.phonemes
    ]
    spoken = [each for each in moved if each.end > each.start]
    return replace(speech, samples=samples, phonemes=(*spoken, Phoneme("_", sound, whole)))


def silence(seconds: float, rate: int = 16000) -> Speech:
    """Nothing, for about that long."""
    frames = max(math.ceil(round(seconds * FRAME_RATE, 6)), 1)
    length = round(frames / FRAME_RATE * rate)
    return Speech(np.zeros(length, np.int16), rate, (Phoneme("_", 0.0, length / rate),))
