# SPDX-License-Identifier: Apache-2.0
"""One utterance's turn, from its start to its one outcome, and the figures kept about it."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from driving_client.motion_failure import MotionFailure, MotionReason
from driving_client.utterance import Utterance
from kioskd.audio.snapshot import AudioSnapshot
from kioskd.metrics import Metrics
from kioskd.playback.face import MotionRetarget
from kioskd.playback.speech import SpeechFollower, SpeechMotion
from kioskd.playback.stillness import Stillness

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class Turn:
    """`ticket` tells which call of `AudioOutput.play` a snapshot of the sound belongs to.

    `local_reason`: why its lips follow its sound now, None while they do not.
    """

    utterance: Utterance
    ticket: int
    follower: SpeechFollower
    paused: bool = False
    announced: bool = False
    voice_came: float | None = None
    stalled_since: float | None = None
    face_shown: bool = False
    retarget: MotionRetarget | None = None
    stillness: Stillness | None = None
    counted_motionless: bool = False
    local_reason: MotionReason | None = None
    counted_s: float = 0.0

    def of(self, audio: AudioSnapshot) -> AudioSnapshot:
        """The snapshot if it is about this turn, else one of a voice that has not begun."""
        if audio.ticket == self.ticket:
            return audio
        return AudioSnapshot(at=audio.at)

    def note_position(self, position_s: float, metrics: Metrics) -> None:
        """Count the speech heard since the last time."""
        if position_s > self.counted_s:
            metrics.speech_seconds.inc(position_s - self.counted_s)
            if self.local_reason is not None:
                metrics.local_motion_seconds.labels(reason=self.local_reason).inc(
                    position_s - self.counted_s
                )
            self.counted_s = position_s

    def note_motionless(self, reason: MotionReason, metrics: Metrics) -> None:
        """Count this utterance, once, as one that went on without motion."""
        if not self.counted_motionless:
            self.counted_motionless = True
            metrics.audio_only.labels(reason=reason).inc()

    def stalled_for(self, now: float, audio: AudioSnapshot) -> float:
        """Seconds that the voice has been waiting for samples (a pause does not count)."""
        if audio.running or self.paused or (audio.started and not audio.starved):
            self.stalled_since = None
            return 0.0
        if self.stalled_since is None:
            self.stalled_since = now
        return now - self.stalled_since

    def reasons(self, motion: SpeechMotion, audio: AudioSnapshot) -> tuple[MotionReason, ...]:
        """What is less than it should be about this utterance, for health."""
        reasons: list[MotionReason] = []
        if audio.starved and not self.paused:
            reasons.append(MotionFailure.AUDIO_STARVED)
        why = self._why_motionless(motion)
        told = motion.status == "audio_only" or (audio.started and not self.paused)
        if why is not None and told:
            reasons.append(why)
        return tuple(reasons)

    def note_motion(self, motion: SpeechMotion, metrics: Metrics) -> None:
        """Tell log and metrics when the lips begin to follow the sound, and when they cease to."""
        why = self._why_motionless(motion)
        audio_only = motion.status == "audio_only"
        if why is not None and audio_only:
            self.note_motionless(why, metrics)
        before, self.local_reason = self.local_reason, why if motion.by_lips else None
        if self.local_reason == before:
            return
        request_id = self.utterance.request_id
        if self.local_reason is None:
            logger.info(
                "utterance %s: motion is back at %.2f s",
                request_id,
                self.counted_s,
                extra={"code": "local_motion_ended"},
            )
        else:
            level = (
                logging.WARNING
                if audio_only and why is not MotionFailure.NO_ENDPOINT
                else logging.INFO
            )
            logger.log(
                level,
                "utterance %s: the lips follow the sound from %.2f s on: %s",
                request_id,
                self.counted_s,
                why,
                extra={"code": "local_motion_began"},
            )

    def _why_motionless(self, motion: SpeechMotion) -> MotionReason | None:
        """Why this utterance has no motion of its own now; None while it has."""
        failure = self.utterance.motion_failure
        if motion.status == "audio_only":
            return failure if failure is not None else MotionFailure.TIMEOUT
        if motion.status in ("waiting", "local") and self.utterance.motion_length == 0:
            return MotionFailure.LATE
        if motion.status == "local" or (motion.status == "held" and motion.sample is None):
            return MotionFailure.STALLED
        return None
