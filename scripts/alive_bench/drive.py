# SPDX-License-Identifier: Apache-2.0
"""Minutes of what a face does, in seconds: the real player, driven by a clock of one's own.

What is recorded is what the renderer would be given, frame by frame, and where head and eyes
point by the rig's own matrices. Gaze is known for avatars whose eyes are joints, as the shipped
ones are. Left out: drawing, ALSA and the network; sounds are heard as the clock passes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from alive_bench.sentences import SENTENCES
from driving_client.link.interface import LinkUp, PlaybackState, UtteranceStarted
from driving_client.lipsync.flame_performance import perform
from driving_client.lipsync.speech_mouth import SpeechMouth
from driving_client.motion_failure import MotionFailure
from driving_client.retarget import load_retarget
from driving_client.utterance import Utterance
from driving_client.voices.espeak import synthesise
from driving_client.voices.speech import Speech
from kioskd.config import Config, part_settings
from kioskd.life.settings import IdleSettings
from kioskd.metrics import Metrics
from kioskd.playback.player import Player
from kioskd.playback.settings import PlaybackSettings
from splat_gles.avatar import Avatar
from splat_gles.camera import on_screen
from splat_gles.rig import Rig
from test_stand.clocked_sound import ClockedSound

FRAMES_A_SECOND: Final = 100
"""A saccade of 2 degrees lasts 25 ms; fewer frames would not tell how fast it was."""

_PAUSE_S: Final = 1.2
"""Between two utterances: an answer is awaited."""

_SCREEN: Final = (1080, 1920)
_RENEWED_S: Final = 20.0
_BATCH_S: Final = 0.4

Array = NDArray[np.float64]


class State(Enum):
    """What the face is watched at; the speaking ones differ in where their motion comes from."""

    IDLE = "idle"
    LISTENING = "listen"
    THINKING = "think"
    SPEAKING_TEXT = "speak (text)"
    SPEAKING_AUDIO = "speak (audio)"


@dataclass(frozen=True, slots=True, eq=False)
class Said:
    """One utterance: when it was first heard (seconds from the start), and what was said."""

    began_s: float
    speech: Speech

    @property
    def ended_s(self) -> float:
        """When it was over."""
        return self.began_s + len(self.speech.samples) / self.speech.sample_rate


@dataclass(frozen=True, slots=True, eq=False)
class Watched:
    """What was shown, one row a frame, `FRAMES_A_SECOND` of them.

    `weights` (n, B) of `names`; `head` (n, 3) pitch down, yaw to its left and roll in degrees;
    `gaze` (n, 2, 2): of the left and the right eye, degrees to the avatar's left and up between
    where it points and the visitor, who looks from the camera; `said` in order.
    """

    names: tuple[str, ...]
    weights: Array
    head: Array
    gaze: Array
    said: tuple[Said, ...]

    @property
    def seconds(self) -> float:
        """How long it was watched."""
        return len(self.weights) / FRAMES_A_SECOND

    def weight(self, name: str) -> Array:
        """One blendshape's weight, shape (n,)."""
        return self.weights[:, self.names.index(name)]

    def speaking(self) -> NDArray[np.bool_]:
        """Which frames lie within an utterance, shape (n,)."""
        times = np.arange(len(self.weights)) / FRAMES_A_SECOND
        inside = np.zeros(len(times), bool)
        for said in self.said:
            inside |= (times >= said.began_s) & (times < said.ended_s)
        return inside


def watch(avatar: Avatar, state: State, seconds: float, seed: int = 1) -> Watched:
    """Watch an avatar for so long, after a few seconds to settle. Utterances are finished."""
    stage = _Stage(avatar, seed)
    if state in (State.LISTENING, State.THINKING):
        stage.gesture = state.value
    stage.run(5.0)
    stage.clear()
    if state in (State.SPEAKING_TEXT, State.SPEAKING_AUDIO):
        for request, text in enumerate(_texts(seed)):
            if stage.seconds >= seconds:
                break
            stage.say(str(request), text, motion=state is State.SPEAKING_TEXT)
            stage.run(_PAUSE_S)
    else:
        stage.run(seconds)
    return stage.watched()


def _texts(seed: int) -> Iterator[str]:
    """All sentences in an order of this seed's, again and again."""
    chance = np.random.default_rng(seed)
    while True:
        for index in chance.permutation(len(SENTENCES)):
            yield SENTENCES[index]


