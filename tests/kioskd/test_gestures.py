# SPDX-License-Identifier: Apache-2.0
"""Clips that are asked for by name: which shows, for how long, and that nothing ever jumps."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import eye_record
import numpy as np
import pytest
from player_stage import FRAME_S, JAW, JOIN_STEP, Stage, said, small_avatar
from ready_settings import STILL, ready_idle, ready_playback

from driving_client.link.interface import LinkDown, UtteranceStarted
from driving_client.motion import ARKIT_NAMES
from driving_client.utterance import Utterance
from kioskd.config import load
from kioskd.config.part_settings import playback_settings
from kioskd.life.attention import Attention
from kioskd.life.idle_life import IdleLife, Life
from kioskd.life.settings import IdleSettings
from kioskd.playback.attitudes import Attitudes
from kioskd.playback.face import Face
from kioskd.playback.gestures import GESTURE_FRAMES, GestureError
from splat_gles.avatar import Clip
from splat_gles.rig import RigParameters

BROW = ARKIT_NAMES.index("browInnerUp")
BLINK = ARKIT_NAMES.index("eyeBlinkLeft")
LOOK_LEFT = ARKIT_NAMES.index("eyeLookOutLeft")
LOOKS = [i for i, name in enumerate(ARKIT_NAMES) if name.startswith("eyeLook")]
EASED_S = GESTURE_FRAMES * 0.04
BROWS = {"idle": 0.1, "listen": 0.5, "think": 0.8, "hello": 0.9, "dance": 0.7}
"""What tells the clips of `AVATAR` apart."""


def clip(name: str, *, seconds: float = 2.0, loop: bool = True, look: float = 0.0) -> Clip:
    """The brows at the clip's own height, the head on a slow round, the lids shut."""
    frames = round(seconds * 30)
    weights = np.zeros((frames, 52), np.float32)
    weights[:, BROW] = BROWS[name]
    weights[:, BLINK] = 1
    weights[:, LOOK_LEFT] = look
    rotations = np.zeros((frames, 5, 3), np.float32)
    rotations[:, 2, 1] = 0.1 * np.sin(np.linspace(0, 2 * np.pi, frames, endpoint=False))
    return Clip(name, 30.0, weights, rotations, loop)


CLIPS = (clip("idle"), clip("listen"), clip("think", look=0.6), clip("hello", loop=False))


def stage_with(
    limit_s: float = 60.0, idle: IdleSettings = STILL, clips: tuple[Clip, ...] = CLIPS
) -> Stage:
    settings = ready_playback(idle=idle, gesture_limit_s=limit_s)
    return Stage(settings=settings, avatar=small_avatar({each.name: each for each in clips}))


@pytest.fixture
def stage() -> Stage:
    return stage_with()


def brow_of(pose: RigParameters) -> float:
    return float(pose.weights[BROW])


def shows(stage: Stage, name: str) -> bool:
    """Whether this clip, and nothing else, is seen and told of."""
    seen = abs(brow_of(stage.frame()) - BROWS[name]) < 1e-6
    return seen and stage.player.snapshot().gesture == name


def assert_smooth(stage: Stage) -> None:
    """No value moves faster than an ease from one end to the other: mouth and eyes soon."""
    weights = np.array([pose.weights for pose in stage.poses])
    steps = np.abs(np.diff(weights, axis=0)).max(axis=0)
    assert steps[LOOKS].max() < 1.875 * FRAME_S / 0.1
    assert steps[[JAW]].max() < JOIN_STEP
    assert np.delete(steps, [*LOOKS, JAW]).max() < 1.875 * FRAME_S / 0.32
    turns = np.array([pose.rotations for pose in stage.poses])
    assert np.abs(np.diff(turns, axis=0)).max() < 0.02


def test_a_loop_goes_on_until_idle_is_asked_for(stage: Stage) -> None:
    stage.run(0.5)
    assert shows(stage, "idle")
    assert stage.player.gesture("listen")
    stage.run(10.0)
    assert shows(stage, "listen")
    assert stage.player.gesture("idle")
    stage.run(1.0)
    assert shows(stage, "idle")
    assert_smooth(stage)


