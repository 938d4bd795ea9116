# SPDX-License-Identifier: Apache-2.0
"""A sound output whose time is the caller's, for whoever drives the real player by hand."""

from __future__ import annotations

from driving_client.utterance import Utterance
from kioskd.audio.snapshot import AudioSnapshot


class ClockedSound:
    """A sound output whose time is the test's: samples are heard as its clock passes.

    Like the audio thread it publishes now and then: right after a command its snapshot still
    tells of what was before.
    """

    def __init__(self) -> None:
        self.now = 100.0
        self.ticket = 0
        self.utterance: Utterance | None = None
        self.position = 0.0
        self.paused = self.started = self.running = False
        self.waited = 0.0
        self.hold_s = 0.0
        self.published = AudioSnapshot(at=self.now)

    def clock(self) -> float:
        """The time."""
        return self.now

    def play(self, utterance: Utterance, hold_s: float = 0.0) -> int:
        """As `AudioOutput` does; the ticket of its snapshots."""
        self.ticket += 1
        self.utterance, self.hold_s = utterance, hold_s
        self.position = self.waited = 0.0
        self.paused = self.started = self.running = False
        return self.ticket

    def drop(self) -> None:
        """Silence."""
        self.utterance = None
        self.running = False

    def pause(self) -> None:
        """Silence; the position stays."""
        self.paused, self.running = True, False

    def resume(self) -> None:
        """Go on."""
        self.paused = False

    def pass_time(self, seconds: float) -> None:
        """Let this much be heard, and tell of it."""
        self.now += seconds
        self.go_on(seconds)
        self.published = self.tell()

    def go_on(self, seconds: float) -> None:
        """Let this much be heard."""
        utterance = self.utterance
        if utterance is None or self.paused:
            return
        if not self.started:
            motion = utterance.motion_length > 0 or utterance.motion_failure is not None
            self.started = utterance.audio_length > 0 and (motion or self.waited >= self.hold_s)
            self.waited += seconds if utterance.audio_length else 0.0
            return
        before = self.position
        self.position = min(self.position + seconds, utterance.audio_seconds)
        self.running = self.position - before > 0.5 * seconds

    def snapshot(self) -> AudioSnapshot:
        """What was told last."""
        return self.published

    def tell(self) -> AudioSnapshot:
        """What there is to tell."""
        utterance = self.utterance
        if utterance is None:
            return AudioSnapshot(at=self.now)
        done = self.position >= utterance.audio_seconds
        return AudioSnapshot(
            ticket=self.ticket,
            position_s=self.position,
            at=self.now,
            limit_s=utterance.audio_seconds,
            running=self.running and not done,
            started=self.started,
            starved=self.started and done and not utterance.audio_ended,
            finished=done and utterance.audio_ended,
        )
