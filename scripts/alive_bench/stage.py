# SPDX-License-Identifier: Apache-2.0
"""The real player, driven by a clock of one's own: minutes of what a face does, in seconds.

Left out: drawing, ALSA and the network. Sounds are heard as the clock passes, motion and voice are
there at once, as the embedded endpoint sends them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum
from typing import Final

from driving_client.link.interface import LinkUp, PlaybackState, UtteranceStarted
from driving_client.lipsync.flame_performance import perform
from driving_client.lipsync.speech_mouth import SpeechMouth
from driving_client.motion_failure import MotionFailure
from driving_client.retarget import load_retarget
from driving_client.utterance import Utterance
from driving_client.voices.choice import Voice, Voices
from driving_client.voices.speech import Speech
from driving_client.voices.wish import VoiceWish
from kioskd.config import Config, part_settings
from kioskd.metrics import Metrics
from kioskd.playback.player import Player
from kioskd.playback.settings import PlaybackSettings
from splat_gles.avatar import Avatar
from splat_gles.rig import Rig, RigParameters
from test_stand.clocked_sound import ClockedSound

_RENEWED_S: Final = 20.0
"""A gesture is asked for anew that often, as the software that listens does."""


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


class Stage:
    """A player before nobody; `seen` is called with the rig's parameters of each frame."""

    def __init__(
        self, rig: Rig, frame_rate: float, seed: int, seen: Callable[[RigParameters], None]
    ) -> None:
        self._seen = seen
        self._frame_s = 1.0 / frame_rate
        self._sound = ClockedSound()
        self._retarget = load_retarget()
        self._player = Player(
            _settings(seed),
            rig,
            self._sound,
            Metrics(),
            retarget=self._retarget,
            make_mouth=SpeechMouth,
            report=_unheard,
            clock=self._sound.clock,
        )
        self._player.on_event(LinkUp("connection"))
        self._gesture: str | None = None
        self._renewed = 0.0
        self._frames = 0
        self.said: list[Said] = []
        """What was said since `restart`, in order."""

    @property
    def seconds(self) -> float:
        """Since `restart`."""
        return self._frames * self._frame_s

    def restart(self) -> None:
        """Count from here; the face goes on."""
        self._frames = 0
        self.said = []

    def be(self, state: State) -> None:
        """Idle, listen or think from now on, until something is said."""
        self._gesture = None if state is State.IDLE else state.value
        self._player.gesture(state.value)
        self._renewed = self._sound.now + _RENEWED_S

    def run(self, seconds: float) -> None:
        """Let time pass."""
        for _ in range(round(seconds / self._frame_s)):
            self._frame()

    def say(self, request_id: str, speech: Speech, *, motion: bool) -> None:
        """Say it to its end, by motion for its text, or by lips that follow the sound."""
        self._gesture = None
        utterance = Utterance(request_id, speech.sample_rate)
        utterance.append_audio(speech.samples)
        utterance.end_audio()
        if motion:
            utterance.append_motion(perform(speech, self._retarget))
            utterance.end_motion()
        else:
            utterance.fail_motion(MotionFailure.NO_ENDPOINT)
        self._player.on_event(UtteranceStarted(utterance))
        began = None
        while began is None or not self._sound.published.finished:
            self._frame()
            if began is None and self._sound.published.position_s > 0:
                began = self.seconds - self._sound.published.position_s
        self.said.append(Said(began, speech))

    def _frame(self) -> None:
        sound = self._sound
        sound.pass_time(self._frame_s)
        if self._gesture is not None and sound.now >= self._renewed:
            self._player.gesture(self._gesture)
            self._renewed = sound.now + _RENEWED_S
        parameters = self._player.tick(sound.now, 0.0)
        self._player.frame_shown(sound.now)
        self._frames += 1
        self._seen(parameters)


def _settings(seed: int) -> PlaybackSettings:
    settings = part_settings.playback_settings(Config())
    return replace(settings, idle=replace(settings.idle, seed=seed))


def _unheard(request_id: str, state: PlaybackState, position_ms: int) -> None:
    """Nobody asks for reports here."""


def voice_of(avatar: Avatar) -> Voice:
    """The voice that a kiosk with this avatar asks for."""
    told = avatar.voice
    wish = VoiceWish("", told.language, told.sex, told.pitch) if told else VoiceWish()
    return Voices().choose(wish)
