# SPDX-License-Identifier: Apache-2.0
"""The `speak` clip's head and brows under speech that moves none, and only there."""

from __future__ import annotations

import numpy as np
import pytest
from player_stage import FRAME_S, RATE, Stage, flame, jaw_of, said, small_avatar

from driving_client.link.interface import UtteranceStarted
from driving_client.motion import ARKIT_NAMES, ParameterSpace
from driving_client.motion_failure import MotionFailure
from driving_client.utterance import Utterance
from splat_gles.avatar import Clip
from splat_gles.rig import RigParameters

BROW = ARKIT_NAMES.index("browInnerUp")
LEVEL = 0.6
PITCH = 0.1


def speak_clip() -> Clip:
    """Four seconds: the head nods twice, the brows stay up, mouth and eyes do as they like."""
    weights = np.full((120, 52), 0.7, np.float32)
    rotations = np.zeros((120, 5, 3), np.float32)
    rotations[:, 2, 0] = PITCH * np.sin(np.linspace(0, 4 * np.pi, 120, endpoint=False))
    rotations[:, 0] = 0.3
    return Clip("speak", 30.0, weights, rotations, loop=True)


@pytest.fixture
def stage() -> Stage:
    return Stage(avatar=small_avatar({"speak": speak_clip()}))


def streamed(motion: np.ndarray, seconds: float = 6.0, *, ended: bool = True) -> Utterance:
    """A voice with this motion."""
    utterance = said(seconds=seconds, motion=0)
    utterance.append_motion(motion)
    if ended:
        utterance.end_motion()
    return utterance


def turned(seconds: float, column: int, turns: np.ndarray | float) -> np.ndarray:
    motion = flame(seconds)
    motion[:, column] = turns
    return motion


def pitches(poses: list[RigParameters]) -> np.ndarray:
    """Of neck and head together."""
    return np.array([pose.rotations[1, 0] + pose.rotations[2, 0] for pose in poses])


def brows(poses: list[RigParameters]) -> np.ndarray:
    return np.array([pose.weights[BROW] for pose in poses])


def assert_smooth(stage: Stage) -> None:
    assert np.abs(np.diff(pitches(stage.poses))).max() < 0.02
    assert np.abs(np.diff(brows(stage.poses))).max() < np.pi / 2 * FRAME_S / 0.32


@pytest.mark.parametrize(
    "motion",
    [flame(6.0), turned(6.0, 3, 0.2), turned(6.0, 7, -0.1)],
    ids=["zero", "constant rotation", "constant neck"],
)
def test_a_stream_with_a_still_head_nods_in_time_with_its_sound(
    stage: Stage, motion: np.ndarray
) -> None:
    stage.player.on_event(UtteranceStarted(streamed(motion)))
    poses = stage.run(5.0)
    heard = np.array([stage.sound.position - (len(poses) - 1 - i) * FRAME_S for i in range(300)])
    expected = LEVEL * PITCH * np.sin(np.pi * (heard + FRAME_S))
    settled = heard > 0.5
    assert pitches(poses)[settled] == pytest.approx(expected[settled], abs=0.004)
    assert brows(poses)[settled] == pytest.approx(LEVEL * 0.7, abs=1e-5)
    assert_smooth(stage)


def test_mouth_cheeks_eyes_and_body_stay_as_they_are(stage: Stage) -> None:
    bare = Stage()
    for each in (stage, bare):
        each.player.on_event(UtteranceStarted(streamed(flame(6.0))))
        each.run(4.0)
    kept = [i for i, name in enumerate(ARKIT_NAMES) if not name.startswith(("brow", "eyeLook"))]
    for mine, other in zip(stage.poses, bare.poses, strict=True):
        assert np.array_equal(mine.weights[kept], other.weights[kept])
        assert not mine.rotations[0].any()
    assert jaw_of(stage.poses[-1]) == pytest.approx(0.8)


