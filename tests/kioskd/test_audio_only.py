# SPDX-License-Identifier: Apache-2.0
"""Speech whose motion is late, absent, or stops: the voice goes on, and lips go on with it."""

from __future__ import annotations

import logging
import math
import time
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from machine_speed import times_slower, work_s
from player_stage import (
    FRAME_S,
    JOIN_STEP,
    LOUD,
    OPEN_JAW,
    RATE,
    LoudMouth,
    Stage,
    flame,
    jaw_of,
    said,
)
from ready_settings import STILL, ready_idle, ready_playback

from driving_client.errors import SpeechError
from driving_client.link.interface import LinkDown, LinkUp, PlaybackState, UtteranceStarted
from driving_client.lipsync.speech_mouth import SpeechMouth
from driving_client.motion_failure import MotionFailure
from driving_client.sample_rates import SAMPLE_RATES
from driving_client.utterance import Utterance
from driving_client.voices.espeak import synthesise
from kioskd.playback.local_lips import LocalLips


@pytest.fixture
def stage() -> Stage:
    return Stage()


def bursts(seconds: float, request_id: str = "a", rate: int = RATE) -> Utterance:
    """Half of each second is silent, half of it loud; no motion has come."""
    utterance = Utterance(request_id, rate)
    at = np.arange(round(seconds * rate)) / rate
    utterance.append_audio(np.where(at % 1 >= 0.5, LOUD, 0).astype(np.int16))
    utterance.end_audio()
    return utterance


def follows_the_bursts(stage: Stage, seconds: float) -> float:
    """Correlation of the jaw with the loudness heard at each frame, over the next seconds."""
    jaws, loud = [], []
    for _ in range(round(seconds / FRAME_S)):
        jaws.append(jaw_of(stage.frame()))
        loud.append((stage.sound.position + FRAME_S) % 1 >= 0.5)
    return float(np.corrcoef(jaws, loud)[0, 1])


