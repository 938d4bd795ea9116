# SPDX-License-Identifier: Apache-2.0
"""The motion of one utterance at the position of its sound, and what to do when it is late.

Late motion and a standing voice (paused, or starved by the network) look alike: the face
holds for a few frames, then lets go. Motion that comes again joins at the audio position.
"""

from __future__ import annotations

from dataclasses import dataclass

from driving_client.motion import FRAME_RATE, MotionSample
from driving_client.utterance import Utterance
from kioskd.playback.settings import FRAME_S
from kioskd.playback.snapshot import MotionStatus


@dataclass(frozen=True, slots=True)
class SpeechMotion:
    """`sample` is None when the face shall rest; `joined` counts the times motion came back."""

    sample: MotionSample | None
    status: MotionStatus
    joined: int


class SpeechFollower:
    """Follows one utterance; used by the render thread only."""

    def __init__(self, utterance: Utterance, hold_frames: int) -> None:
        self._utterance = utterance
        self._hold_s = hold_frames * FRAME_S
        self._stood_since: float | None = None
        self._late = False
        self._joined = 0

    def at(self, now: float, position_s: float, *, running: bool) -> SpeechMotion:
        """Motion for the frame that will be seen when `position_s` is heard."""
        utterance = self._utterance
        sample = utterance.motion_at(position_s)
        failed = utterance.motion_failure is not None
        if sample is None:
            status: MotionStatus = "audio_only" if failed else "waiting"
            return SpeechMotion(None, status, self._joined)
        if running:
            self._stood_since = None
        elif self._stood_since is None:
            self._stood_since = now
        late = sample.overdue_s
        if utterance.motion_ended:
            # The tail under one frame has no motion of its own; more than that is motion missing
            late = max(late, position_s - utterance.motion_length / FRAME_RATE)
        standing = now - self._stood_since if self._stood_since is not None else 0.0
        overdue = max(late, standing)
        if overdue <= FRAME_S:
            if self._late:
                self._late = False
                self._joined += 1
            return SpeechMotion(sample, "flowing", self._joined)
        self._late = True
        status = "audio_only" if failed else "held"
        return SpeechMotion(sample if overdue <= self._hold_s else None, status, self._joined)
