# SPDX-License-Identifier: Apache-2.0
"""Whether 10 ms of cleaned sound hold a visitor's voice.

webrtcvad asks of each frame whether it sounds like speech; it calls noise and what is left of an
echo speech too, so a frame also has to stand out: from the room's noise, and while the kiosk is
heard from what cleaning leaves of its voice. The canceller lowers a frame of nothing but echo by
24 dB at least in a dry room and an office (10 minutes of each, simulated), one that a visitor
speaks in by 2 to 7 in a quarter of all frames. In quiet Silero has the last word. Over the kiosk's
voice it has none: at 6 dB below the echo it knows half of the visitor's frames at best.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

import webrtcvad

from kioskd.ears.background import Background, decibels, power_of
from kioskd.ears.frames import CleanFrame, RawFrame
from kioskd.ears.settings import RATE
from kioskd.ears.silero import Silero

_MODE: Final = 2
"""Of webrtcvad's 0 to 3: how unwilling it is to call something speech."""

_SMOOTHED: Final = 3
"""Frames over which levels are taken."""


class Voice(Enum):
    """What is heard of a visitor in a frame."""

    NONE = auto()
    LIKELY = auto()
    """Enough to belong to a turn that others prove: Silero is slow to believe a beginning."""
    SURE = auto()


@dataclass(frozen=True, slots=True)
class Strictness:
    """What a frame has to prove beyond webrtcvad's word.

    `above_db`: how far it stands above the background; `below_own_db`: how far below the kiosk's
    own voice, as it is recorded, it may be at most; `lowered_db`: cleaning may have taken away that
    much at most; `sure`: what Silero has to say at least.
    """

    above_db: float
    below_own_db: float
    lowered_db: float
    sure: float


QUIET: Final = Strictness(above_db=9.0, below_own_db=math.inf, lowered_db=math.inf, sure=0.5)
OVER: Final = Strictness(above_db=21.0, below_own_db=15.0, lowered_db=20.0, sure=0.0)

_WITHIN_DB: Final = 14.0
"""A turn goes on while its voice is no more than this below its loudest: what is weaker is the
room's answer to it. Speech falls further than that only for moments."""

_FADES_DB: Final = 0.03
"""So much a frame the loudest is forgotten."""

_HARDLY_DB: Final = 3.0
"""What is lowered by less is no echo, or one that the canceller does not know yet."""

_LEAST_DB: Final = -65.0
"""Below this is no voice that anybody could understand."""

_ROOM_DB: Final = -60.0
_REST_DB: Final = -40.0
_OWN_DB: Final = -30.0
"""What is assumed of the room, of what is left of an echo, and of the kiosk's own voice, for the
first second of each."""


class VoiceActivity:
    """Takes frames in their order; used by the ears' thread only."""

    def __init__(self) -> None:
        self._gate = webrtcvad.Vad(_MODE)
        self._silero = Silero()
        self._room = Background(_ROOM_DB)
        self._rest = Background(_REST_DB)
        self._own = Background(_OWN_DB)
        self._spoken = Background(_ROOM_DB)
        self._loudest = -math.inf
        self._cleaned: deque[float] = deque(maxlen=_SMOOTHED)
        self._recorded: deque[float] = deque(maxlen=_SMOOTHED)

    def hear(self, frame: CleanFrame, recorded: RawFrame, *, speech: bool, deaf: bool) -> Voice:
        """A frame. `speech`: within a visitor's turn; `deaf`: nobody wants to know."""
        if frame.gap:
            self._cleaned.clear()
            self._recorded.clear()
            self._silero.forget()
        power, before = power_of(frame.samples), power_of(recorded.samples)
        self._cleaned.append(power)
        self._recorded.append(before)
        level = decibels(sum(self._cleaned) / len(self._cleaned))
        lowered = decibels(sum(self._recorded) / len(self._recorded)) - level
        strictness, least = (OVER, self._least_over()) if frame.own else (QUIET, self._least())
        speechlike = self._gate.is_speech(frame.samples.tobytes(), RATE)
        gate = speechlike and not deaf and level > least and lowered < strictness.lowered_db
        if speech:
            self._spoken.add(power)
        elif not frame.own:
            self._room.add(power)
        else:
            self._own.add(before)
            if not speechlike or lowered >= _HARDLY_DB:
                self._rest.add(power)
        sure = self._silero.hear(frame.samples, wake=gate)
        self._loudest = max(self._loudest - _FADES_DB, level) if speech else level
        if not gate:
            return Voice.NONE
        loud = level > self._loudest - _WITHIN_DB
        return Voice.SURE if sure >= strictness.sure and loud else Voice.LIKELY

    @property
    def judged(self) -> int:
        """How often Silero was asked, for 32 ms each."""
        return self._silero.judged

    def accept(self) -> None:
        """What was taken for speech is the room's noise."""
        self._room = self._spoken

    def _least(self) -> float:
        """The level that a visitor has at least while the kiosk is silent."""
        return max(self._room.db + QUIET.above_db, _LEAST_DB)

    def _least_over(self) -> float:
        """And while it speaks."""
        return max(self._least(), self._rest.db + OVER.above_db, self._own.db - OVER.below_own_db)
