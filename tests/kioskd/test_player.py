# SPDX-License-Identifier: Apache-2.0
"""The player's story: who speaks, what the face does meanwhile, and what is told about it."""

from __future__ import annotations

import math

import numpy as np
import pytest
from player_stage import FRAME_S, JOIN_STEP, RATE, Stage, flame, jaw_of, said, yaw_of

from driving_client.link.interface import (
    Control,
    ControlRequested,
    LinkDown,
    LinkUp,
    PlaybackState,
    UtteranceStarted,
)
from driving_client.motion import ARKIT_NAMES, ParameterSpace
from driving_client.motion_failure import MotionFailure, endpoint_failure
from driving_client.utterance import Utterance
from kioskd.playback.snapshot import PlayerState


@pytest.fixture
def stage() -> Stage:
    return Stage()


def test_an_utterance_is_spoken_and_ends(stage: Stage) -> None:
    stage.player.on_event(UtteranceStarted(said(seconds=2.0)))
    stage.run(1.0)
    assert stage.player.snapshot().state is PlayerState.SPEAKING
    assert stage.player.snapshot().motion == "flowing"
    assert jaw_of(stage.poses[-1]) == pytest.approx(0.8)
    stage.run(1.2)
    assert stage.player.snapshot().state is PlayerState.IDLE
    stage.run(1.0)
    assert jaw_of(stage.poses[-1]) == 0
    assert [(who, state) for who, state, _ in stage.reports] == [
        ("a", PlaybackState.PLAYING),
        ("a", PlaybackState.ENDED),
    ]
    assert stage.reports[-1][2] == pytest.approx(2000, abs=40)
    assert stage.value("kiosk_utterances_total", outcome="ended") == 1
    assert stage.value("kiosk_speech_seconds_total") == pytest.approx(2.0, abs=0.04)
    assert math.isclose(stage.value("kiosk_first_motion_to_frame_seconds_count"), 1)


def test_motion_is_shown_at_the_position_that_will_be_heard(stage: Stage) -> None:
    """The jaw opens on a ramp: each frame shows its own moment of it, not the last 40 ms step."""
    utterance = said(seconds=2.0, motion=0)
    frames = flame(2.0)
    frames[:, 9] = np.arange(50) / 50
    utterance.append_motion(frames)
    utterance.end_motion()
    stage.player.on_event(UtteranceStarted(utterance))
    stage.run(1.0)
    for _ in range(20):
        pose = stage.frame()
        position = stage.sound.position + FRAME_S
        assert jaw_of(pose) == pytest.approx(position * 25 / 50, abs=1e-4)
    offset = stage.player.snapshot().sync_offset_s
    assert offset == pytest.approx(0, abs=1e-6)
    assert stage.synced_frames() > 60


def test_frames_that_were_never_seen_leave_the_measured_offset_alone(stage: Stage) -> None:
    """A display that is opened anew drops what it was drawing; the next frame is its own."""
    utterance = said(seconds=2.0, motion=0)
    utterance.append_motion(flame(2.0))
    utterance.end_motion()
    stage.player.on_event(UtteranceStarted(utterance))
    stage.run(1.0)
    for _ in range(6):
        stage.player.tick(stage.sound.now, FRAME_S)
    stage.player.frames_lost()
    stage.poses.clear()
    stage.run(0.2)
    assert stage.player.snapshot().sync_offset_s == pytest.approx(0, abs=1e-6)


def risen_s(values: list[float]) -> float:
    """Seconds from the last frame at the first value to the first one at the last value."""
    begun = next(i for i, value in enumerate(values) if value != values[0]) - 1
    done = next(i for i, value in enumerate(values) if value == values[-1])
    return (done - begun) * FRAME_S


def test_the_mouth_joins_speech_in_80_ms_the_head_in_8_frames_and_both_leave_in_20(
    stage: Stage,
) -> None:
    utterance = said(seconds=1.0, motion=0)
    frames = flame(1.0, jaw=1.0)
    frames[1:, 4] = 0.1
    utterance.append_motion(frames)
    utterance.end_motion()
    stage.player.on_event(UtteranceStarted(utterance))
    rising = stage.run(0.6)
    jaws = [jaw_of(pose) for pose in rising]
    assert risen_s(jaws) == pytest.approx(0.08, abs=1.5 * FRAME_S)
    assert risen_s([yaw_of(pose) for pose in rising]) == pytest.approx(0.32, abs=0.06)
    falling = stage.run(2.0)
    assert risen_s([jaw_of(pose) for pose in falling]) == pytest.approx(0.8, abs=0.04)
    assert risen_s([yaw_of(pose) for pose in falling]) == pytest.approx(0.8, abs=0.04)


