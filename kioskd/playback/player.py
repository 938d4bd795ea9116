# SPDX-License-Identifier: Apache-2.0
"""The player: utterances in, the face's parameters out, with the sound's position as the clock.

Events and commands come on any thread and take effect there, at once: an interrupt must not
wait for the next frame. `tick` and `frame_shown` belong to the render thread. One lock guards
the turn; reports go out in order after it is released. What is not here: samples (kioskd.audio),
the network (driving_client) and drawing (splat_gles).
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Hashable
from typing import Protocol

from driving_client.link import (
    Control,
    ControlRequested,
    LinkDown,
    LinkEvent,
    LinkUp,
    PlaybackState,
    UtteranceStarted,
)
from driving_client.motion import FloatArray, MotionSample, ParameterSpace
from driving_client.utterance import Utterance
from kioskd.audio.snapshot import AudioSnapshot
from kioskd.metrics import Metrics
from kioskd.playback.face import Face, MotionRetarget
from kioskd.playback.frame_log import FrameLog, PosedFrame
from kioskd.playback.idle_clip import IdleClip
from kioskd.playback.life import IdleLife
from kioskd.playback.link_watch import LinkWatch
from kioskd.playback.settings import FRAME_S, PlaybackSettings
from kioskd.playback.snapshot import MotionStatus, PlayerSnapshot, PlayerState
from kioskd.playback.speech import SpeechFollower, SpeechMotion
from kioskd.playback.transition import Transition
from kioskd.playback.turn import Turn, motionless_code
from splat_gles.avatar import Avatar
from splat_gles.rig import RigParameters

logger = logging.getLogger(__name__)

Report = Callable[[str, PlaybackState, int], None]

_REST = "rest"


class Sound(Protocol):
    """What the player needs of the sound; `AudioOutput` is it."""

    def play(self, utterance: Utterance, hold_s: float = 0.0) -> int:
        """Play this instead of what plays; returns the ticket of its snapshots."""

    def drop(self) -> None:
        """Silence now."""

    def pause(self) -> None:
        """Silence now; the position stands."""

    def resume(self) -> None:
        """Go on."""

    def snapshot(self) -> AudioSnapshot:
        """Where the voice is."""


class HasAvatar(Protocol):
    """What the player needs of a rig: which avatar it moves."""

    @property
    def avatar(self) -> Avatar:
        """The avatar."""


class Player:
    """Turns link events and the audio position into rig parameters, once per frame."""

    def __init__(
        self,
        settings: PlaybackSettings,
        rig: HasAvatar,
        audio: Sound,
        metrics: Metrics,
        *,
        retarget: MotionRetarget,
        report: Report,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._audio = audio
        self._metrics = metrics
        self._report = report
        self._clock = clock
        self._face = Face(rig.avatar)
        self._retarget = retarget
        self._idle_clip = IdleClip(rig.avatar, self._face)
        self._life = IdleLife(settings.idle)
        self._transition = Transition(self._idle_clip.at(clock()), _REST)
        self._frames = FrameLog(metrics)
        self._lock = threading.Lock()
        self._link = LinkWatch(clock(), settings.audio_only_after_s)
        self._turn: Turn | None = None
        self._state = PlayerState.IDLE
        self._outbox: deque[tuple[str, PlaybackState, int]] = deque()
        self._sending = threading.RLock()
        self._snapshot = PlayerSnapshot()

    # Any thread

    def on_event(self, event: LinkEvent) -> None:
        """Take an event of the link; it has taken effect when this returns."""
        now = self._clock()
        match event:
            case LinkUp():
                with self._lock:
                    self._link.came_up()
            case LinkDown():
                with self._lock:
                    self._link.went_down(now)
            case UtteranceStarted(utterance):
                with self._lock:
                    self._begin(utterance, now)
            case ControlRequested(control, request_id):
                self._control(control, request_id)
        self._send_reports()

    def interrupt(self) -> None:
        """Silence now; the face eases to rest."""
        with self._lock:
            if self._turn is not None:
                self._finish(self._turn, PlaybackState.INTERRUPTED)
                self._audio.drop()
        self._send_reports()

    def pause(self) -> None:
        """Silence now, to go on with `resume` at the same sample."""
        with self._lock:
            turn = self._turn
            if turn is not None and not turn.paused:
                turn.paused = True
                self._audio.pause()
                self._state = PlayerState.PAUSED
                self._queue_report(turn, PlaybackState.PAUSED)
        self._send_reports()

    def resume(self) -> None:
        """Go on after `pause`."""
        with self._lock:
            turn = self._turn
            if turn is not None and turn.paused:
                turn.paused = False
                self._audio.resume()
                self._state = PlayerState.SPEAKING if turn.announced else PlayerState.IDLE
                if turn.announced:
                    self._queue_report(turn, PlaybackState.PLAYING)
        self._send_reports()

    def snapshot(self) -> PlayerSnapshot:
        """The newest snapshot, published once per frame."""
        return self._snapshot

    # The render thread

    def tick(self, now: float, display_latency_s: float) -> RigParameters:
        """What the face does in the frame that is drawn now and seen `display_latency_s` later."""
        with self._lock:
            target, motion = self._speech_now(now, display_latency_s)
            self._ease(now, target, motion)
            self._publish(now, motion)
        self._send_reports()
        return self._face.parameters(self._transition.shown, self._life.at(now))

    def frame_shown(self, at: float) -> None:
        """The oldest frame of `tick` that was not yet shown is on the screen since `at`."""
        self._frames.shown(at, self._audio.snapshot())

    # Under the lock

    def _begin(self, utterance: Utterance, now: float) -> None:
        if self._turn is not None:
            self._finish(self._turn, PlaybackState.INTERRUPTED)
        hold_s = 0.0 if self._link.audio_only(now) else self._settings.motion_wait_s
        ticket = self._audio.play(utterance, hold_s)
        follower = SpeechFollower(utterance, self._settings.hold_frames)
        self._turn = Turn(utterance, ticket, follower, now)

    def _finish(self, turn: Turn, outcome: PlaybackState) -> None:
        """Close the turn with its one outcome; a voice that was heard to its end has ended."""
        audio = self._audio_of(turn)
        if audio.finished:
            outcome = PlaybackState.ENDED
        now = self._clock()
        turn.note_position(audio.position_at(now), self._metrics)
        if turn.utterance.motion_length == 0 and turn.announced:
            turn.note_motionless("no_motion", self._metrics)
        self._queue_report(turn, outcome)
        self._metrics.utterances.labels(outcome=outcome.value).inc()
        logger.info(
            "utterance %s %s after %.2f s", turn.utterance.request_id, outcome.value,
            turn.counted_s, extra={"code": f"utterance_{outcome.value}"})  # fmt: skip
        interrupted = outcome is PlaybackState.INTERRUPTED
        self._state = PlayerState.INTERRUPTED if interrupted else PlayerState.IDLE
        self._turn = None

    def _control(self, control: Control, request_id: str) -> None:
        with self._lock:
            turn = self._turn
            if turn is None or request_id not in ("", turn.utterance.request_id):
                return
            if control is Control.STATE:
                state = PlaybackState.PAUSED if turn.paused else PlaybackState.PLAYING
                self._queue_report(turn, state)
        match control:
            case Control.INTERRUPT:
                self.interrupt()
            case Control.PAUSE:
                self.pause()
            case Control.RESUME:
                self.resume()

    def _speech_now(self, now: float, latency_s: float) -> tuple[FloatArray | None, SpeechMotion]:
        """The pose of the speech for the next frame, or None for rest; the turn moves on."""
        turn = self._turn
        if turn is not None:
            self._advance(turn, now)
            turn = self._turn
        if turn is None:
            self._frames.posed(PosedFrame())
            return None, SpeechMotion(None, "none", 0)
        audio = self._audio_of(turn)
        running = audio.running
        motion_s = audio.position_at(now) + (latency_s if running else 0.0)
        motion = turn.follower.at(now, motion_s, running=running)
        self._note_motion(turn, motion, audio)
        if not audio.started or motion.sample is None:
            self._frames.posed(PosedFrame())
            return None, motion
        ready = None
        if not turn.face_shown:
            turn.face_shown = True
            ready = max(turn.utterance.first_motion or now, turn.voice_came or now)
        flowing = running and motion.status == "flowing"
        self._frames.posed(PosedFrame(turn.ticket, motion_s if flowing else None, ready))
        if turn.retarget is None:
            turn.retarget = self._retarget_for(motion.sample)
        return self._face.of_motion(motion.sample, turn.retarget), motion

    def _retarget_for(self, sample: MotionSample) -> MotionRetarget:
        # Each stream has constants of its own (rotation, eyes, lids): any frame tells them
        if sample.space is ParameterSpace.FLAME:
            return self._retarget.for_stream(sample.values)
        return self._retarget

    def _advance(self, turn: Turn, now: float) -> None:
        """Announce the start, count the speech, and notice the end or that it will not come."""
        audio = self._audio_of(turn)
        turn.note_position(audio.position_at(now), self._metrics)
        if turn.voice_came is None and turn.utterance.audio_length > 0:
            turn.voice_came = now
        if audio.started and not turn.announced:
            turn.announced = True
            self._state = PlayerState.PAUSED if turn.paused else PlayerState.SPEAKING
            self._queue_report(turn, PlaybackState.PLAYING)
        if audio.finished:
            self._finish(turn, PlaybackState.ENDED)
            return
        patience = self._settings.give_up_s
        if not self._link.is_up:
            patience = min(patience, self._settings.give_up_unlinked_s)
        if turn.stalled_for(now, audio) >= patience:
            logger.warning(
                "utterance %s is given up: no sample for %.0f s", turn.utterance.request_id,
                patience, extra={"code": "utterance_stalled"})  # fmt: skip
            self._finish(turn, PlaybackState.FAILED)
            self._audio.drop()

    def _note_motion(self, turn: Turn, motion: SpeechMotion, audio: AudioSnapshot) -> None:
        failure = turn.utterance.motion_failure
        if failure == "empty":
            self._link.motion_was_empty()
        elif turn.utterance.motion_length > 0:
            self._link.motion_came()
        if failure is not None and motion.sample is None and audio.started:
            turn.note_motionless(motionless_code(failure), self._metrics)

    def _ease(self, now: float, target: FloatArray | None, motion: SpeechMotion) -> None:
        settings = self._settings
        key: Hashable = _REST
        if target is not None and self._turn is not None:
            key = (self._turn.ticket, motion.joined)
            frames = settings.ease_in_frames
        else:
            target = self._idle_clip.at(now)
            # A turn that goes on without its link has lost it: the shorter way to rest
            lost = self._turn is not None and not self._link.is_up
            frames = settings.ease_disconnect_frames if lost else settings.ease_out_frames
        self._transition.follow(now, key, target, frames * FRAME_S)
        if self._state is PlayerState.INTERRUPTED and self._transition.settled(now):
            self._state = PlayerState.IDLE

    def _publish(self, now: float, motion: SpeechMotion) -> None:
        turn = self._turn
        reasons = self._link.reasons(now)
        status: MotionStatus = motion.status
        position = 0.0
        if turn is not None:
            audio = self._audio_of(turn)
            position = audio.position_at(now)
            if audio.starved and not turn.paused:
                reasons += ("audio_starved",)
            if status == "held" and motion.sample is None and not turn.paused:
                reasons += ("motion_stalled",)
            if status == "waiting" and audio.started:
                reasons += ("motion_late",)
            failure = turn.utterance.motion_failure
            if status == "audio_only" and failure is not None:
                reasons += (motionless_code(failure),)
        self._snapshot = PlayerSnapshot(
            state=self._state,
            request_id=turn.utterance.request_id if turn else None,
            position_s=position,
            motion=status,
            reasons=tuple(dict.fromkeys(reasons)),
            sync_offset_s=self._frames.sync_offset_s,
            link_up=self._link.is_up,
        )

    def _audio_of(self, turn: Turn) -> AudioSnapshot:
        return turn.of(self._audio.snapshot())

    def _queue_report(self, turn: Turn, state: PlaybackState) -> None:
        position = max(self._audio_of(turn).position_at(self._clock()), turn.counted_s)
        self._outbox.append((turn.utterance.request_id, state, round(position * 1000)))

    def _send_reports(self) -> None:
        # In the order of what happened, whichever thread gets here first
        with self._sending:
            while True:
                try:
                    report = self._outbox.popleft()
                except IndexError:
                    return
                self._report(*report)
