# SPDX-License-Identifier: Apache-2.0
"""Fit the FLAME mapping on recordings whose audio's mouth controls are known.

Measured on the 20.3 s recording of the shared data (507 frames, 6 contiguous folds): mean
cross-validated r 0.405 with frame i at i / 25 s, 0.543 with the motion 3 frames later, 0.50 at
2 and 4: that recording's motion runs 120 ms ahead of its audio. The ridge strength hardly
matters (0.539 to 0.543 between 30 and 300). One speaker and twenty seconds are little; the
figures go into the file so that nobody takes the fit for more than it is.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from driving_client.errors import RetargetError
from driving_client.motion import FLAME_SLICES, FRAME_RATE, FloatArray
from driving_client.retarget.mapping import INPUT_SIZE, Curve, Rest, Retarget, inputs_of
from driving_client.retarget.mouth import CONTROL_NAMES

Matrix = NDArray[np.float64]

RIDGE: Final = 100.0
FOLDS: Final = 6
_PERCENTILES: Final = (10.0, 25.0, 50.0, 75.0, 90.0, 97.0, 100.0)
_MINIMUM_FRAMES: Final = 250
_COVARIANCE_FLOOR: Final = 1e-3
"""Added to the covariance's diagonal, relative to its mean, so that it can be inverted."""


@dataclass(frozen=True, slots=True)
class FitReport:
    """What the fit reached: `r` per control, cross-validated; `lags` mean r by frames of lag."""

    lag: int
    frames: int
    r: dict[str, float]
    lags: dict[int, float]


Pair = tuple[FloatArray, FloatArray]
"""FLAME frames (n, 120) and controls (m, 6) of one recording, both at 25 a second from one start.
"""


def fit(pairs: Sequence[Pair], lag: int | None = None) -> tuple[Retarget, FitReport]:
    """Fit on all recordings together; their motion must come from one kind of endpoint.

    `lag`: frames by which the motion is to be shown later (None: the best of -2 to 6).
    Raises RetargetError where the material cannot carry a fit.
    """
    _check(pairs)
    lags = {k: float(np.mean(cross_validated(pairs, k))) for k in range(-2, 7)}
    chosen = max(lags, key=lambda k: lags[k]) if lag is None else lag
    inputs, targets = _paired(pairs, chosen)
    weights, bias = _ridge(inputs, targets)
    predicted = inputs @ weights.T + bias
    curves = tuple(
        _curve(predicted[:, i], targets[:, i], name) for i, name in enumerate(CONTROL_NAMES)
    )
    retarget = Retarget(
        weights=weights,
        bias=bias,
        curves=curves,
        centre=inputs.mean(axis=0),
        inverse=_inverse(inputs, weights),
        spread=predicted.std(axis=0),
        rest=_rest(np.concatenate([frames for frames, _ in pairs])),
    )
    r = cross_validated(pairs, chosen)
    report = FitReport(
        lag=chosen,
        frames=len(inputs),
        r={name: round(float(value), 3) for name, value in zip(CONTROL_NAMES, r, strict=True)},
        lags={k: round(value, 3) for k, value in lags.items()},
    )
    return retarget, report


def _check(pairs: Sequence[Pair]) -> None:
    for frames, controls in pairs:
        if frames.ndim != 2 or frames.shape[1] != 120:
            raise RetargetError(f"the motion has shape {frames.shape}, not (n, 120) FLAME frames")
        if controls.ndim != 2 or controls.shape[1] != len(CONTROL_NAMES):
            raise RetargetError(
                f"the controls have shape {controls.shape}; give rows of {', '.join(CONTROL_NAMES)}"
            )
        if not (np.isfinite(frames).all() and np.isfinite(controls).all()):
            raise RetargetError("motion or controls hold NaN or infinity; repair the recording")
    usable = sum(min(len(frames), len(controls)) for frames, controls in pairs)
    if usable < _MINIMUM_FRAMES:
        raise RetargetError(
            f"{usable} frames are too few for a fit; give recordings of at least "
            f"{_MINIMUM_FRAMES / FRAME_RATE:.0f} s"
        )
    spread = np.concatenate([controls for _, controls in pairs]).std(axis=0)
    if (spread < 1e-6).any():
        still = [n for n, s in zip(CONTROL_NAMES, spread, strict=True) if s < 1e-6]
        raise RetargetError(f"controls {', '.join(still)} never move; use other speech")


