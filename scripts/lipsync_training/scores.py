# SPDX-License-Identifier: Apache-2.0
"""How well mouth controls follow the labels: one definition for tests, training and bench.

Labels are the controls that `coarticulation.mouth_controls` makes of phones with times. All
scores are of rows at 25 a second, of all of them: speech and pauses.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from driving_client.lipsync.coarticulation import mouth_controls
from driving_client.lipsync.log_mel import log_mel, to_power
from driving_client.motion import FRAME_RATE, FloatArray
from driving_client.utterance import Samples
from driving_client.voices.speech import Phoneme

EVENT_THRESHOLD: Final = 0.4
EVENT_TOLERANCE_S: Final = 0.060
_LAG_STEP_S: Final = 0.010
_LARGEST_LAG_S: Final = 0.2


def correlation(first: FloatArray, second: FloatArray) -> float:
    """Pearson's r of two curves, shape (n,); 0 where one of them does not move."""
    x, y = first - first.mean(), second - second.mean()
    scale = float(np.sqrt((x * x).sum() * (y * y).sum()))
    return float((x * y).sum()) / scale if scale > 1e-9 else 0.0


def events(curve: FloatArray, threshold: float = EVENT_THRESHOLD) -> list[float]:
    """Seconds of the peaks of a curve at 25 rows a second: one for each run above the threshold."""
    above = np.concatenate([[False], curve > threshold, [False]])
    changes = np.flatnonzero(np.diff(above))
    return [
        float(start + int(np.argmax(curve[start:end]))) / FRAME_RATE
        for start, end in zip(changes[::2], changes[1::2], strict=True)
    ]


def event_f1(curve: FloatArray, label: FloatArray, threshold: float = EVENT_THRESHOLD) -> float:
    """F1 of the events of a curve against those of its label, one to one, within 60 ms."""
    found, wanted = events(curve, threshold), events(label, 0.5)
    matched, start = 0, 0
    for place in found:
        while start < len(wanted) and wanted[start] < place - EVENT_TOLERANCE_S - 1e-6:
            start += 1
        if start < len(wanted) and wanted[start] <= place + EVENT_TOLERANCE_S + 1e-6:
            matched += 1
            start += 1
    return 2.0 * matched / max(len(found) + len(wanted), 1)


def best_lag(opening: Sequence[FloatArray], phonemes: Sequence[Sequence[Phoneme]]) -> float:
    """Seconds by which openings come after their labels, to 10 ms; negative: before.

    One curve at 25 rows a second and one sequence of phonemes for each utterance.
    """
    steps = round(_LARGEST_LAG_S / _LAG_STEP_S)
    stride = round(1.0 / FRAME_RATE / _LAG_STEP_S)
    rows = np.concatenate(opening)
    labels = []
    for curve, spoken in zip(opening, phonemes, strict=True):
        count = stride * len(curve)
        fine = mouth_controls(spoken, count + steps, 1.0 / _LAG_STEP_S)[:, 0]
        # Before its start an utterance is silence, as it is at its first row.
        labels.append((np.concatenate([np.full(steps, fine[0], np.float32), fine]), count))
    scores = [
        correlation(
            rows,
            np.concatenate(
                [fine[steps - lag : steps - lag + count : stride] for fine, count in labels]
            ),
        )
        for lag in range(-steps, steps + 1)
    ]
    return (int(np.argmax(scores)) - steps) * _LAG_STEP_S


def energy_opening(
    samples: Samples, sample_rate: int, frames: int, *, decibels: bool
) -> FloatArray:
    """The mouth of bare loudness, shape (frames,): RMS, or its decibels, smoothed over 40 ms."""
    power = to_power(log_mel(samples, sample_rate)).sum(axis=1)
    places = np.minimum(np.arange(frames) * 4, len(power) - 1)
    padded = np.concatenate([[0.0], np.cumsum(power, dtype=np.float64)])
    first, last = np.maximum(places - 2, 0), np.minimum(places + 3, len(power))
    mean = (padded[last] - padded[first]) / (last - first)
    curve = np.log10(mean + 1e-3) if decibels else np.sqrt(mean)
    opening: FloatArray = curve.astype(np.float32)
    return opening


def energy_score(audio: Sequence[tuple[Samples, int]], labels: Sequence[FloatArray]) -> float:
    """The best r that loudness reaches with the opening: RMS or decibels, shifted as suits best.

    The shift (up to 120 ms either way) and the choice are given away to it.
    """
    wanted = np.concatenate([label[:, 0] for label in labels])
    best = 0.0
    for decibels in (False, True):
        curves = [
            energy_opening(samples, rate, len(label), decibels=decibels)
            for (samples, rate), label in zip(audio, labels, strict=True)
        ]
        for shift in range(-3, 4):
            best = max(
                best, correlation(np.concatenate([np.roll(c, shift) for c in curves]), wanted)
            )
    return best