def test_a_start_during_an_ending_begins_at_the_current_pose(stage: Stage) -> None:
    stage.player.on_event(UtteranceStarted(said("a", seconds=1.0, jaw=1.0)))
    stage.run(1.45)
    ending = jaw_of(stage.poses[-1])
    assert 0.2 < ending < 0.9
    stage.player.on_event(UtteranceStarted(said("b", seconds=1.0, jaw=1.0)))
    after = [jaw_of(pose) for pose in stage.run(0.5)]
    assert min(after) > ending - 0.1
    assert after[-1] == 1
    assert np.abs(np.diff([ending, *after])).max() < JOIN_STEP * (1 - ending) + 0.05


def test_a_new_utterance_interrupts_the_one_that_plays(stage: Stage) -> None:
    stage.player.on_event(UtteranceStarted(said("a", seconds=5.0)))
    stage.run(1.0)
    stage.player.on_event(UtteranceStarted(said("b", seconds=1.0)))
    stage.run(2.0)
    assert stage.outcomes("a") == [PlaybackState.INTERRUPTED]
    assert stage.outcomes("b") == [PlaybackState.ENDED]
    played = next(ms for who, state, ms in stage.reports if who == "a" and state.value != "playing")
    assert played == pytest.approx(1000, abs=60)
    assert [who for who, _, _ in stage.reports] == ["a", "a", "b", "b"]


def test_an_interrupt_silences_at_once_and_the_face_eases_to_rest(stage: Stage) -> None:
    stage.player.on_event(UtteranceStarted(said(seconds=5.0, jaw=1.0)))
    stage.run(1.0)
    stage.player.interrupt()
    assert stage.sound.utterance is None
    assert stage.outcomes("a") == [PlaybackState.INTERRUPTED]
    falling = [jaw_of(pose) for pose in stage.run(0.4)]
    assert stage.player.snapshot().state is PlayerState.INTERRUPTED
    assert 0 < falling[-1] < falling[0]
    assert jaw_of(stage.run(0.6)[-1]) == 0
    assert stage.player.snapshot().state is PlayerState.IDLE
    stage.player.interrupt()
    assert len(stage.reports) == 2


def test_a_pause_goes_on_where_it_stopped(stage: Stage) -> None:
    stage.player.on_event(UtteranceStarted(said(seconds=2.0)))
    stage.run(1.0)
    stage.player.pause()
    stage.player.pause()
    stage.run(20.0)
    assert stage.player.snapshot().state is PlayerState.PAUSED
    assert jaw_of(stage.poses[-1]) == 0
    stage.player.resume()
    stage.player.resume()
    stage.run(0.5)
    assert stage.player.snapshot().state is PlayerState.SPEAKING
    assert jaw_of(stage.poses[-1]) == pytest.approx(0.8)
    stage.run(1.0)
    assert [state.value for _, state, _ in stage.reports] == [
        "playing",
        "paused",
        "playing",
        "ended",
    ]
    assert stage.reports[-1][2] == pytest.approx(2000, abs=40)


def test_the_backend_controls_what_plays_now_or_the_one_it_names(stage: Stage) -> None:
    stage.player.on_event(ControlRequested(Control.INTERRUPT))
    stage.player.on_event(UtteranceStarted(said(seconds=3.0)))
    stage.run(1.0)
    stage.player.on_event(ControlRequested(Control.INTERRUPT, "another"))
    stage.player.on_event(ControlRequested(Control.STATE, "a"))
    stage.player.on_event(ControlRequested(Control.PAUSE))
    stage.player.on_event(ControlRequested(Control.STATE))
    stage.player.on_event(ControlRequested(Control.RESUME, "a"))
    stage.player.on_event(ControlRequested(Control.INTERRUPT, "a"))
    assert [state.value for _, state, _ in stage.reports] == [
        "playing",
        "playing",
        "paused",
        "paused",
        "playing",
        "interrupted",
    ]


