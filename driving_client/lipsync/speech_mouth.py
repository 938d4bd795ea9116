# SPDX-License-Identifier: Apache-2.0
"""Any voice to mouth controls: what drives the lips where no motion comes.

Log-mel frames go through the net; its rows are then scaled by what the level says: louder
speech opens the mouth further (with the square root of the amplitude, as in a recording of
the vendor's motion), no speech closes it, and where noise covers the closures they fade
instead of guessing.
"""

from __future__ import annotations

import functools
from typing import Final

import numpy as np

from driving_client.lipsync.log_mel import HALF_WINDOW_S, MEL_RATE, MELS, SILENCE, LogMel
from driving_client.lipsync.mouth_net import (
    AHEAD_MELS,
    NET_RATE,
    MouthNet,
    WindowNet,
    WindowStream,
    load_net,
)
from driving_client.lipsync.speech_level import SpeechLevel
from driving_client.motion import FRAME_RATE, FloatArray
from driving_client.retarget.mouth import CLOSE, CONTROL_NAMES, FV, OPEN, PUCKER, WIDE
from driving_client.utterance import Samples

LOOK_AHEAD_S: Final = AHEAD_MELS / MEL_RATE + HALF_WINDOW_S
"""Audio needed beyond a row's instant: 82.5 ms.

What follows a closure tells which it was: with half of this a third more of p b m went wrong on
voices that training never heard. The kiosk reads a voice ahead of what is heard by more."""

_TEETH_SHUT: Final = 0.4
"""What a full f or v takes of the opening: a lip at the teeth is not away from them.

The net tells the two apart from each other, and where it heard an f or v, the opening was 0.10 and
0.11 on the two voices never learned from, where their labels have 0.08; with this it is 0.07 and
0.08, and off by a fifth to a quarter less. r of the opening is the same within 0.003."""

_ROUNDING_STEP: Final = 0.4
"""How much lips round or unround within a row: from spread to a whistle takes them 100 ms. The net
alone goes to and fro by half of the way in one row, where a u stands among consonants."""

_OF_VOWELS: Final = [OPEN, WIDE, PUCKER]
_STRIDE: Final = round(NET_RATE / FRAME_RATE)
_MELS: Final = round(MEL_RATE / FRAME_RATE)


class SpeechMouth:
    """Feeds on one piece of audio in any chunking and gives rows of six controls at 25 Hz.

    Row i is for i / 25 s after the first sample. `net` is the CPU's unless given.
    """

    def __init__(self, sample_rate: int, net: WindowNet | None = None) -> None:
        self._rate = sample_rate
        chosen = net if net is not None else _project_net()
        self._stream = chosen.stream() if isinstance(chosen, MouthNet) else WindowStream(chosen)
        self._log_mel = LogMel(sample_rate)
        self._level = SpeechLevel()
        self._rounding = 0.0
        # Frames from the one before the next row's instant on
        self._mel: FloatArray = np.full((1, MELS), SILENCE, np.float32)
        self._net_rows = 0
        self._given = 0
        self._fed = 0
        self._waiting: list[Samples] = []

    def feed(self, samples: Samples) -> FloatArray:
        """Controls, shape (n, 6), 0 to 1, of the instants that these samples completed."""
        self._fed += len(samples)
        self._waiting.append(samples.copy())
        # Many small steps through the net cost more than one: wait for what a row needs.
        if self._fed < self._log_mel.samples_for(_MELS * self._given + AHEAD_MELS):
            return np.zeros((0, len(CONTROL_NAMES)), np.float32)
        return self._advance()

    def finish(self) -> FloatArray:
        """The rows still owed, as if silence followed: one for each whole 40 ms fed in all.

        Call it once, after the last `feed`.
        """
        owed = int(self._fed * FRAME_RATE) // self._rate - self._given
        self._waiting.append(np.zeros(round(2.0 * LOOK_AHEAD_S * self._rate), np.int16))
        return self._advance()[:owed]

    def _advance(self) -> FloatArray:
        mel = self._log_mel.feed(np.concatenate(self._waiting))
        self._waiting.clear()
        self._mel = np.concatenate([self._mel, mel])
        rows = self._stream.feed(mel)
        # Of two rows of the net the first is at a whole 40 ms.
        chosen = rows[-self._net_rows % _STRIDE :: _STRIDE]
        self._net_rows += len(rows)
        self._given += len(chosen)
        return self._scaled(chosen)

    def _scaled(self, rows: FloatArray) -> FloatArray:
        """Rows at 25 Hz with the level's word on them."""
        scaled = rows.copy()
        for row in scaled:
            level = self._level.next(self._mel[:_MELS], float(row[_OF_VOWELS].max()))
            self._mel = self._mel[_MELS:]
            row[OPEN] = min(row[OPEN] * level.scale, 1.0)
            row[[CLOSE, FV]] *= level.clarity
            row[OPEN] *= 1.0 - _TEETH_SHUT * row[FV]
            least, most = self._rounding - _ROUNDING_STEP, self._rounding + _ROUNDING_STEP
            self._rounding = row[PUCKER] = min(max(float(row[PUCKER]), least), most)
            row *= level.gate
        return scaled


@functools.cache
def _project_net() -> MouthNet:
    return load_net()