def test_one_gesture_follows_another_also_amid_the_fade(stage: Stage) -> None:
    stage.run(0.5)
    for name in ("listen", "think", "hello", "listen", "idle", "think"):
        stage.player.gesture(name)
        stage.run(0.2)
    stage.run(EASED_S)
    assert shows(stage, "think")
    assert_smooth(stage)


def test_a_clip_begins_at_its_first_frame_and_fades_in_half_a_second() -> None:
    stage = stage_with(clips=(*CLIPS, clip("dance")))
    stage.run(0.7)
    stage.player.gesture("dance")
    poses = stage.run(2.0)
    brows = np.array([brow_of(pose) for pose in poses])
    arrived = np.flatnonzero(brows >= BROWS["dance"] - 1e-6)[0] * FRAME_S
    assert arrived == pytest.approx(EASED_S, abs=2 * FRAME_S)
    assert (np.diff(brows[: round(EASED_S / FRAME_S)]) >= 0).all()
    # A quarter of the round after 0.5 s: the clip's time is the gesture's, not the kiosk's
    assert poses[round(0.5 / FRAME_S)].rotations[2, 1] == pytest.approx(0.1, abs=0.002)


def test_a_clip_that_does_not_loop_plays_once_and_again_when_asked_again(stage: Stage) -> None:
    for _ in range(2):
        stage.player.gesture("hello")
        stage.run(1.5)
        assert shows(stage, "hello")
        stage.run(2.0)
        assert shows(stage, "idle")
    stage.player.gesture("hello")
    stage.run(1.0)
    stage.player.gesture("hello")
    stage.run(1.5)
    assert shows(stage, "hello"), "the second begins anew"
    assert_smooth(stage)


def test_a_gesture_that_nobody_ends_gives_way_to_idle_and_is_told_of(
    caplog: pytest.LogCaptureFixture,
) -> None:
    stage = stage_with(limit_s=5.0)
    stage.player.gesture("listen")
    stage.run(4.9)
    assert shows(stage, "listen")
    stage.run(1.2)
    assert shows(stage, "idle")
    (record,) = caplog.records
    assert (record.levelname, record.code) == ("WARNING", "gesture_timed_out")  # type: ignore[attr-defined]
    assert_smooth(stage)


def test_the_same_loop_asked_for_again_has_its_time_anew_and_goes_on_undisturbed() -> None:
    asked, left = stage_with(limit_s=5.0), stage_with(limit_s=50.0)
    for stage in (asked, left):
        stage.player.gesture("listen")
    for _ in range(4):
        asked.run(3.1)
        left.run(3.1)
        asked.player.gesture("listen")
    for mine, other in zip(asked.poses, left.poses, strict=True):
        assert np.array_equal(mine.rotations, other.rotations)
    assert shows(asked, "listen")


def test_the_limit_is_the_configuration_s() -> None:
    config = load(Path("/dev/null"), ["playback.gesture_limit_s=2"]).config
    assert playback_settings(config).gesture_limit_s == 2.0


def test_a_short_limit_cuts_a_long_clip_without_a_word(caplog: pytest.LogCaptureFixture) -> None:
    stage = stage_with(limit_s=1.0)
    stage.player.gesture("hello")
    stage.run(2.0)
    assert shows(stage, "idle")
    assert not caplog.records


@pytest.mark.parametrize("motion", [None, 0], ids=["stream", "local lips"])
def test_a_voice_ends_every_gesture_when_it_is_heard_and_none_shows_over_it(
    stage: Stage, motion: float | None
) -> None:
    stage.player.gesture("think")
    stage.run(1.0)
    stage.player.on_event(UtteranceStarted(said(seconds=2.0, motion=motion)))
    stage.run(1.5)
    assert stage.player.snapshot().gesture == "idle"
    assert brow_of(stage.poses[-1]) == 0
    assert not stage.player.gesture("listen")
    assert not stage.player.gesture("idle")
    stage.run(3.0)
    assert shows(stage, "idle")
    assert_smooth(stage)


