# SPDX-License-Identifier: Apache-2.0
"""How loud, how far above the noise, and whether there is speech at all: causal, per 40 ms.

The net tells what a mouth does; this tells how much of it to believe. It is a safety net of
a few plain rules that no sound can talk out of: what is not above the steady background
closes the mouth, whatever the net makes of it.

The background is the lowest smoothed level of the last 1.6 s (minimum statistics: speech
has a dip of several decibels within any such time, noise and hum have none), in four bands:
white noise drowns a voice above 2 kHz long before it does so below 500 Hz. A held or sung vowel
has no dip either, so what the net takes for a vowel is no background for eight seconds; after
that nothing steady is believed. Gaps of up to 0.16 s leave the gate open: lips close for p and b
in silence.

What the net takes for no vowel is background as soon as every band has kept within 1 dB for
0.32 s. A hum of 50 Hz keeps within 0.01 dB; half of the training's hums within 0.3, nearly all
within 1.1; one of 60 Hz beats by 1.6, and is no vowel to the net. Voices, where they are no
vowel, changed by 1.1 dB at least when sung by three formants, 1.8 when stretched to eight
seconds, 12 when they talk. Held vowels come down to 0.3 dB, so that steadiness alone tells
nothing where the net hears one: a hum that it takes for a vowel from the start has eight seconds.

How loud a voice is counts against its own loudest sounds, never against a fixed level: who
talks 40 dB lower moves the same mouth.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from driving_client.lipsync.log_mel import FLOOR, to_power
from driving_client.motion import FloatArray

Decibels = NDArray[np.float64]

_FULL_SCALE: Final = 38400.0
"""Sum of the mel power of noise with RMS 1: half the transform times the window's energy."""

_BAND_EDGES: Final = (2, 8, 16, 26)
"""First mels of the four bands: 200, 500, 1300 and 3400 Hz; below them rumble wanders."""

_SILENCE_DB: Final = -86.0
"""RMS of a band below which the background is never taken: rounding to 16 bits, and dither."""

_NOTHING_DB: Final = -120.0

_OPEN_DB: Final = (5.0, 10.0)
"""Above the background: where the gate begins to open, and where it is open."""

_HOLD_ROWS: Final = 4
_RELEASE: Final = 0.5

_BLOCK_ROWS: Final = 4
_BLOCKS: Final = 10
_SMOOTHING: Final = 0.45
_LOUDNESS_SMOOTHING: Final = 0.35

_VOWEL: Final = 0.4
"""The net's opening, spreading or rounding from which on it takes a sound for a vowel: any but the
most neutral, which a quiet hum comes near."""

_STEADY_ROWS: Final = 8
_STEADY_DB: Final = 1.0
"""What is no vowel and changes by less within so many rows is a machine."""

_LONGEST_VOWEL_ROWS: Final = 200
"""Eight seconds: few sing longer, and no noise holds the mouth open for ten."""

_FIRST_REFERENCE_DB: Final = -66.0
_REFERENCE_ATTACK: Final = 0.6
_REFERENCE_DECAY_DB: Final = 0.08
"""Per row: 2 dB a second."""

_LEAST_LOUDNESS_DB: Final = -24.0
"""Below the loudest sounds: a quarter of the opening. No vowel of the held-out voice lies more than
12 dB below them; the breath on which a sung one ends lies 35 dB below."""
_LOUDNESS_LIFT_DB: Final = 5.0
"""Vowels lie about this much below the loudest ones: they keep the opening of the net."""

_CLEAR_DB: Final = (3.0, 9.0)
"""Loud speech above the background: where closures begin to be believed, and where they are."""


@dataclass(frozen=True, slots=True)
class Level:
    """For one row. `gate`: 0 no speech to 1; `scale`: of the opening; `clarity`: of closures."""

    gate: float
    scale: float
    clarity: float


def _between(value: float, limits: tuple[float, float]) -> float:
    """0 at the lower limit and below it, 1 at the upper one and above it."""
    return min(max((value - limits[0]) / (limits[1] - limits[0]), 0.0), 1.0)