def test_each_request_of_the_backend_is_answered_also_when_it_changes_nothing(
    stage: Stage,
) -> None:
    stage.player.on_event(UtteranceStarted(said(seconds=3.0)))
    stage.run(1.0)
    for control in (Control.RESUME, Control.PAUSE, Control.PAUSE, Control.RESUME, Control.RESUME):
        stage.player.on_event(ControlRequested(control, "a"))
    assert [state.value for _, state, _ in stage.reports] == [
        "playing",
        "playing",
        "paused",
        "paused",
        "playing",
        "playing",
    ]


def test_late_motion_is_held_then_let_go_and_joins_at_the_audio_position(stage: Stage) -> None:
    utterance = said(seconds=6.0, motion=1.0, jaw=1.0)
    stage.player.on_event(UtteranceStarted(utterance))
    stage.run(1.3)
    assert stage.player.snapshot().motion == "held"
    assert jaw_of(stage.poses[-1]) == 1
    stage.run(2.0)
    assert stage.player.snapshot().motion == "local"
    assert stage.player.snapshot().reasons == ("motion_stalled",)
    assert jaw_of(stage.poses[-1]) == 0
    heard = stage.sound.position
    utterance.append_motion(flame(4.0, jaw=0.6))
    back = [jaw_of(pose) for pose in stage.run(0.5)]
    assert stage.player.snapshot().motion == "flowing"
    assert np.abs(np.diff([0, *back])).max() <= 0.6 * JOIN_STEP
    assert risen_s(back) == pytest.approx(0.08, abs=1.5 * FRAME_S)
    assert back[-1] == pytest.approx(0.6, abs=1e-5)
    assert stage.sound.position == pytest.approx(heard + 0.5, abs=0.03)


def test_motion_that_returns_while_held_joins_without_a_jump(stage: Stage) -> None:
    utterance = said(seconds=6.0, motion=1.0, jaw=1.0)
    stage.player.on_event(UtteranceStarted(utterance))
    stage.run(1.3)
    utterance.append_motion(flame(4.0, jaw=0.0))
    back = [jaw_of(pose) for pose in stage.run(0.5)]
    assert np.abs(np.diff([1, *back])).max() <= JOIN_STEP
    assert back[-1] == 0


def test_motion_that_ends_far_before_its_sound_does_not_freeze_the_face(stage: Stage) -> None:
    utterance = said(seconds=6.0, motion=1.0, jaw=1.0)
    utterance.end_motion()
    stage.player.on_event(UtteranceStarted(utterance))
    stage.run(3.0)
    assert jaw_of(stage.poses[-1]) == 0
    stage.run(4.0)
    assert stage.outcomes("a") == [PlaybackState.ENDED]


def test_killing_the_motion_leaves_the_sound_untouched(stage: Stage) -> None:
    """The same speech with and without its motion dying half-way is heard alike, to the frame."""
    whole = Stage()
    positions: list[list[float]] = [[], []]
    for index, (one, dies) in enumerate(((stage, True), (whole, False))):
        utterance = said(seconds=3.0, motion=1.0)
        one.player.on_event(UtteranceStarted(utterance))
        for frame in range(240):
            if frame == 60 and dies:
                utterance.fail_motion(MotionFailure.LINK_LOST)
                one.player.on_event(LinkDown("gone", 0.5))
            elif frame == 50:
                utterance.append_motion(flame(2.0))
            one.frame()
            positions[index].append(one.sound.position)
    assert positions[0] == positions[1]
    assert stage.outcomes("a") == [PlaybackState.ENDED]
    assert stage.reports[-1][2] == whole.reports[-1][2]


def test_a_failed_motion_is_audio_only_with_a_reason(stage: Stage) -> None:
    utterance = said(seconds=3.0, motion=0.4)
    stage.player.on_event(UtteranceStarted(utterance))
    stage.run(0.5)
    utterance.fail_motion(endpoint_failure("server_error_-14"))
    stage.run(1.5)
    seen = stage.player.snapshot()
    assert (seen.motion, seen.reasons) == ("audio_only", ("motion_failed",))
    assert stage.outcomes("a") == []
    assert stage.value("kiosk_audio_only_utterances_total", reason="motion_failed") == 1
    stage.run(2.0)
    assert stage.player.snapshot().reasons == ()


