# SPDX-License-Identifier: Apache-2.0
"""How much later than the wire says an endpoint's motion is to be shown: motion against audio.

The speech model hears mouth controls in the audio; the motion's own are read through the
packaged FLAME mapping and, where a recording is long enough, also through a regression of its
own, cross-validated, so that a face which the packaged mapping does not know is no obstacle.
The offset is where the two agree best. What such agreement is worth is shown by shifts of a
second and more, where there can be none, and by how far the best place moves when seconds of
the recording are drawn anew (bootstrap).

Measured: 20 s of one recording, 132 ms by both ways, its parts of 4 s between 111 and 146 ms; 3.7 s
of another, -22 ms, by the mapping alone. So short recordings are right to about 20 ms whatever
the bootstrap says (the speech model itself comes 10 ms late), and endpoints make their motion on
the grid of their frames: the setting is given in whole frames of 40 ms, and what the protocol
means, no offset, stands until the peak is clearly away from it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from driving_client.errors import DrivingError
from driving_client.fitting.fit import predicted_by_folds
from driving_client.motion import FRAME_RATE, FloatArray
from driving_client.retarget import Retarget
from driving_client.retarget.mapping import inputs_of
from driving_client.retarget.mouth import OPEN

Matrix = NDArray[np.float64]

LARGEST_S: Final = 0.8
"""Offsets up to this are looked for, either way."""
STEP_S: Final = 0.02
LEAST_SPEECH_S: Final = 2.0
OWN_FIT_SPEECH_S: Final = 10.0
"""From so much speech on, the recording's own regression is trusted more than the mapping."""
LARGEST_ERROR_S: Final = 0.04
_NO_OFFSET_S: Final = 0.03
"""A peak no higher than this does not count."""
_SPEAKING: Final = 0.15
"""Opening from which a frame counts as speech."""
_FAR_S: Final = 1.0
_FAR_STEP: Final = 3
_DRAWS: Final = 200
_BLOCK: Final = 13


