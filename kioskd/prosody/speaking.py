# SPDX-License-Identifier: Apache-2.0
"""Head and upper face of one utterance, from its sound, a little ahead of what is heard.

The work is spread over the frames: at most 0.12 s of sound is listened to in one, which takes 0.15
ms, and none while 3 s lie ahead of what is heard; with the strokes and the pose, 0.06 ms of a
frame on average. With less than 0.3 s of sound ahead, beats come up to 70 ms late or not at all.
Measured: 0.7 a second with 0.3 s ahead or more, 0.5 with 0.2 s, 0.15 with 0.1 s.
"""

from __future__ import annotations

import math
import random
from typing import Final

import numpy as np

from driving_client.motion import FloatArray
from driving_client.utterance import Utterance
from kioskd.life.wander import Wander
from kioskd.prosody.gestures import Gestures
from kioskd.prosody.strokes import HEAD, Strokes, least_jerk
from kioskd.prosody.syllables import PhraseEnd, PhraseStart, Syllables
from kioskd.prosody.voice_track import ROW_RATE, VoiceTrack

_AHEAD_S: Final = 3.0
_PIECE_S: Final = 0.12
_SMALLEST_S: Final = 0.04
_UNSURE_S: Final = 0.1
"""So long before the last row, a vowel may not have been told yet."""

_NO_ROWS: Final = np.zeros((0, 2), np.float32)
_SILENCE: Final = np.tile(np.array([[-90.0, np.nan]], np.float32), (30, 1))
"""What follows the last sample, so that the last phrase ends."""

_SWAY: Final = {0.2: np.radians([0.5, 2.9, 1.2]).astype(np.float32)}
"""What moves all the time under all that is aimed at: standard deviation of pitch, yaw and roll, in
noise with half its power below 1 Hz. Slower, it makes beginnings alike: in 3.5 s of it there is
time for one turn, which goes to one side or the other. Less of pitch, where it would be a beat."""

_FURTHEST: Final = np.radians(np.array([12.0, 18.0, 9.0])).astype(np.float32)

_SWAY_IN_S: Final = 0.6
"""After the first vowel: a voice that says nothing moves nothing."""


class SpeakingGestures:
    """Follows one utterance; used by the render thread only."""

    def __init__(self, utterance: Utterance, seed: str) -> None:
        self._utterance = utterance
        self._track = VoiceTrack(utterance.sample_rate)
        self._syllables = Syllables()
        self._gestures = Gestures(seed)
        self._strokes = Strokes()
        self.phrase_ends: list[float] = []
        """Seconds of the sound, as far as they are known."""
        self._taken = 0
        self._rows = 0
        self._ended = False
        self._began = math.inf
        self._sway = Wander(_SWAY, random.Random(f"sway {seed}"))
        self._latest = 0.0

    def listen(self, heard_s: float) -> None:
        """Listen on; once per frame, also before the first sample is heard."""
        marks = self._syllables.feed(self._rows_of(heard_s))
        for mark in marks:
            if isinstance(mark, PhraseEnd):
                self.phrase_ends.append(mark.at)
            elif isinstance(mark, PhraseStart):
                self._began = min(self._began, mark.at)
        known_s = math.inf if self._ended else self._rows / ROW_RATE - _UNSURE_S
        for stroke in self._gestures.feed(marks, known_s, heard_s):
            self._strokes.add(stroke)

    def _rows_of(self, heard_s: float) -> FloatArray:
        """Rows of the next piece of sound, none where it is not time for it."""
        utterance = self._utterance
        rate = utterance.sample_rate
        ended = utterance.audio_ended
        waits = utterance.audio_length - self._taken < _SMALLEST_S * rate and not ended
        if self._ended or waits or self._taken >= (heard_s + _AHEAD_S) * rate:
            return _NO_ROWS
        samples = utterance.audio(self._taken, round(_PIECE_S * rate))
        self._taken += len(samples)
        rows = self._track.feed(samples)
        if ended and self._taken >= utterance.audio_length:
            self._ended = True
            rows = np.concatenate([rows, self._track.finish(), _SILENCE])
        self._rows += len(rows)
        return rows

    def at(self, heard_s: float) -> FloatArray:
        """The channels of `strokes.CHANNELS` at this second of the sound, shape (12,)."""
        shown = self._strokes.at(heard_s)
        begun = least_jerk((heard_s - self._began) / _SWAY_IN_S)
        # What was heard may be known better, a little earlier, in the next frame
        self._latest = max(self._latest, heard_s)
        shown[HEAD] += np.float32(begun) * self._sway.at(self._latest)
        # Strokes that fall together must not add up to a head that is thrown about
        shown[HEAD] = _FURTHEST * np.tanh(shown[HEAD] / _FURTHEST)
        return shown