def _paired(pairs: Sequence[Pair], lag: int) -> tuple[Matrix, Matrix]:
    """Inputs and targets of the same instant when frame i is shown `lag` frames later."""
    parts = []
    for frames, controls in pairs:
        inputs, targets = inputs_of(frames).astype(np.float64), controls.astype(np.float64)
        if lag > 0:
            targets = targets[lag:]
        elif lag < 0:
            inputs = inputs[-lag:]
        count = min(len(inputs), len(targets))
        parts.append((inputs[:count], targets[:count]))
    return np.concatenate([i for i, _ in parts]), np.concatenate([t for _, t in parts])


def _ridge(inputs: Matrix, targets: Matrix) -> tuple[Matrix, Matrix]:
    """Ridge regression on standardised inputs: weights (6, 51) and bias (6,) for raw ones."""
    mean, spread = inputs.mean(axis=0), inputs.std(axis=0) + 1e-9
    z = (inputs - mean) / spread
    level = targets.mean(axis=0)
    solved = np.linalg.solve(z.T @ z + RIDGE * np.eye(INPUT_SIZE), z.T @ (targets - level))
    weights = (solved / spread[:, None]).T
    return weights, level - weights @ mean


def cross_validated(pairs: Sequence[Pair], lag: int) -> Matrix:
    """Correlation per control between the targets and what other parts of the material predict."""
    inputs, targets = _paired(pairs, lag)
    predicted = predicted_by_folds(inputs, targets)
    return np.array(
        [np.corrcoef(predicted[:, i], targets[:, i])[0, 1] for i in range(targets.shape[1])]
    )


def predicted_by_folds(inputs: Matrix, targets: Matrix) -> Matrix:
    """Targets (n, k) as the ridge regression of the other folds predicts them from (n, 51).

    Folds are contiguous: neighbours in time never cross over.
    """
    edges = np.linspace(0, len(inputs), FOLDS + 1).astype(int)
    predicted = np.zeros_like(targets)
    for start, stop in itertools.pairwise(edges):
        others = np.ones(len(inputs), bool)
        others[start:stop] = False
        weights, bias = _ridge(inputs[others], targets[others])
        predicted[start:stop] = inputs[start:stop] @ weights.T + bias
    return predicted


def _curve(predicted: Matrix, target: Matrix, name: str) -> Curve:
    """Quantiles of the prediction onto those of the control, rising strictly from 0 to 1."""
    xs = np.percentile(predicted, _PERCENTILES)
    ys = np.percentile(target, _PERCENTILES)
    ys[0] = 0.0
    knots = [(float(xs[0]), 0.0)]
    for x, y in zip(xs[1:], ys[1:], strict=True):
        if y < 0.005:  # still at rest: rest ends where the control first stirs
            knots[0] = (float(x), 0.0)
        elif x > knots[-1][0] + 1e-6 and y > knots[-1][1] + 1e-6:
            knots.append((float(x), float(min(y, 1.0))))
    if len(knots) < 3:
        raise RetargetError(f"control {name} hardly moves in this recording; use other speech")
    (x0, y0), (x1, y1) = knots[-2:]
    if y1 < 1.0:  # full travel by extending the last slope
        knots.append((x1 + (1.0 - y1) * (x1 - x0) / (y1 - y0), 1.0))
    return Curve(tuple(x for x, _ in knots), tuple(y for _, y in knots))


def _inverse(inputs: Matrix, weights: Matrix) -> Matrix:
    """(51, 7): the most plausible change of the inputs per change of jaw and predictions.

    Covariance-weighted least squares: S Aᵀ (A S Aᵀ)⁻¹ for constraints A = (jaw, weights).
    """
    covariance = np.cov(inputs.T)
    variance = np.diag(covariance).copy()
    covariance += np.diag(_COVARIANCE_FLOOR * variance + 1e-9)
    jaw = np.zeros((1, INPUT_SIZE))
    jaw[0, 0] = 1.0
    constraints = np.concatenate([jaw, weights])
    spread = covariance @ constraints.T
    result: Matrix = spread @ np.linalg.inv(constraints @ spread)
    return result


def _rest(frames: FloatArray) -> Rest:
    """The stream's constants (medians), and the jaw where it hangs least."""
    median = np.median(frames, axis=0)
    jaw = median[FLAME_SLICES["jaw_pose"]]
    jaw[0] = np.percentile(frames[:, FLAME_SLICES["jaw_pose"].start], 1.0)
    return Rest(
        rotation=tuple(median[FLAME_SLICES["rotation"]].tolist()),
        jaw=tuple(jaw.tolist()),
        eye_pose=tuple(median[FLAME_SLICES["eye_pose"]].tolist()),
        eye_lid=tuple(median[FLAME_SLICES["eye_lid"]].tolist()),
        translation=tuple(median[FLAME_SLICES["translation"]].tolist()),
    )
