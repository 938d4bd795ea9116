# SPDX-License-Identifier: Apache-2.0
"""A player on a stage: an avatar of one splat, a sound whose time is the test's, its reports."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
from ready_settings import STILL, ready_playback

from driving_client.link.interface import (
    LinkUp,
    PlaybackState,
)
from driving_client.motion import ARKIT_NAMES
from driving_client.retarget.mouth import OPEN, arkit_mouth
from driving_client.utterance import Utterance
from kioskd.metrics import Metrics
from kioskd.playback.player import Player
from kioskd.playback.settings import PlaybackSettings
from splat_gles.avatar import Avatar, Clip, Framing, Joint
from splat_gles.rig import RigParameters
from test_stand.clocked_sound import ClockedSound

FRAME_S = 1 / 60
JAW = ARKIT_NAMES.index("jawOpen")
RATE = 16000
LOUD = 8000
JOIN_STEP = 1.875 * FRAME_S / 0.08
"""The most that a mouth that joins speech moves in one frame, of a distance of 1."""

OPEN_JAW = float(arkit_mouth(np.array([1, 0, 0, 0, 0, 0], np.float32))[JAW])
"""What a wide open mouth of the local lips gives."""


def small_avatar(clips: dict[str, Clip] | None = None) -> Avatar:
    """One splat with all ARKit shapes and the joints that an avatar can have."""
    names = ("root", "neck", "head", "leftEye", "rightEye")
    return Avatar(
        name="test",
        licence="CC0-1.0",
        parameter_space="arkit",
        framing=Framing((0, 0, 0), 0.4),
        positions=np.zeros((1, 3), np.float32),
        covariances=np.zeros((1, 6), np.float32),
        colors=np.ones((1, 4), np.float32),
        blendshapes=ARKIT_NAMES,
        deltas=np.zeros((52, 1, 3), np.float32),
        joints=tuple(Joint(name, i - 1 if i < 4 else 2, (0, 0, 0)) for i, name in enumerate(names)),
        skin_joints=np.zeros((1, 4), np.uint8),
        skin_weights=np.array([[1, 0, 0, 0]], np.float32),
        clips=clips or {},
    )


@dataclass
class AvatarHolder:
    avatar: Avatar


class JawRetarget:
    """FLAME's jaw pitch as jawOpen, its rotation, less the stream's rest, as the head's.

    Far simpler than the fitted one, so that a test can tell what must come out.
    """

    def __init__(self, rest: np.ndarray | None = None) -> None:
        self.rest = np.zeros(120) if rest is None else rest
        self.streams: list[np.ndarray] = []

    def for_stream(self, frames: np.ndarray) -> JawRetarget:
        self.streams.append(frames)
        return JawRetarget(frames[0])

    def arkit(self, frame: np.ndarray) -> np.ndarray:
        result = np.zeros(55, np.float32)
        result[JAW] = frame[9]
        result[52:] = frame[3:6] - self.rest[3:6]
        return result


class LoudMouth:
    """Opens wide where a row's 40 ms hold a loud sample; the last row needs `finish`.

    Far simpler than the speech model, so that a test can tell what must come out.
    """

    made: ClassVar[list[int]] = []

    def __init__(self, sample_rate: int) -> None:
        self.step = sample_rate // 25
        self.pending = np.zeros(0, np.int16)
        self.made.append(sample_rate)

    def feed(self, samples: np.ndarray) -> np.ndarray:
        """A row comes once 40 ms more are known: this mouth looks ahead as the real one does."""
        self.pending = np.concatenate([self.pending, samples])
        return self._rows(max(len(self.pending) // self.step - 1, 0))

    def finish(self) -> np.ndarray:
        return self._rows(len(self.pending) // self.step)

    def _rows(self, count: int) -> np.ndarray:
        rows = np.zeros((count, 6), np.float32)
        for row in rows:
            row[OPEN] = np.abs(self.pending[: self.step].astype(int)).max() > LOUD / 2
            self.pending = self.pending[self.step :]
        return rows


@dataclass
class Stage:
    """A player with a clock of the test's own; frames are shown one frame after their tick."""

    settings: PlaybackSettings = field(default_factory=lambda: ready_playback(idle=STILL))
    avatar: Avatar = field(default_factory=small_avatar)
    frame_s: float = FRAME_S

    def __post_init__(self) -> None:
        self.sound = ClockedSound()
        self.metrics = Metrics()
        self.reports: list[tuple[str, PlaybackState, int]] = []
        self.poses: list[RigParameters] = []
        self.retarget = JawRetarget()
        self.player = Player(
            self.settings,
            AvatarHolder(self.avatar),
            self.sound,
            self.metrics,
            retarget=self.retarget,
            make_mouth=LoudMouth,
            report=lambda *report: self.reports.append(report),
            clock=self.sound.clock,
        )
        self.player.on_event(LinkUp("connection"))

    def frame(self) -> RigParameters:
        self.sound.pass_time(self.frame_s)
        if self.poses:
            self.player.frame_shown(self.sound.now)
        self.poses.append(self.player.tick(self.sound.now, self.frame_s))
        return self.poses[-1]

    def run(self, seconds: float) -> list[RigParameters]:
        return [self.frame() for _ in range(round(seconds / self.frame_s))]

    def outcomes(self, request_id: str) -> list[PlaybackState]:
        final = {PlaybackState.ENDED, PlaybackState.INTERRUPTED, PlaybackState.FAILED}
        return [state for who, state, _ in self.reports if who == request_id and state in final]

    def value(self, name: str, **labels: str) -> float:
        return self.metrics.registry.get_sample_value(name, labels or None) or 0.0

    def synced_frames(self) -> float:
        """How many frames were compared with the sound."""
        name = "kiosk_sync_offset_seconds_count"
        return self.value(name, lips="early") + self.value(name, lips="late")


def flame(seconds: float, jaw: float = 0.8) -> np.ndarray:
    frames = np.zeros((round(seconds * 25), 120), np.float32)
    frames[:, 9] = jaw
    return frames


def said(
    request_id: str = "a", seconds: float = 2.0, motion: float | None = None, jaw: float = 0.8
) -> Utterance:
    utterance = Utterance(request_id, RATE)
    utterance.append_audio(np.ones(round(seconds * RATE), np.int16))
    utterance.end_audio()
    if motion != 0:
        utterance.append_motion(flame(seconds if motion is None else motion, jaw))
    if motion is None:
        utterance.end_motion()
    return utterance


def jaw_of(pose: RigParameters) -> float:
    return float(pose.weights[JAW])


def yaw_of(pose: RigParameters) -> float:
    """Of neck and head together."""
    return float(pose.rotations[1, 1] + pose.rotations[2, 1])
