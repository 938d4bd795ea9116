# SPDX-License-Identifier: Apache-2.0
"""From every state to every other, amid whatever is under way: nothing shown moves unlike a body.

The packaged avatar with all its life, the real retarget, lips and sound. What is seen is measured
frame by frame: speed and acceleration of every weight and joint, by the part of the face.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
import pytest
from cinema import FRAME_S, Audience
from numpy.typing import NDArray
from ready_settings import ready_idle

from alive_bench.sentences import SENTENCES
from driving_client.link.interface import LinkDown, LinkUp, UtteranceStarted
from driving_client.lipsync.flame_performance import perform
from driving_client.motion_failure import MotionFailure
from driving_client.retarget import load_retarget
from driving_client.utterance import Utterance
from driving_client.voices.espeak import synthesise
from driving_client.voices.speech import Speech
from kioskd.config.sections import DEFAULT_AVATAR
from splat_gles.avatar import Avatar
from splat_gles.bundle import read_bundle

Array = NDArray[np.float64]

STATES: Final = (
    "idle",
    "listen",
    "think",
    "hello",
    "stream",
    "lips",
    "held",
    "end",
    "paused",
    "resumed",
    "interrupted",
    "lost",
)
PHASES_S: Final = (0.05, 0.28)
"""How long a state has lasted when the next begins: amid the mouth's change, amid the head's."""

MOUTH: Final = ("jaw", "mouth", "tongue", "cheekPuff")
LIDS: Final = ("eyeBlink", "eyeWide", "eyeSquint")
GAZE: Final = ("eyeLook",)


@dataclass(frozen=True)
class Bound:
    """Weights a second, and that a second."""

    speed: float
    acceleration: float


MOUTH_BOUND: Final = Bound(30.0, 1500.0)
"""Streams at 25 frames a second themselves reach 25 and, where they turn between two frames, 1100;
a mouth that joins one catches up with it. Lips meet at full speed and stop at once (Löfqvist and
Gracco 1997), so braking hard is no sign of a jump; half of the way in one frame is."""

GAZE_BOUND: Final = Bound(28.0, 1600.0)
"""Of some 25 degrees: 700 degrees a second at the main sequence's end (Bahill, Clark and Stark
1975), and 40,000 degrees a second squared."""

LIDS_BOUND: Final = Bound(32.0, 2000.0)
"""A lid shuts within 75 ms at the fastest (VanderWerf et al. 2003): 24 on average, half as much
again at its peak."""

UPPER_BOUND: Final = Bound(10.0, 500.0)
"""A brow takes some 190 ms from one end to the other."""

HEAD_SPEED: Final = 90.0
HEAD_ACCELERATION: Final = 1500.0
"""Degrees. Heads of people who walk or run stay below 90 a second (Grossman et al. 1988); those
shaken on purpose at 2 to 5 Hz reach 2500 to 5000 a second squared: more than any change here."""


@functools.cache
def avatar() -> Avatar:
    return read_bundle(Path(DEFAULT_AVATAR))


@functools.cache
def speech(number: int) -> tuple[Speech, NDArray[np.float32]]:
    spoken = synthesise(SENTENCES[number])
    return spoken, perform(spoken, load_retarget())


@dataclass
class Walk:
    """An audience before a player that is led from state to state."""

    audience: Audience = field(default_factory=lambda: Audience(avatar(), ready_idle(seed=11)))
    said: int = 0
    utterance: Utterance | None = None

    def say(self, frames: int | None = None, seconds: float | None = None) -> None:
        """The next sentence with all its motion or so much of it, and so much of its sound."""
        spoken, motion = speech(self.said % 4)
        self.said += 1
        self.utterance = Utterance(str(self.said), spoken.sample_rate)
        count = None if seconds is None else round(seconds * spoken.sample_rate)
        self.utterance.append_audio(spoken.samples[:count])
        self.utterance.end_audio()
        self.utterance.append_motion(motion[:frames])
        if frames is None:
            self.utterance.end_motion()
        elif frames == 0:
            self.utterance.fail_motion(MotionFailure.NO_ENDPOINT)
        self.audience.player.on_event(UtteranceStarted(self.utterance))

    def say_unless_speaking(self) -> None:
        if self.audience.player.snapshot().request_id is None:
            self.say()
            self.audience.run(0.4)

    def go(self, state: str) -> None:
        player = self.audience.player
        match state:
            case "idle" | "listen" | "think" | "hello":
                player.interrupt()
                player.gesture(state)
            case "stream":
                self.say()
            case "lips":
                self.say(frames=0)
            case "held":
                self.say(frames=8)
            case "end":
                self.say(seconds=0.5)
            case "paused":
                self.say_unless_speaking()
                player.pause()
            case "resumed":
                self.say_unless_speaking()
                player.pause()
                self.audience.run(0.25)
                player.resume()
            case "interrupted":
                self.say_unless_speaking()
                player.interrupt()
            case "lost":
                self.say(frames=14)
                self.audience.run(0.3)
                assert self.utterance is not None
                self.utterance.fail_motion(MotionFailure.LINK_LOST)
                player.on_event(LinkDown("gone", 1.0))
                player.on_event(LinkUp("back"))


def places(prefixes: tuple[str, ...]) -> list[int]:
    return [i for i, name in enumerate(avatar().blendshapes) if name.startswith(prefixes)]


def moved(values: Array) -> tuple[float, float]:
    """The greatest speed and acceleration of any column."""
    speed = np.diff(values, axis=0) / FRAME_S
    return float(np.abs(speed).max()), float(np.abs(np.diff(speed, axis=0)).max() / FRAME_S)


def assert_like_a_body(audience: Audience) -> None:
    weights = np.array([pose.weights for pose in audience.poses], np.float64)
    rest = np.ones(weights.shape[1], bool)
    for prefixes, bound in ((MOUTH, MOUTH_BOUND), (GAZE, GAZE_BOUND), (LIDS, LIDS_BOUND)):
        rest[places(prefixes)] = False
        speed, acceleration = moved(weights[:, places(prefixes)])
        assert speed < bound.speed, prefixes
        assert acceleration < bound.acceleration, prefixes
    speed, acceleration = moved(weights[:, rest])
    assert speed < UPPER_BOUND.speed
    assert acceleration < UPPER_BOUND.acceleration
    joints = [i for i, joint in enumerate(avatar().joints) if not joint.name.endswith("Eye")]
    turns = np.degrees([pose.rotations[joints].ravel() for pose in audience.poses])
    speed, acceleration = moved(turns)
    assert speed < HEAD_SPEED
    assert acceleration < HEAD_ACCELERATION


@pytest.mark.slow("eleven changes at two moments each, played in the test's time")
@pytest.mark.parametrize("state", STATES)
def test_no_change_is_seen_as_a_jump(state: str) -> None:
    walk = Walk()
    walk.audience.run(0.5)
    for following in STATES:
        if following == state:
            continue
        for phase_s in PHASES_S:
            walk.go("idle")
            walk.go(state)
            walk.audience.run(phase_s)
            walk.go(following)
            walk.audience.run(0.4)
    assert_like_a_body(walk.audience)