def test_it_thinks_on_while_an_answer_has_begun_but_is_not_heard(stage: Stage) -> None:
    answer = Utterance("a", 16000)
    stage.player.on_event(UtteranceStarted(answer))
    assert stage.player.gesture("think")
    stage.run(3.0)
    assert shows(stage, "think")
    answer.append_audio(np.ones(16000, np.int16))
    stage.run(1.0)
    assert stage.player.snapshot().gesture == "idle"
    assert_smooth(stage)


def test_who_is_interrupted_listens_at_once(stage: Stage) -> None:
    stage.player.on_event(UtteranceStarted(said(seconds=5.0)))
    stage.run(1.0)
    assert stage.player.interrupt()
    assert stage.player.gesture("listen")
    stage.run(EASED_S + 2 * FRAME_S)
    assert shows(stage, "listen")
    assert not stage.player.interrupt(), "there is no voice, and a gesture is not interrupted"
    assert shows(stage, "listen")
    assert_smooth(stage)


def test_a_lost_link_changes_no_gesture(stage: Stage) -> None:
    stage.player.gesture("listen")
    stage.player.on_event(LinkDown("gone", 1.0))
    stage.run(1.0)
    assert shows(stage, "listen")


WAVING = (clip("idle"), clip("listen", look=0.6), clip("think"), clip("hello", look=0.6))


def test_the_gaze_of_a_clip_that_has_one_takes_the_place_of_the_wandering_one() -> None:
    stage = stage_with(idle=ready_idle(seed=3, gaze_degrees=4.0, breath=0.0), clips=WAVING)
    stage.player.gesture("hello")
    stage.run(1.0)
    looks = np.array([pose.weights[LOOKS] for pose in stage.run(20.0)])
    # The head sways under it, and it keeps its place in the room
    only = LOOKS.index(LOOK_LEFT)
    assert looks[:, only] == pytest.approx(0.6, abs=0.3)
    assert np.delete(looks, only, axis=1).max() < 0.3
    stage.player.gesture("idle")
    stage.run(1.0)
    wandering = np.array([pose.weights[LOOKS] for pose in stage.run(20.0)])
    assert wandering.std(axis=0).max() > 0.01, "a clip without a gaze has the life layer's"


def test_the_gaze_of_a_clip_keeps_its_place_in_the_room_while_life_moves_the_head() -> None:
    stage = stage_with(idle=ready_idle(seed=3, gaze_degrees=4.0, breath=2.0), clips=WAVING)
    calm = stage_with(clips=WAVING)
    visitor = np.array([0.0, 0.0, 1.3])
    seen = []
    for each in (stage, calm):
        each.player.gesture("hello")
        each.run(1.0)
        seen.append(eye_record.gaze_of(each.avatar, each.run(10.0), visitor)[:, 0])
    moved = np.array([p.rotations for p in stage.poses]) - [p.rotations for p in calm.poses]
    assert np.degrees(np.abs(moved).max()) > 0.5
    assert np.abs(seen[0] - seen[1]).max() < 0.05


def test_who_listens_or_thinks_looks_as_the_life_layer_says_unless_that_is_off() -> None:
    """A gaze that a loop of some seconds repeats would be no visitor's."""
    for idle, varies in ((ready_idle(seed=3), True), (STILL, False)):
        stage = stage_with(idle=idle, clips=WAVING)
        stage.player.gesture("listen")
        stage.run(1.0)
        look = np.array([pose.weights[LOOK_LEFT] for pose in stage.run(20.0)])
        assert bool(look.std() > 0.01) is varies


def test_the_gaze_of_a_clip_comes_and_goes_as_fast_as_eyes_jump() -> None:
    stage = stage_with()
    for name in ("think", "idle", "think", "listen"):
        stage.player.gesture(name)
        stage.run(1.0)
    look = np.array([pose.weights[LOOK_LEFT] for pose in stage.poses])
    assert look.max() == pytest.approx(0.6, abs=1e-3)
    steps = np.abs(np.diff(look))
    # From 15 degrees to the left, to a visitor who is 6 to the right of a turned head
    assert steps.max() < 0.85 * 1.875 * FRAME_S / 0.1
    assert np.count_nonzero(steps > 0.02) <= 4 * 6, "four jumps of a tenth of a second"


