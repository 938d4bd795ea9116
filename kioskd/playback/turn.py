# SPDX-License-Identifier: Apache-2.0
"""One utterance's turn, from its start to its one outcome, and the figures kept about it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from driving_client.utterance import Utterance
from kioskd.audio.snapshot import AudioSnapshot
from kioskd.metrics import Metrics
from kioskd.playback.face import MotionRetarget
from kioskd.playback.speech import SpeechFollower, SpeechMotion

_CODE: Final = re.compile(r"[a-z][a-z0-9_]{0,39}")


def motionless_code(failure: str) -> str:
    """A stable code for why an utterance has no motion, from what the link told."""
    if failure == "empty":
        return "motion_empty"
    return failure if _CODE.fullmatch(failure) else "motion_failed"


@dataclass(slots=True)
class Turn:
    """`ticket` tells which call of `AudioOutput.play` a snapshot of the sound belongs to."""

    utterance: Utterance
    ticket: int
    follower: SpeechFollower
    paused: bool = False
    announced: bool = False
    voice_came: float | None = None
    stalled_since: float | None = None
    face_shown: bool = False
    retarget: MotionRetarget | None = None
    motionless: str | None = None
    counted_s: float = 0.0

    def of(self, audio: AudioSnapshot) -> AudioSnapshot:
        """The snapshot if it is about this turn, else one of a voice that has not begun."""
        if audio.ticket == self.ticket:
            return audio
        return AudioSnapshot(request_id=self.utterance.request_id, at=audio.at)

    def note_position(self, position_s: float, metrics: Metrics) -> None:
        """Count the speech heard since the last time."""
        if position_s > self.counted_s:
            metrics.speech_seconds.inc(position_s - self.counted_s)
            self.counted_s = position_s

    def note_motionless(self, reason: str, metrics: Metrics) -> None:
        """Count this utterance, once, as one that went on without motion."""
        if self.motionless is None:
            self.motionless = reason
            metrics.audio_only.labels(reason=reason).inc()

    def stalled_for(self, now: float, audio: AudioSnapshot) -> float:
        """Seconds that the voice has been waiting for samples (a pause does not count)."""
        if audio.running or self.paused or (audio.started and not audio.starved):
            self.stalled_since = None
            return 0.0
        if self.stalled_since is None:
            self.stalled_since = now
        return now - self.stalled_since

    def reasons(self, motion: SpeechMotion, audio: AudioSnapshot) -> tuple[str, ...]:
        """Codes of what is less than it should be about this utterance, for health."""
        codes = []
        if audio.starved and not self.paused:
            codes.append("audio_starved")
        if motion.status == "held" and motion.sample is None and not self.paused:
            codes.append("motion_stalled")
        if motion.status == "waiting" and audio.started:
            codes.append("motion_late")
        failure = self.utterance.motion_failure
        if motion.status == "audio_only" and failure is not None:
            codes.append(motionless_code(failure))
        return tuple(codes)
