# SPDX-License-Identifier: Apache-2.0
"""A render loop without pictures: the player with the real sound output, frame by frame."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from player_stage import AvatarHolder, JawRetarget, jaw_of, small_avatar
from ready_settings import STILL, ready_playback
from sound_card import PacedCard, Studio

from driving_client.link.interface import LinkUp, PlaybackState
from driving_client.lipsync.speech_mouth import SpeechMouth
from driving_client.retarget import load_retarget
from kioskd.audio.output import AudioOutput
from kioskd.audio.settings import PERIOD_S
from kioskd.life.settings import IdleSettings
from kioskd.metrics import Metrics
from kioskd.playback.player import Player
from splat_gles.avatar import Avatar
from splat_gles.rig import RigParameters

FRAME_S = 1 / 60
DRAWING_S = 0.008


class Cinema:
    """Every frame is seen `DRAWING_S` after its tick."""

    def __init__(
        self,
        sound: AudioOutput,
        metrics: Metrics,
        clock: Callable[[], float],
        pass_until: Callable[[float], None],
        retarget: Any = None,
        avatar: Avatar | None = None,
        idle: IdleSettings = STILL,
    ) -> None:
        self.sound, self.metrics = sound, metrics
        self.clock, self.pass_until = clock, pass_until
        self.reports: list[tuple[str, PlaybackState, int]] = []
        self.player = Player(
            ready_playback(idle=idle),
            AvatarHolder(avatar or small_avatar()),
            sound,
            metrics,
            retarget=retarget or JawRetarget(),
            make_mouth=SpeechMouth,
            report=lambda *report: self.reports.append(report),
            clock=clock,
        )
        self.seen: list[tuple[float, float]] = []
        """When each frame was seen, and its jaw."""
        self.offsets: list[float] = []
        self.player.on_event(LinkUp("connection"))

    def frame(self) -> None:
        begin = self.clock()
        pose = self.player.tick(begin, DRAWING_S)
        self.pass_until(begin + DRAWING_S)
        shown = self.clock()
        self.player.frame_shown(shown)
        self.seen.append((shown, jaw_of(pose)))
        offset = self.player.snapshot().sync_offset_s
        if offset is not None:
            self.offsets.append(offset)
        self.pass_until(begin + FRAME_S)

    def until(self, done: Callable[[], bool], within_s: float = 15) -> None:
        deadline = self.clock() + within_s
        while not done():
            assert self.clock() < deadline
            self.frame()

    def ended(self) -> bool:
        return bool(self.reports) and self.reports[-1][1] not in (
            PlaybackState.PLAYING,
            PlaybackState.PAUSED,
        )


class OwnTimeCinema(Cinema):
    """With a sound card in the test's time; the audio thread wakes every 10 ms and when told to."""

    def __init__(
        self, retarget: Any = None, avatar: Avatar | None = None, idle: IdleSettings = STILL
    ) -> None:
        self.studio = Studio()
        self.card: PacedCard = self.studio.card
        self._next_turn = self.studio.time.now
        super().__init__(
            self.studio.output,
            self.studio.metrics,
            self.studio.time.clock,
            self.pass_time_until,
            retarget,
            avatar,
            idle,
        )

    def pass_time_until(self, moment: float) -> None:
        self.studio.turn()
        while self._next_turn <= moment:
            self.studio.time.now = self._next_turn
            self.studio.turn()
            self._next_turn += PERIOD_S
        self.studio.time.now = moment


LATENCY_S = 0.03
"""Of an audience: drawing, and a panel's 15 ms."""


class Audience(OwnTimeCinema):
    """With the fitted retarget; frames are begun 60 times a second and seen `LATENCY_S` later."""

    def __init__(self, avatar: Avatar | None = None, idle: IdleSettings = STILL) -> None:
        super().__init__(load_retarget(), avatar, idle)
        self.times: list[float] = []
        """When each frame was seen."""
        self.poses: list[RigParameters] = []

    def frame(self) -> None:
        begin = self.clock()
        self.poses.append(self.player.tick(begin, LATENCY_S))
        self.times.append(begin + LATENCY_S)
        self.pass_until(begin + FRAME_S)

    def run(self, seconds: float) -> None:
        for _ in range(round(seconds / FRAME_S)):
            self.frame()