def test_a_lost_link_eases_out_in_12_frames_once_the_motion_is_used_up(stage: Stage) -> None:
    """The head; the mouth goes on with the voice, here to shut: it is too quiet."""
    utterance = said(seconds=6.0, motion=0)
    frames = flame(2.0, jaw=1.0)
    frames[1:, 4] = 0.1
    utterance.append_motion(frames)
    stage.player.on_event(UtteranceStarted(utterance))
    stage.run(1.0)
    stage.player.on_event(LinkDown("gone", 0.5))
    stage.run(0.9)
    assert jaw_of(stage.poses[-1]) == 1
    assert stage.player.snapshot().reasons == ("link_down",)
    falling = stage.run(2.0)
    begun = next(i for i, pose in enumerate(falling) if jaw_of(pose) < 1)
    assert begun * FRAME_S == pytest.approx(0.1 + 0.4, abs=0.08)
    assert risen_s([jaw_of(pose) for pose in falling]) == pytest.approx(0.08, abs=1.5 * FRAME_S)
    yaws = np.array([yaw_of(pose) for pose in falling])
    assert yaws[begun + round(0.24 / FRAME_S)] == pytest.approx(0.05, abs=0.012)
    assert np.abs(np.diff(yaws)).max() < 1.1 * 0.1 * 1.875 * FRAME_S / 0.48


def test_the_voice_waits_for_motion_only_while_motion_can_be_hoped_for(stage: Stage) -> None:
    stage.player.on_event(UtteranceStarted(said("a", seconds=1.0, motion=0)))
    assert stage.sound.hold_s == 0.3
    stage.run(0.2)
    assert stage.player.snapshot().motion == "waiting"
    assert not stage.sound.started
    stage.run(0.3)
    assert stage.sound.started
    assert stage.player.snapshot().reasons == ("motion_late",)
    stage.player.on_event(LinkDown("gone", 0.5))
    stage.run(16.0)
    assert stage.player.snapshot().reasons == ("link_down", "no_connection")
    stage.player.on_event(UtteranceStarted(said("b", seconds=1.0, motion=0)))
    assert stage.sound.hold_s == 0
    stage.player.on_event(LinkUp("again"))
    stage.player.on_event(UtteranceStarted(said("c", seconds=1.0, motion=0)))
    assert stage.sound.hold_s == 0.3


def test_an_empty_motion_stream_is_audio_only_until_motion_comes_again(stage: Stage) -> None:
    empty = said("a", seconds=1.0, motion=0)
    empty.end_motion()
    stage.player.on_event(UtteranceStarted(empty))
    stage.run(0.5)
    assert stage.player.snapshot().motion == "audio_only"
    assert stage.player.snapshot().reasons == ("motion_empty",)
    stage.run(2.0)
    assert stage.player.snapshot().reasons == ("motion_empty",)
    assert stage.value("kiosk_audio_only_utterances_total", reason="motion_empty") == 1
    stage.player.on_event(UtteranceStarted(said("b", seconds=1.0)))
    assert stage.sound.hold_s == 0
    stage.run(0.5)
    assert stage.player.snapshot().reasons == ()
    assert jaw_of(stage.poses[-1]) > 0.7


def test_sound_that_stops_coming_is_given_up(stage: Stage) -> None:
    utterance = Utterance("a", RATE)
    utterance.append_audio(np.ones(RATE, np.int16))
    stage.player.on_event(UtteranceStarted(utterance))
    stage.run(5.0)
    assert stage.player.snapshot().reasons == ("audio_starved", "motion_late")
    assert stage.outcomes("a") == []
    stage.run(13.0)
    assert stage.outcomes("a") == [PlaybackState.FAILED]
    assert stage.reports[-1][2] == pytest.approx(1000, abs=20)


def test_a_voice_made_here_may_think_as_long_without_a_link_as_with_one(stage: Stage) -> None:
    stage.player.on_event(LinkDown("gone", 0.5))
    utterance = Utterance("a", RATE)
    utterance.fail_motion(MotionFailure.LINK_DOWN)
    utterance.append_audio(np.ones(RATE, np.int16))
    stage.player.on_event(UtteranceStarted(utterance))
    stage.run(11.0)
    utterance.append_audio(np.ones(RATE, np.int16))
    utterance.end_audio()
    stage.run(2.0)
    assert stage.outcomes("a") == [PlaybackState.ENDED]


