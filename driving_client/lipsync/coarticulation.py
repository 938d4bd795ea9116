# SPDX-License-Identifier: Apache-2.0
"""Phonemes with times to mouth controls, by dominance blending.

After Cohen and Massaro (1993): every phoneme pulls at each control with a weight that rises
before it and falls after it; the control is the weighted mean. Lips lead the sound, more for
rounding than for opening. Closures (p b m, f v) are events, not means: each gets a window
of its own with a flat top at least one frame long, or sampling at 40 ms would miss half of
them. Pauses close the mouth fully.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from driving_client.lipsync.articulation import SILENCE, Articulation, articulations
from driving_client.motion import FRAME_RATE, FloatArray
from driving_client.retarget.mouth import CLOSE, CONTROL_NAMES, FUNNEL, FV, OPEN, PUCKER, WIDE
from driving_client.voices.speech import Phoneme

Seconds = NDArray[np.float64]

_BLENDED: Final = (OPEN, WIDE, PUCKER, FUNNEL)
_ANTICIPATION: Final = np.array([0.050, 0.060, 0.085, 0.075])
_RELEASE: Final = np.array([0.050, 0.060, 0.065, 0.065])
"""Time constants in seconds of the rise before and the fall after a phoneme, per control."""

_GLIDE_TURN: Final = 0.5
_ATTACK: Final = 0.045
_DECAY: Final = 0.050
_HALF_TOP: Final = 0.022
_PAUSE: Final = 0.12
"""Silences from this length on close the mouth."""


def mouth_controls(
    phonemes: Sequence[Phoneme], frames: int, rate: float = FRAME_RATE
) -> FloatArray:
    """Controls, shape (frames, 6), 0 to 1; frame i is for i / rate seconds of the audio."""
    times = np.arange(frames) / rate
    numerator = np.zeros((frames, len(_BLENDED)))
    denominator = np.full((frames, len(_BLENDED)), 1e-6)
    lips, teeth, rest = np.zeros(frames), np.zeros(frames), np.zeros(frames)
    for shape, start, end in _segments(phonemes):
        weight = shape.dominance * _dominance(times, start, end)
        numerator += weight * np.array([shape.open, shape.wide, shape.pucker, shape.funnel])
        denominator += weight
        if shape.closing:
            window = _closure(times, start, end)
            target = lips if shape.closing == "lips" else teeth
            np.maximum(target, window, out=target)
        elif shape is SILENCE and end - start >= _PAUSE:
            np.maximum(rest, _pause(times, start, end), out=rest)
    controls = np.zeros((frames, len(CONTROL_NAMES)))
    controls[:, _BLENDED] = numerator / denominator
    controls[:, CLOSE], controls[:, FV] = lips, teeth
    controls[:, OPEN] *= (1.0 - lips) * (1.0 - 0.7 * teeth)
    controls *= (1.0 - rest)[:, None]
    return np.clip(controls, 0.0, 1.0).astype(np.float32)


def _segments(phonemes: Sequence[Phoneme]) -> list[tuple[Articulation, float, float]]:
    """Articulations with times: glides in two, silences that follow each other in one."""
    segments: list[tuple[Articulation, float, float]] = []
    for phoneme in phonemes:
        shapes = articulations(phoneme.name)
        if shapes == (SILENCE,) and segments and segments[-1][0] is SILENCE:
            segments[-1] = (SILENCE, segments[-1][1], phoneme.end)
        elif len(shapes) == 2:
            turn = phoneme.start + _GLIDE_TURN * (phoneme.end - phoneme.start)
            segments += [(shapes[0], phoneme.start, turn), (shapes[1], turn, phoneme.end)]
        else:
            segments.append((shapes[0], phoneme.start, phoneme.end))
    return segments


def _dominance(times: Seconds, start: float, end: float) -> Seconds:
    """Pull of a phoneme, (frames, 4): 1 in its middle, exponential before and after."""
    core = 0.2 * (end - start)
    before = np.maximum(start + core - times, 0.0)[:, None] / _ANTICIPATION
    after = np.maximum(times - (end - core), 0.0)[:, None] / _RELEASE
    # Very short phonemes hardly reach their target.
    strength = min(1.0, (end - start) / 0.06) ** 0.5
    pull: Seconds = strength * np.exp(-1.5 * (before + after))
    return pull


def _ease(x: Seconds) -> Seconds:
    clipped = np.clip(x, 0.0, 1.0)
    return clipped * clipped * (3.0 - 2.0 * clipped)


def _closure(times: Seconds, start: float, end: float) -> Seconds:
    """0 to 1 around a closure: it is held early in the phoneme, before the release."""
    centre = start + 0.42 * (end - start)
    half = max(0.30 * (end - start), _HALF_TOP)
    rise = 1.0 + (times - (centre - half)) / _ATTACK
    fall = 1.0 - (times - (centre + half)) / _DECAY
    return _ease(np.minimum(rise, fall))


def _pause(times: Seconds, start: float, end: float) -> Seconds:
    """1 inside a pause; the lips part again shortly before the next sound."""
    closing = (times - start) / 0.12
    opening = (end - 0.02 - times) / 0.08 if end > start + 0.3 else (end - times) / 0.05
    return _ease(np.minimum(closing, opening))
