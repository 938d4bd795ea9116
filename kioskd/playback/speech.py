# SPDX-License-Identifier: Apache-2.0
"""What moves the lips of one utterance at the position of its sound: its motion, or the sound.

Motion that is late is held for a few frames; then, or at once where none is hoped for, the
lips follow the voice itself (`LocalLips`) until motion is back to stay. A standing voice
(paused, or starved by the network) is held for as many frames, and then the face lets go.
Every change of what moves them counts as a joint, from which the face eases.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from driving_client.motion import FRAME_RATE, MotionSample
from driving_client.utterance import Utterance
from kioskd.playback.local_lips import READY_AFTER_S, LocalLips
from kioskd.playback.snapshot import MotionStatus

FRAME_S: Final = 1.0 / FRAME_RATE
"""Transitions and holds are counted in frames of the wire, 40 ms each."""


@dataclass(frozen=True, slots=True)
class SpeechMotion:
    """`sample` is None when the face is to rest; `joined` counts the changes of what moves it.

    `by_lips`: the sample is made from the voice. `moves`: it goes on with the sound, and is not
    held. `missing_s`: for so long the voice has been heard without motion of its own.
    """

    sample: MotionSample | None
    status: MotionStatus
    joined: int
    by_lips: bool = False
    moves: bool = False
    missing_s: float = 0.0


class SpeechFollower:
    """Follows one utterance; used by the render thread only."""

    def __init__(
        self, utterance: Utterance, lips: LocalLips, hold_frames: int, limit_s: float
    ) -> None:
        self._utterance = utterance
        self._lips = lips
        self._hold_s = hold_frames * FRAME_S
        self._limit_s = limit_s
        self._stood_since: float | None = None
        self._missing_since: float | None = None
        self._back_since: float | None = None
        self._late = False
        self._by_lips = False
        self._joined = 0

    def at(self, now: float, position_s: float, *, running: bool, started: bool) -> SpeechMotion:
        """Motion for the frame that will be seen when `position_s` is heard."""
        motion = self._utterance.motion_at(position_s)
        overdue = self._overdue(motion, position_s)
        here = overdue <= FRAME_S
        standing = self._standing(now, running=running)
        missing_s = self._missing(now, here=here or not running)
        if self._by_lips or not here or self._runs_out(position_s):
            self._lips.follow(now, position_s)
        else:
            self._lips.forget()
        if started:
            self._choose(now, position_s, overdue, running=running)
        late = standing > FRAME_S or not (here or self._by_lips)
        if self._late and not late:
            self._joined += 1
        self._late = late
        sample = self._lips.at(position_s) if self._by_lips else motion
        # What is between two frames goes on from one to the other; the last one stands
        on_its_way = overdue == 0 and position_s < (self._utterance.motion_length - 1) / FRAME_RATE
        moves = running and (self._lips.ready(position_s) if self._by_lips else on_its_way)
        # While the lips get ready, the face holds on
        lost = overdue > self._hold_s and not self._by_lips
        let_go = standing > self._hold_s or (lost and not (running and self._lips.usable))
        status = self._status(motion, late=late, missing_s=missing_s)
        return SpeechMotion(
            None if let_go else sample, status, self._joined, self._by_lips, moves, missing_s
        )

    def _overdue(self, motion: MotionSample | None, position_s: float) -> float:
        """Seconds for which this instant's motion has been missing; infinite before the first."""
        if motion is None:
            return math.inf
        if not self._utterance.motion_ended:
            return motion.overdue_s
        # The tail under one frame has no motion of its own; more than that is motion missing
        return max(motion.overdue_s, position_s - self._utterance.motion_length / FRAME_RATE)

    def _runs_out(self, position_s: float) -> bool:
        """Whether motion is known to end soon, before the voice does."""
        utterance = self._utterance
        end_s = utterance.motion_length / FRAME_RATE
        final = utterance.motion_ended or utterance.motion_failure is not None
        soon = end_s - position_s < READY_AFTER_S
        return final and soon and utterance.audio_seconds > end_s + FRAME_S

    def _standing(self, now: float, *, running: bool) -> float:
        if running:
            self._stood_since = None
        elif self._stood_since is None:
            self._stood_since = now
        return now - self._stood_since if self._stood_since is not None else 0.0

    def _missing(self, now: float, *, here: bool) -> float:
        if here:
            self._missing_since = None
        elif self._missing_since is None:
            self._missing_since = now
        return now - self._missing_since if self._missing_since is not None else 0.0

    def _choose(self, now: float, position_s: float, overdue: float, *, running: bool) -> None:
        """Whether motion or the voice moves the lips from now on."""
        if overdue > FRAME_S:
            self._back_since = None
            failed = self._utterance.motion_failure is not None
            wanted = running and (failed or overdue > self._hold_s)
            if wanted and not self._by_lips and self._lips.ready(position_s):
                self._by_lips = True
                self._joined += 1
            return
        if self._by_lips and self._is_back(now, position_s):
            self._by_lips = False
            self._joined += 1

    def _is_back(self, now: float, position_s: float) -> bool:
        """Motion is there to stay, not a crumb between two gaps: the face must not waver."""
        utterance = self._utterance
        if self._back_since is None:
            self._back_since = now
        ahead_s = utterance.motion_length / FRAME_RATE - position_s
        return (
            utterance.motion_ended
            or ahead_s >= self._hold_s
            or now - self._back_since >= self._hold_s
        )

    def _status(self, motion: MotionSample | None, *, late: bool, missing_s: float) -> MotionStatus:
        if self._by_lips or motion is None or late:
            if self._utterance.motion_failure is not None or missing_s >= self._limit_s:
                return "audio_only"
            if self._by_lips:
                return "local"
            return "waiting" if motion is None else "held"
        return "flowing"