class SpeechLevel:
    """One instance for each stream; starts in silence."""

    def __init__(self) -> None:
        bands = len(_BAND_EDGES)
        self._smoothed: Decibels = np.full(bands, _SILENCE_DB)
        self._loudness = 0.0  # power
        self._reference = _FIRST_REFERENCE_DB
        self._minima: Decibels = np.full((_BLOCKS, bands), _NOTHING_DB)
        self._recent: Decibels = np.full((_STEADY_ROWS, bands), _NOTHING_DB)
        self._row = 0
        self._vowel_rows = 0
        self._held = 0
        self._gate = 0.0

    def next(self, mel: FloatArray, vowel: float) -> Level:
        """The level of a row; `mel`, shape (n, 40), holds the frames around its instant.

        `vowel`, 0 to 1, is how much of a vowel the net hears in it: opening, spreading or rounding.
        """
        power = to_power(mel).mean(axis=0, dtype=np.float64) - FLOOR
        bands = np.add.reduceat(np.maximum(power, 0.0), _BAND_EDGES) / _FULL_SCALE
        now: Decibels = 10.0 * np.log10(bands + 1e-12)
        self._smoothed += _SMOOTHING * (now - self._smoothed)
        self._recent = np.concatenate([self._recent[1:], np.maximum(now, _SILENCE_DB)[None]])
        background = self._background(vowel)
        self._open(float((now - np.maximum(background, _SILENCE_DB)).max()))
        self._loudness += _LOUDNESS_SMOOTHING * (float(bands.sum()) - self._loudness)
        loudness = 10.0 * math.log10(self._loudness + 1e-12)
        self._follow(loudness)
        relative = max(loudness - self._reference + _LOUDNESS_LIFT_DB, _LEAST_LOUDNESS_DB)
        # The square root of the amplitude's ratio
        scale = 10.0 ** (min(relative, 0.5 * _LOUDNESS_LIFT_DB) / 40.0)
        noise = 10.0 * math.log10(float((10.0 ** (background / 10.0)).sum()))
        return Level(self._gate, scale, _between(self._reference - noise, _CLEAR_DB))

    def _background(self, vowel: float) -> Decibels:
        """The lowest of the last ten blocks of 160 ms, the present one included, per band.

        Rows of a vowel may lower the present block; they never bring a new one. What is steady
        and no vowel is the background at once.
        """
        self._vowel_rows = self._vowel_rows + 1 if vowel > _VOWEL else 0
        if 0 < self._vowel_rows <= _LONGEST_VOWEL_ROWS:
            block = max(self._row - 1, 0) // _BLOCK_ROWS % _BLOCKS
            self._minima[block] = np.minimum(self._minima[block], self._smoothed)
        else:
            block = self._row // _BLOCK_ROWS % _BLOCKS
            begins = self._row % _BLOCK_ROWS == 0
            lowest = np.inf if begins else self._minima[block]
            self._minima[block] = np.minimum(lowest, self._smoothed)
            self._row += 1
            if float(np.ptp(self._recent, axis=0).max()) < _STEADY_DB:
                self._minima[:] = self._smoothed
        background: Decibels = self._minima.min(axis=0)
        return background

    def _open(self, above_db: float) -> None:
        """The gate opens at once, holds, and falls over some rows."""
        goal = _between(above_db, _OPEN_DB)
        if goal >= self._gate:
            self._gate, self._held = goal, _HOLD_ROWS
        elif self._held > 0:
            self._held -= 1
        else:
            self._gate += _RELEASE * (goal - self._gate)
            if self._gate < 0.02:
                self._gate = 0.0

    def _follow(self, loudness_db: float) -> None:
        """The reference goes up with the loudest sounds and comes down slowly."""
        if loudness_db > self._reference:
            self._reference += _REFERENCE_ATTACK * (loudness_db - self._reference)
        elif self._gate > 0.5:
            self._reference -= _REFERENCE_DECAY_DB