def test_a_voice_whose_motion_is_late_begins_after_the_wait_with_moving_lips(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    stage.player.on_event(UtteranceStarted(bursts(6)))
    stage.run(0.25)
    assert not stage.sound.started
    stage.run(0.1)
    assert stage.sound.started
    stage.run(0.05)
    seen = stage.player.snapshot()
    assert (seen.motion, seen.reasons) == ("local", ("motion_late",))
    assert follows_the_bursts(stage, 5.0) > 0.8
    stage.run(2.0)
    assert stage.outcomes("a") == [PlaybackState.ENDED]
    assert stage.value("kiosk_local_motion_seconds_total", reason="motion_late") == pytest.approx(
        6.0, abs=0.1
    )
    assert stage.value("kiosk_audio_only_utterances_total", reason="no_motion") == 1
    assert stage.value("kiosk_first_motion_to_frame_seconds_count") == 0
    assert stage.synced_frames() > 300
    assert [record.code for record in caplog.records] == ["local_motion_began", "utterance_ended"]


@pytest.mark.parametrize(
    "reason",
    [MotionFailure.LINK_DOWN, MotionFailure.NO_ENDPOINT, MotionFailure.RELAY_TAKES_NO_VOICE],
)
def test_a_voice_that_is_told_to_have_no_motion_begins_at_once(
    stage: Stage, reason: MotionFailure, caplog: pytest.LogCaptureFixture
) -> None:
    utterance = bursts(3)
    utterance.fail_motion(reason)
    stage.player.on_event(UtteranceStarted(utterance))
    stage.run(0.1)
    assert stage.sound.started
    seen = stage.player.snapshot()
    assert (seen.motion, seen.reasons) == ("audio_only", (reason,))
    assert follows_the_bursts(stage, 2.5) > 0.75
    assert stage.value("kiosk_audio_only_utterances_total", reason=reason) == 1
    # An installation without an endpoint has nothing to be warned of
    assert len([r for r in caplog.records if r.levelno >= logging.WARNING]) == (
        reason is not MotionFailure.NO_ENDPOINT
    )


def test_an_empty_motion_stream_moves_the_lips_at_once(stage: Stage) -> None:
    utterance = bursts(3)
    utterance.end_motion()
    stage.player.on_event(UtteranceStarted(utterance))
    stage.run(0.1)
    assert stage.player.snapshot().reasons == ("motion_empty",)
    assert follows_the_bursts(stage, 2.5) > 0.75


def test_motion_that_stops_half_way_is_held_for_the_gap_and_then_the_lips_follow(
    stage: Stage,
) -> None:
    utterance = bursts(6)
    utterance.append_motion(flame(2.0, jaw=1.0))
    stage.player.on_event(UtteranceStarted(utterance))
    stage.run(2.1)
    assert stage.player.snapshot().motion == "held"
    while stage.sound.position < 2.35:
        assert jaw_of(stage.frame()) == 1
    stage.run(0.2)
    assert stage.player.snapshot().motion == "local"
    assert stage.player.snapshot().reasons == ("motion_stalled",)
    stage.run(0.5)
    assert follows_the_bursts(stage, 2.5) > 0.8
    jaws = np.array([jaw_of(pose) for pose in stage.poses])
    assert np.abs(np.diff(jaws)).max() < JOIN_STEP + OPEN_JAW * FRAME_S / 0.04


def test_motion_that_fails_half_way_is_not_waited_for(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    """The lips are ready when the last motion is used up, although it fails without notice."""
    utterance = bursts(6)
    utterance.append_motion(flame(2.0, jaw=1.0))
    stage.player.on_event(UtteranceStarted(utterance))
    stage.run(1.5)
    utterance.fail_motion(MotionFailure.LINK_LOST)
    stage.player.on_event(LinkDown("gone", 0.5))
    while stage.sound.position < 2.0:
        stage.frame()
        assert stage.player.snapshot().motion == "flowing"
    stage.run(0.12)
    seen = stage.player.snapshot()
    assert (seen.motion, seen.reasons) == ("audio_only", ("link_down", "link_lost"))
    [told] = caplog.messages
    assert "from 2.0" in told, "at the end of the motion, and not a run-in later"
    while stage.sound.position < 2.8:
        stage.frame()
    jaws = np.array([jaw_of(pose) for pose in stage.poses])
    assert np.abs(np.diff(jaws)).max() < JOIN_STEP + OPEN_JAW * FRAME_S / 0.04
    assert jaw_of(stage.poses[-1]) == pytest.approx(OPEN_JAW, abs=0.01)


def test_the_sound_is_the_same_whatever_becomes_of_the_motion() -> None:
    heard = []
    for motion_s in (0.0, 1.0, 5.0):
        one = Stage(ready_playback(motion_wait_s=0.0, idle=STILL))
        utterance = bursts(5)
        utterance.append_motion(flame(motion_s))
        one.player.on_event(UtteranceStarted(utterance))
        positions = []
        for frame in range(330):
            if frame == 70 and motion_s == 1.0:
                utterance.fail_motion(MotionFailure.LINK_LOST)
            one.frame()
            positions.append(one.sound.position)
        assert one.outcomes("a") == [PlaybackState.ENDED]
        heard.append(positions)
    assert heard[0] == heard[1] == heard[2]


def test_motion_that_comes_late_takes_over_without_a_jump(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    utterance = bursts(6)
    stage.player.on_event(UtteranceStarted(utterance))
    stage.run(2.0)
    assert stage.player.snapshot().motion == "local"
    utterance.append_motion(flame(5.0, jaw=1.0))
    jaws = [jaw_of(pose) for pose in stage.run(0.5)]
    assert stage.player.snapshot().motion == "flowing"
    assert stage.player.snapshot().reasons == ()
    assert jaws[-1] == 1
    assert np.abs(np.diff(jaws)).max() < JOIN_STEP + OPEN_JAW * FRAME_S / 0.04
    assert [r.code for r in caplog.records] == ["local_motion_began", "local_motion_ended"]
    [told] = stage.retarget.streams
    assert len(told) == 126, "the stream of motion was told apart by its own frames"


def test_motion_in_crumbs_does_not_make_the_face_waver(stage: Stage) -> None:
    """A frame now and then, each in time: the lips stay with the sound until motion stays."""
    utterance = bursts(12)
    utterance.append_motion(flame(1.0, jaw=1.0))
    stage.player.on_event(UtteranceStarted(utterance))
    stage.run(2.5)
    assert stage.player.snapshot().motion == "local"
    for _ in range(6):
        utterance.restore_motion(math.ceil(stage.sound.position * 25) + 1)
        utterance.append_motion(flame(0.08, jaw=1.0))
        for _ in range(30):
            stage.frame()
            assert stage.player.snapshot().motion == "local"
    assert follows_the_bursts(stage, 2.0) > 0.8
    utterance.restore_motion(math.ceil(stage.sound.position * 25))
    for _ in range(40):
        # As fast as it is heard, a little ahead: what a live voice's motion looks like
        utterance.append_motion(flame(0.04, jaw=1.0))
        stage.run(0.04)
    assert stage.player.snapshot().motion == "flowing"


def test_past_the_limit_the_endpoint_is_given_up_until_motion_comes(
    caplog: pytest.LogCaptureFixture,
) -> None:
    stage = Stage(ready_playback(audio_only_after_s=2.0, idle=STILL))
    stage.player.on_event(UtteranceStarted(bursts(5)))
    stage.run(1.9)
    assert stage.player.snapshot().motion == "local"
    assert not caplog.records
    stage.run(1.0)
    seen = stage.player.snapshot()
    assert (seen.motion, seen.reasons) == ("audio_only", ("motion_timeout",))
    assert [r.code for r in caplog.records] == ["local_motion_began"]
    assert stage.value("kiosk_audio_only_utterances_total", reason="motion_timeout") == 1
    assert stage.value("kiosk_local_motion_seconds_total", reason="motion_timeout") > 0.5
    stage.run(3.0)
    stage.player.on_event(UtteranceStarted(said("b", seconds=1.0)))
    assert stage.sound.hold_s == 0
    stage.run(0.5)
    assert stage.player.snapshot().motion == "flowing"
    assert stage.player.snapshot().reasons == ()
    stage.run(1.0)
    stage.player.on_event(UtteranceStarted(bursts(1, "c")))
    assert stage.sound.hold_s == 0.3


def test_a_voice_that_was_told_to_have_no_motion_says_nothing_about_the_endpoint() -> None:
    """However long it is: nothing was to be waited for, and nothing is given up."""
    stage = Stage(ready_playback(audio_only_after_s=2.0, idle=STILL))
    utterance = bursts(5)
    utterance.fail_motion(MotionFailure.RELAY_TAKES_NO_VOICE)
    stage.player.on_event(UtteranceStarted(utterance))
    stage.run(4.0)
    assert stage.player.snapshot().reasons == ("relay_takes_no_voice",)
    stage.run(2.0)
    assert stage.player.snapshot().reasons == ()


def test_the_next_utterance_with_motion_is_driven_by_it(stage: Stage) -> None:
    utterance = bursts(2)
    utterance.fail_motion(MotionFailure.LINK_DOWN)
    stage.player.on_event(UtteranceStarted(utterance))
    stage.run(1.0)
    stage.player.on_event(LinkUp("again"))
    LoudMouth.made.clear()
    stage.player.on_event(UtteranceStarted(said("b", seconds=2.0, jaw=0.9)))
    stage.run(1.0)
    assert stage.player.snapshot().motion == "flowing"
    assert jaw_of(stage.poses[-1]) == pytest.approx(0.9)
    assert not LoudMouth.made, "nothing is computed for speech that has its motion"


def test_a_pause_without_motion_lets_the_face_rest_and_goes_on(stage: Stage) -> None:
    utterance = bursts(4)
    utterance.fail_motion(MotionFailure.LINK_DOWN)
    stage.player.on_event(UtteranceStarted(utterance))
    while stage.sound.position < 0.8:
        stage.frame()
    stage.player.pause()
    assert jaw_of(stage.run(0.3)[-1]) == pytest.approx(OPEN_JAW, abs=0.01)
    assert jaw_of(stage.run(1.5)[-1]) == 0
    stage.player.resume()
    assert follows_the_bursts(stage, 2.5) > 0.75


def test_the_face_lives_while_its_lips_follow_the_sound() -> None:
    stage = Stage(ready_playback(idle=ready_idle(blinks_per_minute=30.0, seed=4)))
    utterance = bursts(12)
    utterance.fail_motion(MotionFailure.LINK_DOWN)
    stage.player.on_event(UtteranceStarted(utterance))
    poses = stage.run(11.0)
    names = stage.avatar.blendshapes
    blinks = np.array([pose.weights[names.index("eyeBlinkLeft")] for pose in poses])
    assert np.count_nonzero(np.diff((blinks > 0.5).astype(int)) == 1) >= 3
    gaze = np.array([pose.weights[names.index("eyeLookOutLeft")] for pose in poses])
    assert gaze.std() > 0.005
    head = [joint.name for joint in stage.avatar.joints].index("head")
    nods = np.array([pose.rotations[head] for pose in poses])
    assert 0.002 < nods[:, 0].std() < 0.1, "the head nods with the voice, a little"


def test_without_its_model_the_voice_goes_on_over_a_face_at_rest(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(mouth: LoudMouth, sample_rate: int) -> None:
        raise SpeechError("mouth.npz is not a model of the mouth")

    monkeypatch.setattr(LoudMouth, "__init__", broken)
    utterance = bursts(3)
    utterance.append_motion(flame(1.0, jaw=1.0))
    utterance.fail_motion(MotionFailure.LINK_LOST)
    stage.player.on_event(UtteranceStarted(utterance))
    stage.run(2.5)
    assert jaw_of(stage.poses[-1]) == 0
    stage.run(1.0)
    assert stage.outcomes("a") == [PlaybackState.ENDED]
    assert [r.code for r in caplog.records] == ["speech_model_damaged"]
    assert stage.value("kiosk_local_motion_seconds_total", reason="link_lost") == 0


class Recording(LoudMouth):
    """Keeps what it was fed."""

    def __init__(self, sample_rate: int) -> None:
        super().__init__(sample_rate)
        self.fed: list[np.ndarray] = []

    def feed(self, samples: np.ndarray) -> np.ndarray:
        self.fed.append(samples)
        return super().feed(samples)


@pytest.mark.parametrize("rate", SAMPLE_RATES)
def test_a_start_amid_a_long_speech_is_spread_over_the_frames(rate: int) -> None:
    """At every rate: the samples of the last second, in order, some milliseconds a frame."""
    utterance = Utterance("a", rate)
    voice = (np.arange(90 * rate) // (rate // 1000)).astype(np.int16)
    utterance.append_audio(voice)
    mouths: list[Recording] = []

    def make(at: int) -> Recording:
        mouths.append(Recording(at))
        return mouths[-1]

    lips = LocalLips(utterance, make)
    now, position = 50.0, 60.0
    frames = 0
    while not lips.ready(position):
        lips.follow(now, position)
        now, position, frames = now + FRAME_S, position + FRAME_S, frames + 1
    assert frames * FRAME_S < 0.45
    [mouth] = mouths
    assert max(map(len, mouth.fed)) <= 0.17 * rate
    assert max(map(len, mouth.fed[1:])) <= 0.07 * rate
    fed = np.concatenate(mouth.fed)
    np.testing.assert_array_equal(fed, voice[59 * rate : 59 * rate + len(fed)])
    assert lips.at(position) is not None


def test_the_speech_model_costs_a_frame_less_than_half_a_millisecond_mostly() -> None:
    """CPU time of the render thread, here about 0.3 ms in the worst of a hundred frames."""
    speech = synthesise("My baby, put five maps on the table. " * 5)
    utterance = Utterance("a", speech.sample_rate)
    utterance.append_audio(speech.samples)
    utterance.end_audio()
    SpeechMouth(16000)  # the model is read once
    costs, beside = [], []
    for start in (0.0, 6.0):
        lips = LocalLips(utterance, SpeechMouth)
        for frame in range(240):
            position = start + frame * FRAME_S
            before = time.thread_time()
            lips.follow(100.0 + frame * FRAME_S, position)
            lips.at(position)
            costs.append(time.thread_time() - before)
            if frame % 10 == 0:
                beside.append(work_s())
    slower = times_slower(beside)
    assert np.median(costs) < 0.0005 * slower
    assert np.percentile(costs, 99) < 0.002 * slower, "what a frame's own work may take in all"
    spent = sum(costs) / (len(costs) * FRAME_S)
    assert spent < 0.02 * slower, "CPU seconds for a second of speech"


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["motion", "fail", "restore", "end", "down", "up"]),
            st.floats(0, 1, width=16),
            st.sampled_from([1, 9, 24, 60]),
        ),
        max_size=20,
    )
)
def test_however_motion_comes_and_goes_the_face_never_jumps(steps: list[Any]) -> None:
    stage = Stage()
    utterance = bursts(8)
    stage.player.on_event(UtteranceStarted(utterance))
    player = stage.player
    for what, amount, frames in steps:
        match what:
            case "motion":
                utterance.append_motion(flame(amount, jaw=OPEN_JAW))
            case "fail":
                utterance.fail_motion(MotionFailure.LINK_LOST)
            case "restore":
                utterance.restore_motion(int(stage.sound.position * 25))
            case "end":
                utterance.end_motion()
            case "down":
                player.on_event(LinkDown("gone", 1.0))
            case "up":
                player.on_event(LinkUp("again"))
        for _ in range(frames):
            stage.frame()
    stage.run(10.0)
    assert stage.outcomes("a") == [PlaybackState.ENDED]
    jaws = np.array([jaw_of(pose) for pose in stage.poses])
    assert np.abs(np.diff(jaws)).max() <= OPEN_JAW * (JOIN_STEP + FRAME_S / 0.04) + 1e-3
