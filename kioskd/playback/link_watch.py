# SPDX-License-Identifier: Apache-2.0
"""Whether motion can be hoped for: the link's state, and when speech goes on alone.

No connection for 15 s, speech without motion for as long, or a stream that ended without any
motion: from then on speech is audio-only and waits for nothing, until the link is back. Motion
that does come proves the endpoint well again: one empty answer must not silence the face of a
kiosk whose link then stays up for weeks. See kioskd/README.md, When motion is late or lost.
"""

from __future__ import annotations

from driving_client.motion_failure import MotionFailure


class LinkWatch:
    """Fed with the link's events; times are monotonic seconds."""

    def __init__(self, now: float, audio_only_after_s: float) -> None:
        self._patience_s = audio_only_after_s
        self._down_since: float | None = now
        self._ever_up = False
        self._motionless: MotionFailure | None = None

    @property
    def is_up(self) -> bool:
        """Whether a session is confirmed."""
        return self._down_since is None

    def came_up(self) -> None:
        """The session is confirmed."""
        self._down_since = None
        self._ever_up = True
        self._motionless = None

    def went_down(self, now: float) -> None:
        """The link is lost; repeated losses count from the first."""
        if self._down_since is None:
            self._down_since = now

    def motion_was_empty(self) -> None:
        """An utterance's motion ended without a frame."""
        self._motionless = MotionFailure.EMPTY

    def motion_timed_out(self) -> None:
        """An utterance has been heard for the whole patience without motion."""
        self._motionless = MotionFailure.TIMEOUT

    def motion_came(self) -> None:
        """Motion has arrived."""
        self._motionless = None

    def audio_only(self, now: float) -> MotionFailure | None:
        """The reason why speech does not wait for motion, or None."""
        if self._motionless is not None:
            return self._motionless
        if self._down_since is not None and now - self._down_since >= self._patience_s:
            return MotionFailure.NO_CONNECTION
        return None

    def reasons(self, now: float) -> tuple[MotionFailure, ...]:
        """What is wrong with the link now."""
        reasons = []
        if self._down_since is not None and self._ever_up:
            reasons.append(MotionFailure.LINK_DOWN)
        audio_only = self.audio_only(now)
        if audio_only:
            reasons.append(audio_only)
        return tuple(reasons)
