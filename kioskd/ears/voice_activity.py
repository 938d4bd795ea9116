# SPDX-License-Identifier: Apache-2.0
"""How much 10 ms of cleaned sound speak for a visitor.

webrtcvad asks of each frame whether it sounds like speech; it calls noise and what is left of an
echo speech too, so a frame also has to stand out from the room's noise. In quiet Silero then has
the last word. Over the kiosk's voice it has none: at 6 dB below the echo it knew half of the
visitor's frames at best. There a frame counts by its level below the kiosk's own voice as it is
recorded, and it takes many: what is left of an echo is loud for moments only.

Measured in simulated rooms without real time (as `scripts/bench_ears.py --simulated` does) and on
the scenes that the figures below were chosen by: 16 visitors at 6 dB below the echo, from the first
voiced frame to the decision p50 and p95; and 200 s of own voice, in which no turn began.

| dry | office | hall |
|---|---|---|
| 132, 230 ms | 152, 2993 ms, one missed: the first, 14 s after the start | 127, 222 ms |

With a limit for each frame, five of twelve above it, p95 was 400 to 1300 ms. It takes 1 to 4 ms of
a core a second, 14 while somebody speaks in quiet.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class Voicing:
    """What is heard of a visitor in a frame.

    `vote`: 0 to 1, how much it speaks for a turn. `likely`: enough to belong to a turn that others
    prove; Silero is slow to believe a beginning.
    """

    vote: float = 0.0
    likely: bool = False


SILENT: Final = Voicing()

_ABOVE_DB: Final = 9.0
"""A visitor stands out from the room's noise by this."""

_SURE: Final = 0.5
"""Of Silero, in quiet."""

_BELOW_OWN_DB: Final = 22.0
_SPAN_DB: Final = 6.0
"""Over the kiosk's voice a frame's vote grows from 0 at this level below it by one in so many."""

_ABOVE_REST_DB: Final = 15.0
"""But it is 0 up to this level above what cleaning leaves of that voice in most seconds: where the
echo is not cancelled well, a visitor has to be louder."""

_ECHOES: Final = 50
"""Frames after the kiosk's voice that tell nothing of the room's noise."""

_LEARNING: Final = 1000
"""Frames of the kiosk's voice in which the canceller finds out how the room answers, and where the
echo lies in time. Whole syllables were left of it up to 8 s after the start."""

_NEW: Final = 1500
_WARY: Final = 0.6
"""In so many a vote counts for less."""

_ADDED: Final = 4.0
_MISLED: Final = 12
"""A linear filter that leaves so many times the power that was recorded expects an echo that is
not there: so many frames of its are not believed."""

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
        self._doubtful = 0
        self._heard_own = 0
        self._since_own = _ECHOES + 1
        self._cleaned: deque[float] = deque(maxlen=_SMOOTHED)
        self._recorded: deque[float] = deque(maxlen=_SMOOTHED)

    def hear(self, frame: CleanFrame, recorded: RawFrame, *, speech: bool, deaf: bool) -> Voicing:
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
        self._doubt(frame, before)
        speechlike = self._gate.is_speech(frame.samples.tobytes(), RATE)
        believed = not deaf and not self._doubtful
        likely = speechlike and believed and level > self._least_db(own=frame.own)
        sure = self._silero.hear(frame.samples, wake=likely and not frame.own)
        vote = self._vote_over(level) if frame.own else float(sure >= _SURE)
        if speech:
            self._spoken.add(power)
        elif frame.own:
            self._learn_own(power, before, echo=not speechlike or lowered > _HARDLY_DB)
        elif self._since_own > _ECHOES:
            self._room.add(power)
        self._since_own = 0 if frame.own else self._since_own + 1
        self._loudest = max(self._loudest - _FADES_DB, level) if speech else level
        if not likely:
            return SILENT
        return Voicing(vote if level > self._loudest - _WITHIN_DB else 0.0, likely=True)

    @property
    def learned(self) -> bool:
        """Whether so much of the kiosk's own voice was heard that its echo is surely gone."""
        return self._heard_own >= _LEARNING

    @property
    def judged(self) -> int:
        """How often Silero was asked, for 32 ms each."""
        return self._silero.judged

    def accept(self) -> None:
        """What was taken for speech is the room's noise."""
        self._room = self._spoken

    def _doubt(self, frame: CleanFrame, recorded: float) -> None:
        """How many frames from this one on may hold an echo that the canceller made itself."""
        if frame.own and frame.left is not None and power_of(frame.left) > _ADDED * recorded:
            self._doubtful = _MISLED
        else:
            self._doubtful = max(self._doubtful - 1, 0)

    def _least_db(self, *, own: bool) -> float:
        """The level that a visitor has at least."""
        least = max(self._room.db + _ABOVE_DB, _LEAST_DB)
        return max(least, self._zero_db()) if own else least

    def _zero_db(self) -> float:
        """Over the kiosk's voice, the level up to which a frame has no vote."""
        return max(self._own.db - _BELOW_OWN_DB, self._rest.db + _ABOVE_REST_DB)

    def _vote_over(self, level: float) -> float:
        vote = min(max((level - self._zero_db()) / _SPAN_DB, 0.0), 1.0)
        return vote * _WARY if self._heard_own < _NEW else vote

    def _learn_own(self, power: float, recorded: float, *, echo: bool) -> None:
        """What the kiosk's own voice is like, and what is left of it, from a frame of it."""
        self._heard_own += 1
        self._own.add(recorded)
        if echo:
            self._rest.add(power)