def test_local_lips_have_it_from_the_start_and_it_goes_with_the_voice(stage: Stage) -> None:
    utterance = said(seconds=4.0, motion=0)
    utterance.fail_motion(MotionFailure.NO_ENDPOINT)
    stage.player.on_event(UtteranceStarted(utterance))
    stage.run(2.0)
    assert brows(stage.poses[-1:])[0] == pytest.approx(LEVEL * 0.7, abs=1e-5)
    stage.run(4.0)
    assert not brows(stage.poses[-30:]).any()
    assert_smooth(stage)


def test_a_stream_that_moves_its_head_is_left_alone(stage: Stage) -> None:
    bare = Stage()
    nods = 0.05 * np.sin(np.arange(150) / 6)
    for each in (stage, bare):
        each.player.on_event(UtteranceStarted(streamed(turned(6.0, 6, nods))))
        each.run(7.0)
    for mine, other in zip(stage.poses, bare.poses, strict=True):
        assert np.array_equal(mine.weights, other.weights)
        assert np.array_equal(mine.rotations, other.rotations)


def test_a_stream_is_not_judged_by_its_first_frames(stage: Stage) -> None:
    utterance = streamed(flame(0.6), ended=False)
    stage.player.on_event(UtteranceStarted(utterance))
    stage.run(0.5)
    assert not brows(stage.poses).any()
    utterance.append_motion(turned(5.4, 3, 0.05 * np.sin(np.arange(135) / 6)))
    utterance.end_motion()
    stage.run(4.0)
    assert not brows(stage.poses).any()


def test_a_head_that_begins_to_move_late_takes_over_gently(stage: Stage) -> None:
    utterance = streamed(flame(3.0), ended=False)
    stage.player.on_event(UtteranceStarted(utterance))
    stage.run(2.0)
    assert brows(stage.poses[-1:])[0] > 0.4
    utterance.append_motion(turned(3.0, 3, 0.02 * np.arange(75) / 25))
    utterance.end_motion()
    stage.run(3.0)
    assert not brows(stage.poses[-20:]).any()
    assert_smooth(stage)


def test_motion_in_arkits_own_space_is_judged_by_its_head(stage: Stage) -> None:
    for turn, still in ((0.1, True), (0.05 * np.sin(np.arange(100) / 6), False)):
        utterance = Utterance("a", RATE, space=ParameterSpace.ARKIT)
        utterance.append_audio(np.ones(4 * RATE, np.int16))
        utterance.end_audio()
        motion = np.zeros((100, 55), np.float32)
        motion[:, 53] = turn
        utterance.append_motion(motion)
        utterance.end_motion()
        stage.player.on_event(UtteranceStarted(utterance))
        poses = stage.run(3.5)
        assert bool(brows(poses[-1:])[0] > 0.4) is still
        stage.run(2.0)


def test_motion_of_nothing_but_zeros_is_a_still_head(stage: Stage) -> None:
    stage.player.on_event(UtteranceStarted(streamed(flame(6.0, jaw=0.0))))
    stage.run(2.0)
    assert brows(stage.poses[-1:])[0] > 0.4


def test_a_pause_an_interrupt_and_the_next_voice_jump_nowhere(stage: Stage) -> None:
    player = stage.player
    player.on_event(UtteranceStarted(streamed(flame(6.0))))
    stage.run(1.3)
    player.pause()
    stage.run(2.0)
    assert not brows(stage.poses[-10:]).any(), "who is paused nods no more"
    player.resume()
    stage.run(1.0)
    assert brows(stage.poses[-1:])[0] > 0.4
    player.interrupt()
    stage.run(0.2)
    for name in ("b", "c"):
        utterance = said(name, seconds=3.0, motion=0)
        utterance.append_motion(flame(3.0))
        utterance.end_motion()
        player.on_event(UtteranceStarted(utterance))
        stage.run(0.9)
    stage.run(4.0)
    assert not brows(stage.poses[-10:]).any()
    assert_smooth(stage)


def test_an_avatar_without_the_clip_speaks_as_before() -> None:
    stage = Stage()
    stage.player.on_event(UtteranceStarted(streamed(flame(6.0))))
    poses = stage.run(4.0)
    assert not pitches(poses).any()
    assert not brows(poses).any()
