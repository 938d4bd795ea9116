# SPDX-License-Identifier: Apache-2.0
"""What people do, beside which a face is measured: figures of the literature, with their sources.

They are means over people who differ by a factor of two and more, measured with means of their
own; a figure of the avatar within their range is all that can be asked.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from alive_bench import signals
from alive_bench.drive import FRAMES_A_SECOND, Watched


@dataclass(frozen=True, slots=True)
class Measure:
    """One row: its title, how it is counted and written, people's figure and where it is from."""

    title: str
    count: Callable[[Watched], float | None]
    written: str
    people: str
    source: str


def _blinks(watched: Watched) -> float:
    return 60 * len(signals.blinks(watched)) / watched.seconds


def _phrase_blinks(watched: Watched) -> float | None:
    """How many times as often as by chance a blink begins within 0.5 s of an utterance's end."""
    if not watched.said:
        return None
    times = signals.blinks(watched) / FRAMES_A_SECOND
    ends = np.array([said.ended_s for said in watched.said])
    near = np.array([np.abs(ends - time).min() < 0.5 for time in times])
    share = min(len(ends) / watched.seconds, 1.0)
    return float(near.mean() / share) if len(near) else 0.0


def _saccades(watched: Watched) -> float:
    return 60 * len(signals.saccades(watched).starts) / watched.seconds


def _peak_at_five(watched: Watched) -> float | None:
    """Median of the peak speed a degree, of saccades of 3 to 8 degrees, times five."""
    found = signals.saccades(watched)
    middle = (found.degrees >= 3) & (found.degrees <= 8)
    if not middle.any():
        return None
    return float(5 * np.median(found.peaks[middle] / found.degrees[middle]))


def _vergence(watched: Watched) -> float:
    """Degrees between both eyes' lines: the gaze is measured against the visitor for each."""
    return float(np.abs(watched.gaze[:, 0, 0] - watched.gaze[:, 1, 0]).mean())


def _repetition(watched: Watched) -> float:
    return max(signals.repetition(channel)[0] for channel in watched.head.T)


def _head(watched: Watched) -> float:
    rows = watched.head[watched.speaking()] if watched.said else watched.head
    return float(np.linalg.norm(rows.std(axis=0)))


def _openings(watched: Watched) -> float | None:
    return signals.openings(watched) if watched.said else None


def _beats(watched: Watched) -> float | None:
    if not watched.said:
        return None
    return len(signals.beats(watched)) / signals.speaking_seconds(watched)


MEASURES: Final = (
    Measure("blinks a minute", _blinks, ".0f", "17 at rest, 26 talking", "Bentivoglio 1997"),
    Measure(
        "blinks at phrase ends, times chance", _phrase_blinks, ".1f", "about 2", "Nakano 2010"
    ),
    Measure("saccades a minute", _saccades, ".0f", "60 to 180", "Lee, Badler 2002"),
    Measure("peak of a saccade of 5°, °/s", _peak_at_five, ".0f", "200 to 300", "Bahill 1975"),
    Measure(
        "gaze on the visitor, share", signals.contact_share, ".2f",
        "0.4–0.7 talking, 0.75–0.8 listening", "Argyle, Cook 1976; Rogers 2018",
    ),
    Measure("gaze slips between saccades, °/s", signals.slip, ".2f", "below 1", "Rucci 2015"),
    Measure("eyes' lines miss each other, °", _vergence, ".2f", "below 0.3", "geometry"),
    Measure("repetition of the head, 5 to 300 s", _repetition, ".2f", "none", "–"),
    Measure("head, sd in degrees", _head, ".2f", "2 to 3 times as much talking", "Hadar 1983"),
    Measure("openings alike, mean |r|", _openings, ".2f", "below 0.3", "–"),
    Measure("head beats a second", _beats, ".2f", "0.3 to 1", "Hadar 1983; Munhall 2004"),
)  # fmt: skip