def test_arkit_motion_goes_to_the_shapes_by_name_and_the_head_is_shared(stage: Stage) -> None:
    utterance = Utterance("a", RATE, space=ParameterSpace.ARKIT)
    utterance.append_audio(np.ones(RATE, np.int16))
    utterance.end_audio()
    frames = np.zeros((25, 55), np.float32)
    frames[:, ARKIT_NAMES.index("mouthPucker")] = 0.5
    frames[:, 52:] = (0.1, 0.2, -0.05)
    utterance.append_motion(frames)
    utterance.end_motion()
    stage.player.on_event(UtteranceStarted(utterance))
    pose = stage.run(0.8)[-1]
    assert pose.weights[ARKIT_NAMES.index("mouthPucker")] == pytest.approx(0.5)
    names = [joint.name for joint in stage.avatar.joints]
    neck, head = pose.rotations[names.index("neck")], pose.rotations[names.index("head")]
    assert neck + head == pytest.approx((0.1, 0.2, -0.05), abs=1e-6)
    assert np.abs(neck).max() > 0.05
    # The eyes stay with the person in front: head to the left, gaze to the right
    assert pose.weights[ARKIT_NAMES.index("eyeLookOutRight")] > 0.1
    assert pose.weights[ARKIT_NAMES.index("eyeLookInLeft")] > 0.1
    assert pose.weights[ARKIT_NAMES.index("eyeLookUpLeft")] > 0.1


def test_a_failure_with_a_code_keeps_its_code(stage: Stage) -> None:
    utterance = said(seconds=3.0, motion=0)
    utterance.fail_motion(MotionFailure.RELAY_TAKES_NO_VOICE)
    stage.player.on_event(UtteranceStarted(utterance))
    stage.run(0.2)
    assert stage.sound.started
    assert stage.player.snapshot().reasons == ("relay_takes_no_voice",)


def test_a_streams_constant_rotation_does_not_turn_the_head(stage: Stage) -> None:
    utterance = said(seconds=2.0, motion=0)
    frames = flame(2.0)
    frames[:, 3] = 0.09
    frames[25:, 3] = 0.19
    utterance.append_motion(frames)
    utterance.end_motion()
    stage.player.on_event(UtteranceStarted(utterance))
    assert not stage.run(0.9)[-1].rotations.any()
    assert stage.run(0.6)[-1].rotations.sum() == pytest.approx(0.1, abs=1e-5)


def test_the_retarget_is_told_all_of_the_stream_that_has_come(stage: Stage) -> None:
    """Not the places that were skipped at its start, nor what comes later."""
    utterance = said(seconds=4.0, motion=0)
    utterance.skip_motion(10)
    frames = flame(2.0)
    frames[:, 20] = np.arange(50)
    utterance.append_motion(frames)
    stage.player.on_event(UtteranceStarted(utterance))
    stage.run(1.0)
    utterance.append_motion(flame(1.0))
    stage.run(1.0)
    [told] = stage.retarget.streams
    np.testing.assert_array_equal(told[1:], frames)
    assert told[0, 9] == pytest.approx(0.8)


def test_a_voice_that_was_heard_to_its_end_has_ended_whatever_comes_then(stage: Stage) -> None:
    """The interrupt falls between the last sample and the next frame."""
    for request_id, follows in (("a", stage.player.interrupt), ("b", None)):
        stage.player.on_event(UtteranceStarted(said(request_id, seconds=1.0)))
        stage.run(0.9)
        stage.sound.pass_time(0.3)
        if follows:
            follows()
        else:
            stage.player.on_event(UtteranceStarted(said("c", seconds=1.0)))
    # The sound has not told of c yet, only that b is over
    stage.poses.append(stage.player.tick(stage.sound.now, FRAME_S))
    assert stage.outcomes("c") == []
    stage.run(2.0)
    assert [stage.outcomes(who) for who in "abc"] == [[PlaybackState.ENDED]] * 3


def test_a_paused_utterance_is_never_given_up(stage: Stage) -> None:
    utterance = Utterance("a", RATE)
    utterance.append_audio(np.ones(RATE, np.int16))
    stage.player.on_event(UtteranceStarted(utterance))
    stage.run(2.0)
    stage.player.pause()
    stage.run(60.0)
    assert stage.outcomes("a") == []
    utterance.append_audio(np.ones(RATE, np.int16))
    utterance.end_audio()
    stage.player.resume()
    stage.run(2.0)
    assert stage.outcomes("a") == [PlaybackState.ENDED]
