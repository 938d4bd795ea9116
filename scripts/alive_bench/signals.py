# SPDX-License-Identifier: Apache-2.0
"""What of a watched face is counted: blinks, saccades, contact, repetition, openings, beats.

Every measure reads what was shown, none an inner value of the player. Thresholds are those of the
literature where it has them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from alive_bench.drive import FRAMES_A_SECOND, Watched

Array = NDArray[np.float64]

CONTACT_DEGREES: Final = 4.0
"""Within it a visitor a metre away feels looked at: the face, not only the eyes, is the goal."""

_SHUT: Final = 0.35
"""Of a lid's way: less is not seen as a blink."""

_SACCADE_SPEED: Final = 25.0
_SACCADE_DEGREES: Final = 0.5
_DRIFT_S: Final = 60.0
_OPENING_S: Final = 3.5
_BEAT_BAND_S: Final = (0.12, 0.9)


@dataclass(frozen=True, slots=True, eq=False)
class Saccades:
    """Frame numbers of their starts (n,), degrees (n,), peak degrees a second (n,)."""

    starts: NDArray[np.intp]
    degrees: Array
    peaks: Array


def runs(mask: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """First frame and the one after the last of each stretch where the mask holds."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], mask, [False]]).astype(np.int8)))
    return [(int(a), int(b)) for a, b in edges.reshape(-1, 2)]


def smoothed(values: Array, seconds: float) -> Array:
    """A moving mean along the first axis, `seconds` wide; shorter at the ends."""
    half = max(round(seconds * FRAMES_A_SECOND / 2), 1)
    total = np.concatenate([np.zeros((1, *values.shape[1:])), np.cumsum(values, axis=0)])
    index = np.arange(len(values))
    low, high = np.maximum(index - half, 0), np.minimum(index + half + 1, len(values))
    width = (high - low).reshape(-1, *([1] * (values.ndim - 1)))
    return np.asarray((total[high] - total[low]) / width)


def blinks(watched: Watched) -> NDArray[np.intp]:
    """Frames at which either lid begins to shut by more than a third of its way, beyond the gaze's.

    The lid's own slow lowering with the gaze is taken off.
    """
    lids = np.maximum(watched.weight("eyeBlinkLeft"), watched.weight("eyeBlinkRight"))
    quick = lids - np.minimum(smoothed(lids, 3.0), _SHUT)
    return np.array([start for start, _ in runs(quick > _SHUT)], np.intp)


def eye_in_head(watched: Watched) -> Array:
    """Degrees to the left and up, the mean of both eyes, that the eyes are turned in the head."""
    across = {"In": 25.0, "Out": 25.0, "Up": 20.0, "Down": 20.0}
    w = {
        (way, eye): degrees * watched.weight(f"eyeLook{way}{eye}")
        for way, degrees in across.items()
        for eye in ("Left", "Right")
    }
    left = (w["Out", "Left"] - w["In", "Left"] + w["In", "Right"] - w["Out", "Right"]) / 2
    up = sum(w["Up", eye] - w["Down", eye] for eye in ("Left", "Right")) / 2
    return np.stack([left, up], axis=1)


def saccades(watched: Watched) -> Saccades:
    """Of the gaze in space, where it is faster than any sway that is followed."""
    gaze = watched.gaze.mean(axis=1)
    speed = np.linalg.norm(np.gradient(gaze, 1 / FRAMES_A_SECOND, axis=0), axis=1)
    found = [
        (start, float(np.linalg.norm(gaze[min(stop, len(gaze) - 1)] - gaze[max(start - 1, 0)])),
         float(speed[start:stop].max()))
        for start, stop in runs(speed > _SACCADE_SPEED)
    ]  # fmt: skip
    found = [item for item in found if item[1] >= _SACCADE_DEGREES]
    starts, degrees, peaks = (
        (np.array(column) for column in zip(*found, strict=True)) if found else ([], [], [])
    )
    return Saccades(np.asarray(starts, np.intp), np.asarray(degrees), np.asarray(peaks))


def contact_share(watched: Watched) -> float:
    """The share of frames in which the gaze is on the visitor's face."""
    aside = np.linalg.norm(watched.gaze.mean(axis=1), axis=1)
    return float(np.mean(aside < CONTACT_DEGREES))


def slip(watched: Watched) -> float:
    """Degrees a second (rms) by which the gaze wanders off between saccades."""
    gaze = watched.gaze.mean(axis=1)
    speed = np.linalg.norm(np.gradient(gaze, 1 / FRAMES_A_SECOND, axis=0), axis=1)
    moving = smoothed((speed > _SACCADE_SPEED).astype(np.float64), 0.12) > 0
    return float(np.sqrt(np.mean(speed[~moving] ** 2)))


def repetition(values: Array) -> tuple[float, float]:
    """The highest local maximum of the autocorrelation at lags of 5 to 300 s, and its lag in s.

    `values` (n,); what drifts more slowly than 60 s is taken off first. 0 where nothing moves.
    """
    signal = values - smoothed(values, _DRIFT_S)
    # Ten a second hold all that repeats at 5 s and more
    step = FRAMES_A_SECOND // 10
    signal = signal[: len(signal) // step * step].reshape(-1, step).mean(axis=1)
    signal = signal - signal.mean()
    if signal.std() < 1e-9:
        return 0.0, 0.0
    size = len(signal)
    power = np.abs(np.fft.rfft(signal, 2 * size)) ** 2
    correlation = np.fft.irfft(power)[:size]
    # Each lag by the mean over the pairs that it has
    correlation = correlation / np.arange(size, 0, -1) / (correlation[0] / size)
    first, last = 50, min(3000, size // 2)
    inner = correlation[first:last]
    peaks = np.flatnonzero((inner[1:-1] >= inner[:-2]) & (inner[1:-1] >= inner[2:])) + 1
    if not len(peaks):
        return 0.0, 0.0
    best = peaks[np.argmax(inner[peaks])]
    return float(inner[best]), (first + best) / 10


def openings(watched: Watched) -> float:
    """Mean of |pairwise r| of what head and brows do in the first 3.5 s of the utterances."""
    frames = round(_OPENING_S * FRAMES_A_SECOND)
    starts = [round(s.began_s * FRAMES_A_SECOND) for s in watched.said]
    brows = np.stack([watched.weight(n) for n in watched.names if n.startswith("brow")], axis=1)
    totals = []
    for channel in (*watched.head.T, brows.sum(axis=1)):
        rows = np.array([channel[s : s + frames] for s in starts if s + frames <= len(channel)])
        if len(rows) < 2 or (rows.std(axis=1) < 1e-9).any():
            return 1.0
        r = np.corrcoef(rows)
        totals.append(np.abs(r[np.triu_indices(len(rows), 1)]).mean())
    return float(np.mean(totals))


def beats(watched: Watched) -> NDArray[np.intp]:
    """Frames at which the head, speaking, is lowest in a quick nod of at least 0.8 degrees."""
    fast, slow = _BEAT_BAND_S
    pitch = watched.head[:, 0]
    band = smoothed(pitch, fast) - smoothed(pitch, slow)
    speaking = watched.speaking()
    peak = (band[1:-1] > band[:-2]) & (band[1:-1] >= band[2:]) & (band[1:-1] > 0.4)
    found = np.flatnonzero(peak) + 1
    return np.asarray(found[speaking[found]], np.intp)


def speaking_seconds(watched: Watched) -> float:
    """Seconds within utterances."""
    return float(watched.speaking().sum()) / FRAMES_A_SECOND


def jerk(values: Array) -> float:
    """The 99th percentile of the third derivative, units a cubic second; of the worst column."""
    third = np.diff(smoothed(values, 0.05), 3, axis=0) * FRAMES_A_SECOND**3
    return float(np.percentile(np.abs(third), 99, axis=0).max())