def test_blinks_stay_with_the_life_layer() -> None:
    stage = stage_with(idle=ready_idle(seed=3))
    stage.player.gesture("think")
    lids = np.array([pose.weights[BLINK] for pose in stage.run(30.0)])
    assert lids.max() == 1
    assert np.mean(lids > 0) < 0.2
    assert not np.array([pose.weights[BLINK] for pose in stage_with().run(3.0)]).any()


@pytest.mark.parametrize("name", ["", "Listen", "idle ", "nope", "x" * 500, "\ud800", "../idle"])
def test_an_unknown_clip_is_refused_with_those_that_there_are(stage: Stage, name: str) -> None:
    stage.player.gesture("listen")
    with pytest.raises(GestureError, match="it has idle, listen, think, hello") as told:
        stage.player.gesture(name)
    assert len(str(told.value)) < 150
    stage.run(1.0)
    assert shows(stage, "listen"), "what showed goes on"


def test_it_is_refused_also_while_a_voice_is_heard(stage: Stage) -> None:
    stage.player.on_event(UtteranceStarted(said()))
    stage.run(1.0)
    with pytest.raises(GestureError, match="no clip 'nope'"):
        stage.player.gesture("nope")


def test_an_avatar_without_clips_can_idle_listen_and_think() -> None:
    stage = stage_with(clips=())
    assert stage.player.gesture("idle")
    assert not stage.run(1.0)[-1].weights.any()
    for name in ("listen", "think"):
        assert stage.player.gesture(name)
        pose = stage.run(1.0)[-1]
        assert pose.weights.any()
        assert np.degrees(np.abs(pose.rotations).sum(axis=0).max()) > 3
    with pytest.raises(GestureError, match=r"it has idle, listen, think$"):
        stage.player.gesture("hello")
    assert_smooth(stage)


@pytest.mark.parametrize("name", ["idle", "listen", "think"])
def test_a_clip_that_would_go_round_gives_its_middle_and_is_not_played(
    stage: Stage, name: str
) -> None:
    stage.player.gesture(name)
    stage.run(1.0)
    poses = stage.run(10.0)
    assert {brow_of(pose) for pose in poses} == {np.float32(BROWS[name])}
    assert not np.array([pose.rotations for pose in poses]).round(6).any()


def test_clips_of_one_frame_are_poses() -> None:
    listen = clip("listen", seconds=1 / 30)
    stage = stage_with(clips=(clip("idle"), listen, clip("hello", seconds=1 / 30, loop=False)))
    stage.player.gesture("listen")
    stage.run(1.0)
    assert shows(stage, "listen")
    stage.player.gesture("hello")
    stage.run(2.0)
    assert shows(stage, "idle")
    assert_smooth(stage)


def test_the_life_layer_is_told_what_the_kiosk_does(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[Attention] = []

    def note(_: IdleLife, _now: float, attention: Attention) -> Life:
        told.append(attention)
        return Life()

    monkeypatch.setattr(IdleLife, "at", note)
    for name in ("listen", "think", "idle", "hello"):
        assert stage.player.gesture(name)
        stage.run(1.0)
    stage.player.on_event(UtteranceStarted(said(seconds=1.0)))
    stage.run(2.0)
    course = [told[0], *(b for a, b in pairwise(told) if a.activity is not b.activity)]
    assert [each.activity.name.lower() for each in course] == [
        "listening",
        "thinking",
        "idle",
        "speaking",
        "idle",
    ]


def test_it_is_told_where_the_attitude_turns_the_head() -> None:
    turned = clip("think")
    turned.rotations[:, 2, 1] += 0.1
    avatar = small_avatar({"think": turned, "listen": clip("listen")})
    attitudes = Attitudes(avatar, Face(avatar), alive=True)
    assert attitudes.side("think") == pytest.approx(0.1, abs=1e-3)
    assert attitudes.side("listen") == 0
