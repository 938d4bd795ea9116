# SPDX-License-Identifier: Apache-2.0
"""Life of its own: blinks, gaze, breath, and the avatar's idle clip under everything."""

from __future__ import annotations

import random

import numpy as np
import pytest
from player_stage import FRAME_S, JAW, JOIN_STEP, Stage, flame, said, small_avatar
from ready_settings import STILL, ready_idle, ready_playback

from driving_client.link.interface import UtteranceStarted
from driving_client.motion import ARKIT_NAMES
from kioskd.life.blinks import Blinks, lid
from kioskd.life.gaze import Gaze
from kioskd.life.idle_life import IdleLife, Life
from kioskd.playback.face import GAZE_SIDE_RAD, Face
from splat_gles.avatar import Clip

BLINK = ARKIT_NAMES.index("eyeBlinkLeft")
WIDE = ARKIT_NAMES.index("eyeWideRight")
LOOKS = [i for i, name in enumerate(ARKIT_NAMES) if name.startswith("eyeLook")]


def lids_over(seconds: float, seed: int, per_minute: float = 16.0) -> np.ndarray:
    blinks = Blinks(per_minute, random.Random(seed))
    return np.array([blinks.at(50 + i * FRAME_S) for i in range(round(seconds / FRAME_S))])


def lengths(lids: np.ndarray) -> np.ndarray:
    """Seconds that each blink takes, from its first to its last sample that is not open."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], lids > 0, [False]])))
    return (edges[1::2] - edges[::2]) * FRAME_S


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_ten_minutes_hold_10_to_25_blinks_a_minute_of_100_to_300_ms(seed: int) -> None:
    lids = lids_over(600, seed)
    blinks = lengths(lids)
    assert 100 <= len(blinks) <= 250
    assert blinks.min() >= 0.1
    assert blinks.max() <= 0.3
    starts = np.flatnonzero(np.diff((lids > 0).astype(int)) == 1) * FRAME_S
    gaps = np.diff(starts)
    assert gaps.max() < 20
    assert 0.02 < np.mean(gaps < 0.45) < 0.25


def test_a_blink_closes_fully_and_faster_than_it_opens() -> None:
    course = np.array([lid(i / 1000) for i in range(1001)])
    assert course[0] == course[-1] == 0
    assert course.max() == 1
    shut = np.flatnonzero(course == 1)
    assert shut[0] < 1000 - shut[-1]
    assert np.abs(np.diff(course)).max() < 0.006
    assert lid(-1) == lid(2) == 0


def test_a_blink_shuts_a_wide_eye_too() -> None:
    face = Face(small_avatar())
    pose = face.rest()
    pose[WIDE] = 0.8
    widths = [face.parameters(pose, Life(blink=shut)).weights[WIDE] for shut in (0.0, 0.5, 1.0)]
    assert widths == pytest.approx([0.8, 0.4, 0.0])


def test_no_blinks_are_wanted() -> None:
    assert not lids_over(60, 1, per_minute=0).any()


def test_life_does_not_depend_on_the_frame_rate_and_repeats_with_its_seed() -> None:
    settings = ready_idle(seed=7)
    fast, slow, other = IdleLife(settings), IdleLife(settings), IdleLife(ready_idle(seed=8))
    differs = False
    for i in range(1200):
        now = 10 + i * FRAME_S
        seen = fast.at(now)
        if i % 3 == 0:
            again = slow.at(now)
            assert again.blink == seen.blink
            assert (again.gaze_left, again.gaze_up) == (seen.gaze_left, seen.gaze_up)
            assert np.array_equal(again.head, seen.head)
            differs = differs or other.at(now).gaze_left != seen.gaze_left
    assert differs


def test_a_long_sleep_of_the_machine_is_no_burst_of_blinks() -> None:
    life = IdleLife(ready_idle(seed=1))
    life.at(0.0)
    assert life.at(1e7).blink == 0


def test_the_gaze_moves_little_and_mostly_stays_with_the_person() -> None:
    gaze = Gaze(3.0, random.Random(4))
    seen = np.degrees([gaze.at(i * FRAME_S) for i in range(round(300 / FRAME_S))])
    assert np.abs(seen).max() < 6.01
    assert np.mean(np.hypot(seen[:, 0], seen[:, 1]) < 1.5) > 0.5
    moving = np.abs(np.diff(seen, axis=0)).max(axis=1) > 1e-9
    assert 0.005 < moving.mean() < 0.15
    still = np.diff(np.flatnonzero(moving))
    assert still.max() * FRAME_S <= 3.0 + 2 * FRAME_S


def test_speech_is_alive_although_the_stream_holds_no_life() -> None:
    stage = Stage(settings=ready_playback(idle=ready_idle(seed=3)))
    stage.player.on_event(UtteranceStarted(said(seconds=20.0)))
    poses = stage.run(20.0)
    lids = np.array([pose.weights[BLINK] for pose in poses])
    assert 3 <= len(lengths(lids)) <= 9
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
    assert np.abs(rotations).max() < np.radians(3)
    assert np.abs(np.diff(rotations, axis=0)).max() < np.radians(0.05)
    looks = np.array([pose.weights[LOOKS] for pose in poses])
    assert looks.max() * GAZE_SIDE_RAD < np.radians(12)


def idle_clip(*, loop: bool) -> Clip:
    """Two seconds in which the brow rises steadily and the clip's own lids are shut."""
    weights = np.zeros((60, 52), np.float32)
    weights[:, ARKIT_NAMES.index("browInnerUp")] = np.linspace(0, 0.9, 60)
    weights[:, BLINK] = 1
    rotations = np.zeros((60, 5, 3), np.float32)
    rotations[:, 2, 1] = np.linspace(-0.1, 0.1, 60)
    return Clip("idle", 30.0, weights, rotations, loop)


def test_the_idle_clip_plays_without_a_seam_and_leaves_the_lids_alone() -> None:
    settings = ready_playback(idle=STILL)
    stage = Stage(settings=settings, avatar=small_avatar({"idle": idle_clip(loop=False)}))
    poses = stage.run(6.0)
    weights = np.array([pose.weights for pose in poses])
    assert not weights[:, BLINK].any()
    brow = weights[:, ARKIT_NAMES.index("browInnerUp")]
    assert brow.max() > 0.6
    # A clip that does not meet itself falls back over its 0.5 s of overlap, not in one frame
    assert np.abs(np.diff(brow)).max() < 0.08
    turns = np.array([pose.rotations[2, 1] for pose in poses])
    assert np.abs(np.diff(turns)).max() < 0.02


def test_speech_takes_over_from_the_idle_clip_without_a_jump() -> None:
    settings = ready_playback(idle=STILL)
    stage = Stage(settings=settings, avatar=small_avatar({"idle": idle_clip(loop=False)}))
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
