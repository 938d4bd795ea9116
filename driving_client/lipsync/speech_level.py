# SPDX-License-Identifier: Apache-2.0
"""How loud, how far above the noise, and whether there is speech at all: causal, per 40 ms.

The net tells what a mouth does; this tells how much of it to believe. It is a safety net of
a few plain rules that no sound can talk out of: what is not above the steady background
closes the mouth, whatever the net makes of it.

The background is the lowest smoothed level of the last 1.6 s (minimum statistics: speech
has a dip of several decibels within any such time, noise and hum have none). Gaps of up to
0.16 s leave the gate open: lips close for p and b in silence.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Final

import numpy as np

from driving_client.lipsync.log_mel import FLOOR, MELS, to_power
from driving_client.motion import FloatArray

_FULL_SCALE: Final = 38400.0
"""Sum of the mel power of noise with RMS 1: half the transform times the window's energy."""

_SILENCE_DB: Final = -66.0
"""RMS of full scale below which nothing is speech."""

_OPEN_DB: Final = (3.0, 9.0)
"""Above the background: where the gate begins to open, and where it is open."""

_HOLD_ROWS: Final = 4
_RELEASE: Final = 0.5

_BLOCK_ROWS: Final = 4
_BLOCKS: Final = 10
_SMOOTHING: Final = 0.45
_LOUDNESS_SMOOTHING: Final = 0.35

_FIRST_REFERENCE_DB: Final = -42.0
_REFERENCE_ATTACK: Final = 0.6
_REFERENCE_DECAY_DB: Final = 0.08
"""Per row: 2 dB a second."""

_LEAST_LOUDNESS_DB: Final = -18.0
_LOUDNESS_LIFT_DB: Final = 5.0
"""Vowels lie about this much below the loudest ones: they keep the opening of the net."""

_CLEAR_DB: Final = (7.0, 15.0)
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
        self._smoothed = _SILENCE_DB
        self._loudness = 0.0  # power
        self._reference = _FIRST_REFERENCE_DB
        self._minima = deque([-120.0] * _BLOCKS, _BLOCKS)
        self._block = [-120.0]
        self._held = 0
        self._gate = 0.0

    def next(self, mel: FloatArray) -> Level:
        """The level of a row; `mel`, shape (n, 40), holds the frames around its instant."""
        power = to_power(mel).sum(axis=1) - MELS * FLOOR
        mean = max(float(power.mean()), 0.0) / _FULL_SCALE
        now = 10.0 * float(np.log10(mean + 1e-12))
        self._smoothed += _SMOOTHING * (now - self._smoothed)
        background = self._background()
        self._open(now - max(background, _SILENCE_DB - _OPEN_DB[0]))
        self._loudness += _LOUDNESS_SMOOTHING * (mean - self._loudness)
        loudness = 10.0 * float(np.log10(self._loudness + 1e-12))
        self._follow(loudness)
        relative = max(loudness - self._reference + _LOUDNESS_LIFT_DB, _LEAST_LOUDNESS_DB)
        # The square root of the amplitude's ratio
        scale = 10.0 ** (min(relative, 0.5 * _LOUDNESS_LIFT_DB) / 40.0)
        return Level(self._gate, scale, _between(self._reference - background, _CLEAR_DB))

    def _background(self) -> float:
        self._block.append(self._smoothed)
        if len(self._block) > _BLOCK_ROWS:
            self._minima.append(min(self._block))
            self._block = []
        return min([*self._minima, *self._block])

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
