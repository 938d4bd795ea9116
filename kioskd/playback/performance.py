# SPDX-License-Identifier: Apache-2.0
"""The face frame by frame: speech or rest, eased from one to the other, alive on top.

Used by the render thread only. Which turn it is and what becomes of it is the player's.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Final

import numpy as np

from driving_client.motion import FloatArray, MotionSample, ParameterSpace
from driving_client.utterance import Utterance
from kioskd.audio.snapshot import AudioSnapshot
from kioskd.life.activity import Activity
from kioskd.life.attention import Attention
from kioskd.life.idle_life import IdleLife
from kioskd.metrics import Metrics
from kioskd.playback.channels import MOUTH_S, Channels
from kioskd.playback.eye_aim import Point
from kioskd.playback.face import Face, MotionRetarget
from kioskd.playback.frame_log import FrameLog, PosedFrame
from kioskd.playback.gestures import GESTURE_FRAMES, Gestures
from kioskd.playback.inhale import INHALE_S, PARTED, Chest, wants_breath
from kioskd.playback.settings import PlaybackSettings
from kioskd.playback.speech import FRAME_S, SpeechMotion
from kioskd.playback.speech_layer import SpeechLayer
from kioskd.playback.stillness import Stillness
from kioskd.playback.transition import Transition
from kioskd.playback.turn import Turn
from kioskd.playback.upper_face import UpperFace
from splat_gles.avatar import Avatar
from splat_gles.rig import RigParameters

_SILENT: Final = SpeechMotion(None, "none", 0)


class Performance:
    """One avatar's face over time."""

    def __init__(
        self,
        settings: PlaybackSettings,
        avatar: Avatar,
        retarget: MotionRetarget,
        metrics: Metrics,
        now: float,
    ) -> None:
        self._settings = settings
        self._face = Face(avatar)
        self._retarget = retarget
        self.gestures = Gestures(
            avatar, self._face, settings.gesture_limit_s, alive=settings.idle.enabled
        )
        """Guarded by the player's lock: they are asked for on any thread."""
        self._life = IdleLife(settings.idle)
        self._activity = Activity.IDLE
        key, pose = self.gestures.at(now)
        self._channels = channels = Channels(avatar)
        self._transition = Transition(pose, (key, False), channels.letting_go)
        self._into_speech = channels.durations(settings.ease_in_frames * FRAME_S, MOUTH_S)
        self._into_lips = channels.durations(settings.ease_disconnect_frames * FRAME_S, MOUTH_S)
        self._to_idle = channels.durations(settings.ease_out_frames * FRAME_S)
        self._from_lost = channels.durations(settings.ease_disconnect_frames * FRAME_S)
        self._into_gesture = channels.durations(GESTURE_FRAMES * FRAME_S)
        self._upper = UpperFace(avatar, self._face)
        self._layer = SpeechLayer(self._face, self._upper)
        self._smile = self._upper.smile(pose)
        self._phrase_ends: tuple[float, ...] = ()
        self._into_breath = channels.durations(INHALE_S)
        self._parted = self._face.of_motion(PARTED, retarget)
        self._chest = Chest(settings.idle.breath if settings.idle.enabled else 0.0)
        self._frames = FrameLog(metrics)

    @property
    def sync_offset_s(self) -> float | None:
        """The last frame's motion time less the sound heard when it was seen."""
        return self._frames.sync_offset_s

    def settled(self, now: float) -> bool:
        """Whether no ease is under way."""
        return self._transition.settled(now)

    def shown(self, at: float, audio: AudioSnapshot) -> None:
        """The oldest frame not yet seen was seen at `at`."""
        self._frames.shown(at, audio)

    def lost(self) -> None:
        """The frames not yet seen never will be."""
        self._frames.lost()

    def rest(self, now: float) -> SpeechMotion:
        """Nobody speaks: follow the gesture, or idle."""
        self._frames.posed(PosedFrame())
        self._to_rest(now, self._to_idle, breathing_in=False)
        return _SILENT

    def speak(
        self, now: float, latency_s: float, turn: Turn, audio: AudioSnapshot, *, linked: bool
    ) -> SpeechMotion:
        """Follow the turn's motion for the frame that is seen `latency_s` from now."""
        seen = now + latency_s
        lead_s = audio.lead_s(seen)
        under_way, heard = lead_s < math.inf, lead_s == 0
        motion_s = audio.position_at(now) + latency_s if audio.running else audio.position_at(seen)
        motion = turn.follower.at(now, motion_s, running=under_way, started=audio.started)
        heard_s = motion_s - lead_s if under_way else motion_s
        self._layer.listen(turn, heard_s)
        early = under_way and lead_s > MOUTH_S
        if not audio.started or early or motion.sample is None:
            self._frames.posed(PosedFrame())
            # A turn that goes on without its link has lost it: the shorter way to rest
            durations = self._to_idle if linked else self._from_lost
            waits = not turn.face_shown and not turn.paused
            self._to_rest(now, durations, breathing_in=waits and wants_breath(turn.utterance))
            return motion
        self._chest.follow(now, breathing_in=False)
        durations = self._into_lips if motion.by_lips and turn.face_shown else self._into_speech
        if not (audio.running and turn.face_shown):
            durations = self._channels.arriving(durations, lead_s)
        ready = None
        if not turn.face_shown:
            turn.face_shown = True
            if not motion.by_lips:
                ready = max(turn.utterance.first_motion or now, turn.voice_came or now)
        moving = heard and (motion.by_lips or motion.status == "flowing")
        self._frames.posed(PosedFrame(turn.ticket, motion_s if moving else None, ready))
        retarget = self._retarget_of(turn, motion.sample)
        target = self._face.of_motion(motion.sample, retarget)
        self._activity = Activity.IDLE if turn.paused else Activity.SPEAKING
        if under_way:
            still = None if motion.by_lips else self._stillness(turn).of(target, retarget)
            self._layer.follow(now, heard_s, still)
            self._phrase_ends = self._layer.phrase_ends(now, heard_s)
        else:
            self._leave_layer(now, self._to_idle)
        self._upper.keep_smile(target, self._smile, motion_s)
        key = (turn.ticket, motion.joined, motion.moves)
        self._transition.follow(now, key, target, durations)
        return motion

    def look_at(self, visitor: Point) -> None:
        """Where the visitor is from now on, metres in the avatar's space."""
        self._face.look_at(visitor)

    def parameters(self, now: float) -> RigParameters:
        """The rig's parameters of the frame that was just posed, with its life of its own."""
        pose = self._transition.shown + self._layer.shown
        attention = Attention(self._activity, self._phrase_ends, self.gestures.side)
        life = self._life.at(now, attention)
        life = replace(life, breath=life.breath + self._chest.breath)
        return self._face.parameters(pose, life)

    def _leave_layer(self, now: float, durations: FloatArray) -> None:
        self._layer.leave(now, durations)
        self._phrase_ends = ()

    def _stillness(self, turn: Turn) -> Stillness:
        if turn.stillness is None:
            turn.stillness = Stillness(turn.utterance, self._face, self._upper)
        return turn.stillness

    def _retarget_of(self, turn: Turn, sample: MotionSample) -> MotionRetarget:
        if sample.space is not ParameterSpace.FLAME:
            return self._retarget
        if turn.retarget is None:
            turn.retarget = self._retarget.for_stream(_frames_so_far(turn.utterance, sample))
        return turn.retarget

    def _to_rest(self, now: float, durations: FloatArray, *, breathing_in: bool) -> None:
        self._leave_layer(now, durations)
        self._chest.follow(now, breathing_in=breathing_in)
        key, pose = self.gestures.at(now)
        self._smile = self._upper.smile(pose)
        self._activity = self.gestures.activity
        if self.gestures.chosen:
            durations = self._into_gesture
        if breathing_in:
            pose, durations = pose + self._parted, self._into_breath
        self._transition.follow(now, (key, breathing_in), pose, durations)


def _frames_so_far(utterance: Utterance, sample: MotionSample) -> FloatArray:
    """All that is known of a stream when its first frame is shown, at least that frame.

    Its constants (rotation, eyes, lids) lie in any frame; its neutral expression shows only in
    many, which have usually come by then. Places that motion skipped at the start are zeros
    and tell nothing.
    """
    frames = utterance.motion_frames()
    return np.concatenate([sample.values[None], frames[frames.any(axis=1)]])
