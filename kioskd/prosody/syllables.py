# SPDX-License-Identifier: Apache-2.0
"""Vowels, their prominence, and where phrases begin and end, from a voice's level and pitch.

A vowel is a rise and fall of the level by 3 dB whose top is voiced and not far below the speech so
far (Mermelstein 1975 finds syllables so). How prominent it is, tell its length, its level and its
pitch beside those before it: of all that marks stress, loudness and length say most (Kochanski et
al. 2005), pitch the rest. A phrase ends where a pause of 180 ms begins; what follows the next
vowel's beginning is a new one.

Each is told as soon as it is sure: a vowel some 60 ms after its end, a pause 180 ms after it
began. Everything depends on the rows alone, never on when or in which pieces they come.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from typing import Final

import numpy as np

from driving_client.motion import FloatArray
from kioskd.prosody.voice_track import ROW_RATE

_DIP_DB: Final = 3.0
_TOP_DB: Final = 3.0
"""The middle of a vowel is that of the time for which the level is within this of its top."""

_SMOOTH: Final = (0.12, 0.22, 0.32, 0.22, 0.12)
"""Weights of five rows: half a period of a low voice must not count as a dip."""

_QUIETEST_DB: Final = -55.0
_BELOW_SPEECH_DB: Final = 22.0
_PAUSE_S: Final = 0.18
_REMEMBERED: Final = 12
"""Vowels that the next one is compared with: about three seconds."""

_USUAL: Final = (-22.0, 0.085, 3.0)
"""Level in dB, length in seconds and pitch in semitones before any was heard."""

_WEIGHTS: Final = (0.22, 14.0, 0.25)
"""Prominence for a dB, a second and a semitone beyond what is usual."""


@dataclass(frozen=True, slots=True)
class Vowel:
    """`at`: seconds of the audio; `prominence` about -2 to 3, 0 is the usual vowel's.

    `rise`: semitones above the median of those before it, 0 where no pitch was heard.
    """

    at: float
    prominence: float
    rise: float


@dataclass(frozen=True, slots=True)
class PhraseEnd:
    """The voice paused, `at` seconds; `fell`: the pitch went down before it, in semitones."""

    at: float
    fell: float


@dataclass(frozen=True, slots=True)
class PhraseStart:
    """The voice begins, at first or after a pause."""

    at: float


Mark = Vowel | PhraseEnd | PhraseStart


class Syllables:
    """Feeds on rows of `VoiceTrack`."""

    def __init__(self) -> None:
        self._levels: deque[float] = deque([-90.0] * len(_SMOOTH), len(_SMOOTH))
        self._row = -(len(_SMOOTH) // 2)
        self._rising = True
        self._extreme = -90.0
        self._history: deque[tuple[float, float]] = deque(maxlen=80)
        self._pitches: deque[float] = deque([math.nan] * 3, 3)
        self._last_levels: deque[float] = deque([_USUAL[0]], _REMEMBERED)
        self._last_lengths: deque[float] = deque([_USUAL[1]] * 3, _REMEMBERED)
        self._last_pitches: deque[float] = deque(maxlen=_REMEMBERED)
        self._loudest = -45.0
        self._speaking = False
        self._top_row = 0
        self._silent_since = 0
        self._marks: list[Mark] = []

    def feed(self, rows: FloatArray) -> list[Mark]:
        """What these rows made sure, in order of time."""
        for level, pitch in rows.tolist():
            self._step(level, pitch)
        marks, self._marks = self._marks, []
        return marks

    def _step(self, level: float, pitch: float) -> None:
        self._levels.append(level)
        self._pitches.append(pitch)
        smooth = sum(w * x for w, x in zip(_SMOOTH, self._levels, strict=True))
        # The middle of five levels goes with the middle of five pitches, the first of these three
        self._history.append((smooth, self._pitches[0]))
        self._row += 1
        self._loudest = max(self._loudest - 0.03, smooth)
        if self._rising:
            if smooth > self._extreme:
                self._extreme, self._top_row = smooth, self._row
            elif smooth < self._extreme - _DIP_DB:
                self._vowel()
                self._rising, self._extreme = False, smooth
        elif smooth < self._extreme:
            self._extreme = smooth
        elif smooth > self._extreme + _DIP_DB:
            self._rising, self._extreme, self._top_row = True, smooth, self._row
        self._note_pause(smooth)

    def _note_pause(self, smooth: float) -> None:
        if smooth > self._threshold():
            self._silent_since = self._row
        elif self._speaking and self._row - self._silent_since >= _PAUSE_S * ROW_RATE:
            self._speaking = False
            self._marks.append(PhraseEnd(self._silent_since / ROW_RATE, self._fall()))

    def _threshold(self) -> float:
        return max(_QUIETEST_DB, self._loudest - _BELOW_SPEECH_DB)

    def _vowel(self) -> None:
        """The level has fallen from a top: judge it."""
        top = self._extreme
        if top < self._threshold():
            return
        # Rows around the top, newest last
        rows = list(self._history)
        place = len(rows) - 1 - (self._row - self._top_row)
        if place < 0:
            return
        first = last = place
        while first > 0 and rows[first - 1][0] >= top - _TOP_DB:
            first -= 1
        while last < len(rows) - 1 and rows[last + 1][0] >= top - _TOP_DB:
            last += 1
        pitches = [pitch for _, pitch in rows[first : last + 1] if not math.isnan(pitch)]
        if len(pitches) < max(2, 0.3 * (last - first + 1)):
            return
        middle = (self._top_row + (first + last) / 2 - place) / ROW_RATE
        length = (last - first + 1) / ROW_RATE
        pitch = float(np.max(pitches)) if len(pitches) < 4 else sorted(pitches)[-2]
        self._judge(middle, top, length, pitch, (self._top_row + first - place) / ROW_RATE)

    def _judge(self, at: float, level: float, length: float, pitch: float, begin: float) -> None:
        if not self._speaking:
            self._speaking = True
            self._marks.append(PhraseStart(max(begin - 0.05, 0.0)))
        usual_pitch = _median(self._last_pitches) if self._last_pitches else pitch
        rise = pitch - usual_pitch
        if abs(rise) > 10.0:  # an octave is the tracker's error, not the voice's
            rise = 0.0
        apart = (
            level - sum(self._last_levels) / len(self._last_levels),
            length - sum(self._last_lengths) / len(self._last_lengths),
            rise,
        )
        prominence = sum(w * x for w, x in zip(_WEIGHTS, apart, strict=True))
        self._last_levels.append(level)
        self._last_lengths.append(min(length, 0.25))
        self._last_pitches.append(pitch)
        self._marks.append(Vowel(at, min(max(prominence, -3.0), 3.0), rise))

    def _fall(self) -> float:
        if len(self._last_pitches) < 3:
            return 0.0
        return _median(self._last_pitches) - self._last_pitches[-1]


def _median(values: deque[float]) -> float:
    ordered = sorted(values)
    return ordered[len(ordered) // 2]
