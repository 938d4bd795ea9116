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

    `above_db`: how far it stands above the background; `lowered_db`: cleaning may have taken away
    that much at most; `sure`: what Silero has to say at least.
    """

    above_db: float
    lowered_db: float
    sure: float


QUIET: Final = Strictness(above_db=9.0, lowered_db=200.0, sure=0.5)
OVER: Final = Strictness(above_db=21.0, lowered_db=20.0, sure=0.0)

_LEAST_DB: Final = -65.0
"""Below this is no voice that anybody could understand."""

_ROOM_DB: Final = -60.0
_REST_DB: Final = -40.0
"""What is assumed of the room and of what is left of an echo for the first second."""


class VoiceActivity:
    """Takes frames in their order; used by the ears' thread only."""

    def __init__(self) -> None:
        self._gate = webrtcvad.Vad(_MODE)
        self._silero = Silero()
        self._room = Background(_ROOM_DB)
        self._rest = Background(_REST_DB)
        self._spoken = Background(_ROOM_DB)
        self._cleaned: deque[float] = deque(maxlen=_SMOOTHED)
        self._recorded: deque[float] = deque(maxlen=_SMOOTHED)

    def hear(self, frame: CleanFrame, recorded: RawFrame, *, speech: bool, deaf: bool) -> Voice:
        """A frame. `speech`: within a visitor's turn; `deaf`: nobody wants to know."""
        if frame.gap:
            self._cleaned.clear()
            self._recorded.clear()
            self._silero.forget()
        power = power_of(frame.samples)
        self._cleaned.append(power)
        self._recorded.append(power_of(recorded.samples))
        strictness, background = (OVER, self._rest) if frame.own else (QUIET, self._room)
        speechlike = self._gate.is_speech(frame.samples.tobytes(), RATE)
        gate = speechlike and not deaf and self._stands_out(strictness, background)
        if speech:
            self._spoken.add(power)
        else:
            background.add(power)
        sure = self._silero.hear(frame.samples, wake=gate)
        if not gate:
            return Voice.NONE
        return Voice.SURE if sure >= strictness.sure else Voice.LIKELY

    @property
    def judged(self) -> int:
        """How often Silero was asked, for 32 ms each."""
        return self._silero.judged

    def accept(self) -> None:
        """What was taken for speech is the room's noise."""
        self._room = self._spoken

    def _stands_out(self, strictness: Strictness, background: Background) -> bool:
        level = decibels(sum(self._cleaned) / len(self._cleaned))
        before = decibels(sum(self._recorded) / len(self._recorded))
        return (
            level > max(background.db + strictness.above_db, _LEAST_DB)
            and before - level < strictness.lowered_db
        )
