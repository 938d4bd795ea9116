# SPDX-License-Identifier: Apache-2.0
"""How candidates are scored, and what is given away to those that are not ours.

A peer gets the constant lag and the smoothing that suit it best on the very audio of the test.
Closures are counted at the threshold that suits each candidate best, ours as well. A peer's
"own" row takes its visemes for what its makers say they are; its "oracle" row maps them onto the
controls by least squares on the test's own labels, which no product could do: an upper bound of
what its visemes tell. Ours is scored as it runs otherwise, lag and smoothing included.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from bench_lipsync.visemes import controls_of_viseme
from driving_client.motion import FRAME_RATE, FloatArray
from driving_client.retarget.mouth import CLOSE, CONTROL_NAMES, FV
from driving_client.voices.speech import Speech
from lipsync_training.evaluation import Scores, labels_of, mouth_of
from lipsync_training.scores import correlation, event_f1

Matrix = NDArray[np.float64]

LAGS_S: Final = tuple(step * 0.02 for step in range(-10, 11))
SMOOTHINGS_S: Final = (0.0, 0.06, 0.12, 0.2)
THRESHOLDS: Final = tuple(np.linspace(0.05, 0.9, 18))
COLUMNS: Final = (*CONTROL_NAMES, "pbm F1", "fv F1")
NOTHING: Final = float("nan")


@dataclass(frozen=True, slots=True)
class Row:
    """A candidate on one set: r of the six controls, F1 of closures, lag, CPU a second of audio.

    NaN where a candidate has nothing that could move the column.
    """

    name: str
    cells: tuple[float, ...]
    lag_ms: float
    cpu_ms: float
    ours: bool = False
    oracle: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """What a peer said to one clip: `values` (rows, visemes) at `rate`, first row at `first_s`."""

    names: tuple[str, ...]
    values: Matrix
    rate: float
    first_s: float
    cpu_ms: float

    @classmethod
    def of(cls, document: dict[str, Any]) -> Answer:
        """From what a peer's program wrote."""
        names = tuple(document["names"])
        values = np.array(document["values"], np.float64).reshape(-1, len(names))
        return cls(names, values, document["rate"], document["first_s"], document["cpu_ms"])

    def at_frames(self, count: int, lag_s: float, smoothing_s: float) -> Matrix:
        """Values, (count, visemes), at i / 25 s, taken `lag_s` later and smoothed (mean)."""
        width = max(round(smoothing_s * self.rate), 1)
        padded = np.pad(self.values, ((width // 2, width - 1 - width // 2), (0, 0)), mode="edge")
        sums = np.cumsum(np.vstack([np.zeros(padded.shape[1]), padded]), axis=0)
        smooth = (sums[width:] - sums[:-width]) / width
        places = (np.arange(count) / FRAME_RATE + lag_s - self.first_s) * self.rate
        grid = np.arange(len(smooth))
        return np.stack([np.interp(places, grid, column) for column in smooth.T], axis=1)


def our_row(name: str, speeches: Sequence[Speech], scores: Scores, cpu_ms: float) -> Row:
    """Ours, as `lipsync_training.evaluation.measure` scored it; closures as in the other rows."""
    rows = np.concatenate([mouth_of(speech) for speech in speeches])
    labels = np.concatenate([labels_of(speech) for speech in speeches])
    r = [scores.correlations[control] for control in CONTROL_NAMES]
    f1 = [best_f1(rows[:, column], labels[:, column]) for column in (CLOSE, FV)]
    return Row(name, (*r, *f1), scores.lag_s * 1000, cpu_ms, ours=True)


def best_f1(curve: FloatArray, label: FloatArray) -> float:
    """F1 of a curve's events at the threshold that suits it best."""
    return max(event_f1(curve, label, threshold) for threshold in THRESHOLDS)


def energy_row(energy: float) -> Row:
    """Bare loudness, as `lipsync_training.scores.energy_score` found its best."""
    return Row("energy envelope", (energy, *[NOTHING] * 7), NOTHING, NOTHING)


def peer_rows(name: str, answers: Sequence[Answer], speeches: Sequence[Speech]) -> list[Row]:
    """A peer's own row, and its oracle row where it tells more than one thing."""
    labels = [labels_of(speech) for speech in speeches]
    wanted = np.concatenate(labels)
    cpu = sum(answer.cpu_ms for answer in answers) / sum(speech.seconds for speech in speeches)
    meaning = np.stack([controls_of_viseme(viseme) for viseme in answers[0].names])
    own: _Try | None = None
    oracle: _Try | None = None
    for smoothing in SMOOTHINGS_S:
        for lag in LAGS_S:
            said = np.concatenate(
                [
                    answer.at_frames(len(label), lag, smoothing)
                    for answer, label in zip(answers, labels, strict=True)
                ]
            )
            own = _better(own, said @ meaning, wanted, lag)
            oracle = _better(oracle, _least_squares(said, wanted), wanted, lag)
    assert own is not None
    assert oracle is not None
    rows = [_row(name, own, wanted, cpu)]
    if len(answers[0].names) > 1:
        rows.append(replace(_row(f"{name}, oracle", oracle, wanted, cpu), oracle=True))
    return rows


@dataclass(frozen=True, slots=True)
class _Try:
    controls: FloatArray
    lag_s: float
    r: tuple[float, ...]


def _better(best: _Try | None, tried: Matrix, wanted: FloatArray, lag: float) -> _Try:
    controls = tried.astype(np.float32)
    r = tuple(correlation(controls[:, i], wanted[:, i]) for i in range(len(CONTROL_NAMES)))
    return best if best is not None and sum(best.r) >= sum(r) else _Try(controls, lag, r)


def _least_squares(said: Matrix, wanted: FloatArray) -> Matrix:
    inputs = np.column_stack([said, np.ones(len(said))])
    result: Matrix = inputs @ np.linalg.lstsq(inputs, wanted, rcond=None)[0]
    return result


def _row(name: str, found: _Try, wanted: FloatArray, cpu: float) -> Row:
    moves = np.ptp(found.controls, axis=0) > 1e-9
    r = [value if moving else NOTHING for value, moving in zip(found.r, moves, strict=True)]
    for column in (CLOSE, FV):
        best = best_f1(found.controls[:, column], wanted[:, column])
        r.append(best if moves[column] else NOTHING)
    return Row(name, tuple(r), found.lag_s * 1000, cpu)


def behind(rows: Sequence[Row], *, oracles: bool) -> list[str]:
    """Columns in which another row is ahead of ours, of products or of oracles; empty: we lead."""
    ours = next(row for row in rows if row.ours)
    return [
        f"{column} ({row.name} {row.cells[i]:.2f}, ours {ours.cells[i]:.2f})"
        for i, column in enumerate(COLUMNS)
        for row in rows
        if not row.ours and row.oracle is oracles and row.cells[i] > ours.cells[i]
    ]