def _settings(seed: int) -> PlaybackSettings:
    settings = part_settings.playback_settings(Config())
    idle = settings.idle
    seeded = IdleSettings(
        idle.enabled, idle.blinks_per_minute, idle.gaze_degrees, idle.breath, seed
    )
    values = {name: getattr(settings, name) for name in PlaybackSettings.__slots__}
    return PlaybackSettings(**{**values, "idle": seeded})


class _Stage:
    def __init__(self, avatar: Avatar, seed: int) -> None:
        self.gesture: str | None = None
        self._rig = Rig(avatar)
        self._joints = [self._rig.joint_index[name] for name in ("head", "leftEye", "rightEye")]
        self._rests = [np.array([*avatar.joints[i].position, 1.0]) for i in self._joints]
        camera = on_screen(avatar.framing, _SCREEN)
        self._camera = np.asarray(camera.position, np.float64)
        self._sound = ClockedSound()
        self._retarget = load_retarget()
        self._player = Player(
            _settings(seed),
            self._rig,
            self._sound,
            Metrics(),
            retarget=self._retarget,
            make_mouth=SpeechMouth,
            report=_unheard,
            clock=self._sound.clock,
        )
        self._player.on_event(LinkUp("connection"))
        self._renewed = 0.0
        self.clear()

    def clear(self) -> None:
        self._weights: list[Array] = []
        self._head: list[Array] = []
        self._gaze: list[Array] = []
        self._said: list[Said] = []

    @property
    def seconds(self) -> float:
        return len(self._weights) / FRAMES_A_SECOND

    def watched(self) -> Watched:
        return Watched(
            self._rig.avatar.blendshapes,
            np.array(self._weights),
            np.array(self._head),
            np.array(self._gaze),
            tuple(self._said),
        )

    def run(self, seconds: float) -> None:
        for _ in range(round(seconds * FRAMES_A_SECOND)):
            self._frame()

    def say(self, request: str, text: str, *, motion: bool) -> None:
        """Until it is over; voice and motion come at once, as the embedded endpoint sends them."""
        speech = synthesise(text)
        utterance = Utterance(request, speech.sample_rate)
        utterance.append_audio(speech.samples)
        utterance.end_audio()
        if motion:
            utterance.append_motion(perform(speech, self._retarget))
            utterance.end_motion()
        else:
            utterance.fail_motion(MotionFailure.NO_ENDPOINT)
        self._player.on_event(UtteranceStarted(utterance))
        began = None
        while not (self._sound.published.finished and began is not None):
            self._frame()
            if began is None and self._sound.published.position_s > 0:
                began = self.seconds - self._sound.published.position_s
        self._said.append(Said(began, speech))

    def _frame(self) -> None:
        sound = self._sound
        sound.pass_time(1 / FRAMES_A_SECOND)
        if self.gesture is not None and sound.now >= self._renewed:
            self._player.gesture(self.gesture)
            self._renewed = sound.now + _RENEWED_S
        parameters = self._player.tick(sound.now, 0.0)
        self._player.frame_shown(sound.now)
        matrices = self._rig.pose(parameters).matrices.astype(np.float64)
        head, *eyes = (matrices[joint] for joint in self._joints)
        self._weights.append(parameters.weights.astype(np.float64))
        self._head.append(_turn(head))
        self._gaze.append(
            np.array([self._aside(*eye) for eye in zip(eyes, self._rests[1:], strict=True)])
        )

    def _aside(self, matrix: Array, rest: Array) -> Array:
        """Degrees to the left and up of the visitor that an eye points at."""
        wanted = self._camera - (matrix @ rest)[:3]
        return _angles(matrix[:3, 2]) - _angles(wanted)


def _unheard(request_id: str, state: PlaybackState, position_ms: int) -> None:
    """Nobody asks for reports here."""


def _angles(direction: Array) -> Array:
    x, y, z = direction
    return np.asarray(np.degrees([np.arctan2(x, z), np.arctan2(y, np.hypot(x, z))]))


def _turn(matrix: Array) -> Array:
    """Pitch down, yaw left, roll in degrees of a rotation by roll, pitch, then yaw."""
    pitch = np.arcsin(np.clip(-matrix[1, 2], -1, 1))
    yaw = np.arctan2(matrix[0, 2], matrix[2, 2])
    roll = np.arctan2(matrix[1, 0], matrix[1, 1])
    return np.asarray(np.degrees([pitch, yaw, roll]))
