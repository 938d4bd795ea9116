# SPDX-License-Identifier: Apache-2.0
"""The player: utterances in, the face's parameters out, with the sound's position as the clock.

Events and commands come on any thread and take effect there, at once: an interrupt must not
wait for the next frame. `tick` and `frame_shown` belong to the render thread. One lock guards
the turn; reports go out in order after it is released. What is not here: samples (kioskd.audio),
the network (driving_client) and drawing (splat_gles).
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable

from driving_client.link.interface import (
    Control,
    ControlRequested,
    LinkDown,
    LinkEvent,
    LinkUp,
    PlaybackState,
    UtteranceStarted,
)
from driving_client.motion_failure import MotionFailure, MotionReason
from driving_client.utterance import Utterance
from kioskd.audio.snapshot import AudioSnapshot
from kioskd.metrics import Metrics
from kioskd.playback.eye_aim import Point
from kioskd.playback.face import MotionRetarget
from kioskd.playback.link_watch import LinkWatch
from kioskd.playback.local_lips import LocalLips, MakeMouth
from kioskd.playback.needs import HasAvatar, Sound
from kioskd.playback.performance import Performance
from kioskd.playback.reports import Report, Reports
from kioskd.playback.settings import PlaybackSettings
from kioskd.playback.snapshot import CutOff, PlayerSnapshot, PlayerState
from kioskd.playback.speech import SpeechFollower, SpeechMotion
from kioskd.playback.turn import Turn
from splat_gles.rig import RigParameters

logger = logging.getLogger(__name__)


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
        make_mouth: MakeMouth,
        report: Report,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._audio = audio
        self._metrics = metrics
        self._make_mouth = make_mouth
        self._clock = clock
        self._reports = Reports(report)
        self._performance = Performance(settings, rig.avatar, retarget, metrics, clock())
        self._lock = threading.Lock()
        self._link = LinkWatch(clock(), settings.audio_only_after_s)
        self._turn: Turn | None = None
        self._state = PlayerState.IDLE
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
        self._reports.send()

    def interrupt(self) -> CutOff | None:
        """Silence now; the face eases to rest. What was cut off: as it is reported, too.

        None where nothing is said any more; an utterance heard to its end is not cut off.
        """
        cut_off = None
        with self._lock:
            turn = self._turn
            if turn is not None:
                cut_off = self._finish(turn, PlaybackState.INTERRUPTED)
                self._audio.drop()
        self._reports.send()
        return cut_off

    def pause(self) -> None:
        """Silence now, to go on with `resume` at the same sample."""
        with self._lock:
            turn = self._turn
            if turn is not None and not turn.paused:
                turn.paused = True
                self._audio.pause()
                self._state = PlayerState.PAUSED
                self._queue_report(turn, PlaybackState.PAUSED)
        self._reports.send()

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
        self._reports.send()

    def gesture(self, name: str, at_most_s: float = math.inf) -> bool:
        """Show this clip of the avatar from now on; False while a voice is heard.

        It ends after `at_most_s` if nothing follows, and in any case after the configured limit.
        Raises GestureError for a clip that the avatar lacks.
        """
        with self._lock:
            gestures = self._performance.gestures
            gestures.require(name)
            speaking = self._turn is not None and self._turn.announced
            if not speaking:
                gestures.show(name, self._clock(), at_most_s)
        return not speaking

    def snapshot(self) -> PlayerSnapshot:
        """The newest snapshot, published once per frame."""
        return self._snapshot

    # The render thread

    def tick(self, now: float, display_latency_s: float) -> RigParameters:
        """What the face does in the frame that is drawn now and seen `display_latency_s` later."""
        with self._lock:
            if self._turn is not None:
                self._advance(self._turn, now)
            turn, performance = self._turn, self._performance
            if turn is None:
                motion = performance.rest(now)
            else:
                audio = self._audio_of(turn)
                motion = performance.speak(
                    now, display_latency_s, turn, audio, linked=self._link.is_up
                )
                self._note_motion(turn, motion, audio)
            if self._state is PlayerState.INTERRUPTED and performance.settled(now):
                self._state = PlayerState.IDLE
            self._publish(now, motion)
        self._reports.send()
        return performance.parameters(now)

    def look_at(self, visitor: Point) -> None:
        """Where the picture's camera is from now on, and so the visitor: metres, avatar's space."""
        self._performance.look_at(visitor)

    def frame_shown(self, at: float) -> None:
        """The oldest frame of `tick` that was not yet shown is on the screen since `at`."""
        self._performance.shown(at, self._audio.snapshot())

    def frames_lost(self) -> None:
        """The frames of `tick` that were not yet shown will never be."""
        self._performance.lost()

    # Under the lock

    def _begin(self, utterance: Utterance, now: float) -> None:
        if self._turn is not None:
            self._finish(self._turn, PlaybackState.INTERRUPTED)
        hold_s = 0.0 if self._link.audio_only(now) else self._settings.motion_wait_s
        ticket = self._audio.play(utterance, hold_s)
        settings = self._settings
        follower = SpeechFollower(
            utterance,
            LocalLips(utterance, self._make_mouth),
            settings.hold_frames,
            settings.audio_only_after_s,
        )
        self._turn = Turn(utterance, ticket, follower)

    def _finish(self, turn: Turn, outcome: PlaybackState) -> CutOff | None:
        """Close the turn with its one outcome; a voice that was heard to its end has ended.

        What was cut off, None for another outcome.
        """
        audio = self._audio_of(turn)
        if audio.finished:
            outcome = PlaybackState.ENDED
        now = self._clock()
        turn.note_position(audio.position_at(now), self._metrics)
        if turn.utterance.motion_length == 0 and turn.announced:
            turn.note_motionless(MotionFailure.NEVER_CAME, self._metrics)
        heard_ms = self._queue_report(turn, outcome)
        self._metrics.utterances.labels(outcome=outcome.value).inc()
        logger.info(
            "utterance %s %s after %.2f s",
            turn.utterance.request_id,
            outcome.value,
            turn.counted_s,
            extra={"code": f"utterance_{outcome.value}"},
        )
        interrupted = outcome is PlaybackState.INTERRUPTED
        self._state = PlayerState.INTERRUPTED if interrupted else PlayerState.IDLE
        self._turn = None
        return CutOff(turn.utterance.request_id, heard_ms) if interrupted else None

    def _control(self, control: Control, request_id: str) -> None:
        with self._lock:
            turn = self._turn
            if turn is None or request_id not in ("", turn.utterance.request_id):
                return
            # Every request has its answer, also one that finds its state reached already
            unchanged = control is (Control.PAUSE if turn.paused else Control.RESUME)
            if unchanged or control is Control.STATE:
                state = PlaybackState.PAUSED if turn.paused else PlaybackState.PLAYING
                self._queue_report(turn, state)
        match control:
            case Control.INTERRUPT:
                self.interrupt()
            case Control.PAUSE:
                self.pause()
            case Control.RESUME:
                self.resume()

    def _advance(self, turn: Turn, now: float) -> None:
        """Announce the start, count the speech, and notice the end or that it will not come."""
        audio = self._audio_of(turn)
        turn.note_position(audio.position_at(now), self._metrics)
        if turn.voice_came is None and turn.utterance.audio_length > 0:
            turn.voice_came = now
        if audio.started and not turn.announced:
            turn.announced = True
            self._performance.gestures.end()
            self._state = PlayerState.PAUSED if turn.paused else PlayerState.SPEAKING
            self._queue_report(turn, PlaybackState.PLAYING)
        if audio.finished:
            self._finish(turn, PlaybackState.ENDED)
            return
        patience = self._settings.give_up_s
        if turn.stalled_for(now, audio) >= patience:
            logger.warning(
                "utterance %s is given up: no sample for %.0f s",
                turn.utterance.request_id,
                patience,
                extra={"code": "utterance_stalled"},
            )
            self._finish(turn, PlaybackState.FAILED)
            self._audio.drop()

    def _note_motion(self, turn: Turn, motion: SpeechMotion, audio: AudioSnapshot) -> None:
        failure = turn.utterance.motion_failure
        if failure is MotionFailure.EMPTY:
            self._link.motion_was_empty()
        elif failure is None and motion.missing_s >= self._settings.audio_only_after_s:
            self._link.motion_timed_out()
        elif turn.utterance.motion_length > 0:
            self._link.motion_came()
        if audio.started:
            turn.note_motion(motion, self._metrics)

    def _publish(self, now: float, motion: SpeechMotion) -> None:
        turn = self._turn
        reasons: tuple[MotionReason, ...] = self._link.reasons(now)
        position = 0.0
        if turn is not None:
            audio = self._audio_of(turn)
            position = audio.position_at(now)
            reasons += turn.reasons(motion, audio)
        self._snapshot = PlayerSnapshot(
            state=self._state,
            request_id=turn.utterance.request_id if turn else None,
            position_s=position,
            motion=motion.status,
            reasons=tuple(dict.fromkeys(reasons)),
            sync_offset_s=self._performance.sync_offset_s,
            gesture=self._performance.gestures.name,
        )

    def _audio_of(self, turn: Turn) -> AudioSnapshot:
        return turn.of(self._audio.snapshot())

    def _queue_report(self, turn: Turn, state: PlaybackState) -> int:
        """The milliseconds heard, as they are reported."""
        position = max(self._audio_of(turn).position_at(self._clock()), turn.counted_s)
        heard_ms = round(position * 1000)
        self._reports.add(turn.utterance.request_id, state, heard_ms)
        return heard_ms