class AlignmentError(DrivingError):
    """A recording does not tell the offset between its motion and its audio."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """Mean correlation of the six controls by offset: `r` over `offsets_s`, and what it is worth.

    `best_s` is the peak between the steps, `error_s` its standard deviation over the bootstrap,
    `chance` the largest r of shifts beyond a second.
    """

    way: str
    offsets_s: tuple[float, ...]
    r: tuple[float, ...]
    best_s: float
    error_s: float
    chance: float

    @property
    def clear(self) -> bool:
        """Whether the peak stands out of chance and keeps its place."""
        return max(self.r) > self.chance and self.error_s <= LARGEST_ERROR_S

    @property
    def setting_ms(self) -> int:
        """The peak in whole frames: what `endpoint.motion_offset_ms` should be."""
        if abs(self.best_s) <= _NO_OFFSET_S:
            return 0
        return round(self.best_s * FRAME_RATE) * round(1000 / FRAME_RATE)


def speech_seconds(controls: FloatArray) -> float:
    """How much of a recording is speech, by the controls heard in it, shape (n, 6)."""
    return float((controls[:, OPEN] > _SPEAKING).sum()) / FRAME_RATE


def agreements(frames: FloatArray, controls: FloatArray, retarget: Retarget) -> list[Agreement]:
    """How FLAME frames (n, 120) agree with heard controls (m, 6), most trusted way first.

    Both at 25 a second from one start. Raises AlignmentError where there is too little of them.
    """
    count = min(len(frames), len(controls))
    speech = speech_seconds(controls[:count])
    if speech < LEAST_SPEECH_S:
        raise AlignmentError(
            f"only {speech:.1f} s of speech with motion; at least {LEAST_SPEECH_S:.0f} s are "
            "needed, 10 s or more are better: record a longer answer"
        )
    inputs = inputs_of(frames[:count]).astype(np.float64)
    if np.ptp(inputs, axis=0).max() < 1e-6:
        raise AlignmentError("the motion never changes; use a recording whose face moves")
    heard = controls[:count].astype(np.float64)
    mapped = inputs @ retarget.weights.T + retarget.bias
    ways = [_agreement("the packaged FLAME mapping", mapped, heard, own_fit=False)]
    if speech >= OWN_FIT_SPEECH_S:
        ways.insert(0, _agreement("a regression of its own", inputs, heard, own_fit=True))
    return ways


def _agreement(way: str, motion: Matrix, heard: Matrix, *, own_fit: bool) -> Agreement:
    steps = round(LARGEST_S / STEP_S)
    offsets = [step * STEP_S for step in range(-steps, steps + 1)]
    sums = np.stack([_sums(*_pair(motion, heard, offset, own_fit)) for offset in offsets])
    r = _mean_r(sums.sum(axis=1))
    return Agreement(
        way=way,
        offsets_s=tuple(offsets),
        r=tuple(r.tolist()),
        best_s=_peak(offsets, r),
        error_s=_bootstrap(offsets, sums),
        chance=_chance(motion, heard, own_fit),
    )


def _pair(motion: Matrix, heard: Matrix, offset: float, own_fit: bool) -> tuple[Matrix, Matrix]:
    """What the motion says and what is heard `offset` seconds after each frame's instant.

    Rows without sound are NaN, so that blocks stay the same for every offset.
    """
    places = np.arange(len(motion)) + offset * FRAME_RATE
    inside = (places >= 0) & (places <= len(heard) - 1)
    grid = np.arange(len(heard))
    wanted = np.stack([np.interp(places, grid, each) for each in heard.T], axis=1)
    said = np.full_like(wanted, np.nan)
    if own_fit:
        said[inside] = predicted_by_folds(motion[inside], wanted[inside])
    else:
        said[inside] = motion[inside]
    return said, wanted


def _sums(said: Matrix, wanted: Matrix) -> Matrix:
    """Sums for correlations, shape (blocks, 6 sums, 6 controls), a block half a second."""
    known = np.isfinite(said[:, 0])
    x, y = np.where(known[:, None], said, 0.0), np.where(known[:, None], wanted, 0.0)
    ones = np.broadcast_to(known[:, None], x.shape).astype(np.float64)
    terms = np.stack([ones, x, y, x * x, y * y, x * y], axis=1)
    starts = np.arange(0, len(terms), _BLOCK)
    result: Matrix = np.add.reduceat(terms, starts, axis=0)
    return result


def _mean_r(sums: Matrix) -> Matrix:
    """Mean r over the controls, from sums (..., 6, 6); a control that never moves counts 0."""
    n, x, y, xx, yy, xy = np.moveaxis(sums, -2, 0)
    spread = np.sqrt(np.maximum((n * xx - x * x) * (n * yy - y * y), 0.0))
    r = np.where(spread > 1e-9, (n * xy - x * y) / np.maximum(spread, 1e-9), 0.0)
    result: Matrix = r.mean(axis=-1)
    return result


def _peak(offsets: list[float], r: Matrix) -> float:
    """Place of the largest r, by a parabola through it and its neighbours two steps away."""
    top = int(np.argmax(r))
    if not 2 <= top < len(r) - 2:
        return offsets[top]
    before, here, after = r[top - 2], r[top], r[top + 2]
    bend = before - 2.0 * here + after
    return offsets[top] + (STEP_S * (before - after) / bend if bend < -1e-12 else 0.0)


def _bootstrap(offsets: list[float], sums: Matrix) -> float:
    """How far the peak moves over draws of the recording's half seconds; seeded.

    Half the width that holds the middle 68 % of the draws: a standard deviation where they are
    normal, and not governed by the few draws of a short recording that leave out most speech.
    """
    random = np.random.default_rng(0)
    blocks = sums.shape[1]
    peaks = []
    for _ in range(_DRAWS):
        times = np.bincount(random.integers(0, blocks, blocks), minlength=blocks)
        peaks.append(_peak(offsets, _mean_r(np.tensordot(sums, times, (1, 0)))))
    low, high = np.percentile(peaks, (16.0, 84.0))
    return float(high - low) / 2.0


def _chance(motion: Matrix, heard: Matrix, own_fit: bool) -> float:
    """The largest mean r of circular shifts by more than a second, where nothing can agree."""
    far = round(_FAR_S * FRAME_RATE)
    best = 0.0
    for shift in range(far, len(motion) - far, _FAR_STEP):
        rolled = np.roll(heard, shift, axis=0)
        said = predicted_by_folds(motion, rolled) if own_fit else motion
        best = max(best, float(_mean_r(_sums(said, rolled).sum(axis=0))))
    return best
