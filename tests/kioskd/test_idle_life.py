# SPDX-License-Identifier: Apache-2.0
"""Life of its own: blinks, gaze, breath, and the avatar's idle clip under everything."""

from __future__ import annotations

import eye_record
import numpy as np
import pytest
from player_stage import FRAME_S, JAW, JOIN_STEP, Stage, flame, said, small_avatar
from ready_settings import STILL, ready_idle, ready_playback

from driving_client.link.interface import UtteranceStarted
from driving_client.motion import ARKIT_NAMES
from kioskd.life.idle_life import IdleLife, Life
from kioskd.playback.face import Face
from splat_gles.avatar import Clip

BLINK = ARKIT_NAMES.index("eyeBlinkLeft")
WIDE = ARKIT_NAMES.index("eyeWideRight")
LOOKS = [i for i, name in enumerate(ARKIT_NAMES) if name.startswith("eyeLook")]


def test_a_blink_shuts_a_wide_eye_too() -> None:
    face = Face(small_avatar())
    pose = face.rest()
    pose[WIDE] = 0.8
    widths = [
        face.parameters(pose, Life(lids=(shut, shut))).weights[WIDE] for shut in (0.0, 0.5, 1.0)
    ]
    assert widths == pytest.approx([0.8, 0.4, 0.0])


def test_life_does_not_depend_on_the_frame_rate_and_repeats_with_its_seed() -> None:
    settings = ready_idle(seed=7)
    fast, slow, other = IdleLife(settings), IdleLife(settings), IdleLife(ready_idle(seed=8))
    differs = False
    for i in range(1200):
        now = 10 + i * FRAME_S
        seen = fast.at(now)
        if i % 3 == 0:
            again = slow.at(now)
            assert again.lids == pytest.approx(seen.lids)
            assert again.gaze_left == pytest.approx(seen.gaze_left)
            assert again.gaze_up == pytest.approx(seen.gaze_up)
            assert again.head == pytest.approx(seen.head)
            differs = differs or other.at(now).gaze_left != seen.gaze_left
    assert differs


def test_a_long_sleep_of_the_machine_is_no_burst_of_blinks() -> None:
    life = IdleLife(ready_idle(seed=1))
    life.at(0.0)
    assert life.at(1e7).lids == (0, 0)


def test_speech_is_alive_although_the_stream_holds_no_life() -> None:
    stage = Stage(settings=ready_playback(idle=ready_idle(seed=3)))
    stage.player.on_event(UtteranceStarted(said(seconds=20.0)))
    poses = stage.run(20.0)
    lids = np.array([pose.weights[BLINK] for pose in poses])
    assert 3 <= len(eye_record.stretches(lids > 0)) <= 14
    assert np.array([pose.weights[LOOKS] for pose in poses]).std(axis=0).max() > 0.01
    assert np.array([pose.rotations for pose in poses]).std(axis=0).max() > 0.002


def test_disabled_life_is_still() -> None:
    stage = Stage()
    poses = stage.run(5.0)
    assert not np.array([pose.weights for pose in poses]).any()
    assert not np.array([pose.rotations for pose in poses]).any()


def test_idle_moves_are_smooth_but_for_the_eyes() -> None:
    stage = Stage(settings=ready_playback(idle=ready_idle(seed=5)))
    poses = stage.run(60.0)
    rotations = np.array([pose.rotations for pose in poses])
    assert np.abs(rotations).max() < np.radians(6)
    # 18 degrees a second, for a look of 20; sway and breath have two
    assert np.abs(np.diff(rotations, axis=0)).max() < np.radians(0.3)


def idle_clip() -> Clip:
    """Two seconds in which the brow rises steadily and the clip's own lids are shut."""
    weights = np.zeros((60, 52), np.float32)
    weights[:, ARKIT_NAMES.index("browInnerUp")] = np.linspace(0, 0.9, 60)
    weights[:, BLINK] = 1
    rotations = np.zeros((60, 5, 3), np.float32)
    rotations[:, 2, 1] = np.linspace(-0.1, 0.1, 60)
    return Clip("idle", 30.0, weights, rotations, loop=True)


def test_the_face_rests_as_the_middle_of_its_idle_clip_and_its_lids_are_left_alone() -> None:
    settings = ready_playback(idle=STILL)
    stage = Stage(settings=settings, avatar=small_avatar({"idle": idle_clip()}))
    poses = stage.run(6.0)
    weights = np.array([pose.weights for pose in poses])
    assert not weights[:, BLINK].any()
    assert weights[:, ARKIT_NAMES.index("browInnerUp")] == pytest.approx(0.45)
    assert np.array([pose.rotations for pose in poses]) == pytest.approx(0, abs=1e-6)


def test_speech_takes_over_from_the_idle_clip_without_a_jump() -> None:
    settings = ready_playback(idle=STILL)
    stage = Stage(settings=settings, avatar=small_avatar({"idle": idle_clip()}))
    stage.run(1.0)
    utterance = said(seconds=2.0, motion=0)
    utterance.append_motion(flame(2.0))
    utterance.end_motion()
    stage.player.on_event(UtteranceStarted(utterance))
    stage.run(4.0)
    weights = np.array([pose.weights for pose in stage.poses])
    steps = np.abs(np.diff(weights, axis=0)).max(axis=0)
    assert steps[JAW] < JOIN_STEP
    assert np.delete(steps, JAW).max() < 0.1
    assert weights[90:, ARKIT_NAMES.index("browInnerUp")].min() == 0
