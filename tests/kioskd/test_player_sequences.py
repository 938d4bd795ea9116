# SPDX-License-Identifier: Apache-2.0
"""Any sequence of events: never an error, one outcome per utterance, no jump of the face."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from player_stage import FRAME_S, JAW, JOIN_STEP, RATE, Stage, flame
from ready_settings import ready_idle, ready_playback

from driving_client.link.interface import (
    Control,
    ControlRequested,
    LinkDown,
    LinkUp,
    PlaybackState,
    UtteranceStarted,
)
from driving_client.motion_failure import MotionFailure
from driving_client.utterance import Utterance
from kioskd.playback.snapshot import PlayerState

OUTCOMES = {PlaybackState.ENDED, PlaybackState.INTERRUPTED, PlaybackState.FAILED}


@dataclass(frozen=True)
class Step:
    """One thing that happens, then so many frames pass."""

    what: str
    amount: float
    frames: int


STEPS = st.lists(
    st.builds(
        Step,
        st.sampled_from(
            [
                "start",
                "start",
                "audio",
                "end_audio",
                "motion",
                "end_motion",
                "fail_motion",
                "restore_motion",
                "interrupt",
                "pause",
                "resume",
                "link_up",
                "link_down",
                "control",
                "same_id",
            ]
        ),
        st.floats(0, 3, width=16),
        st.sampled_from([0, 1, 7, 25, 70]),
    ),
    max_size=25,
)


class Story:
    """Plays steps on a stage and remembers every utterance that was begun."""

    def __init__(self, **idle: Any) -> None:
        playback = ready_playback(give_up_s=4.0, idle=ready_idle(**idle))
        self.stage = Stage(settings=playback)
        self.utterances: list[Utterance] = []

    def begin(self, request_id: str, seconds: float) -> None:
        utterance = Utterance(request_id, RATE)
        utterance.append_audio(np.ones(round(seconds * RATE), np.int16))
        self.utterances.append(utterance)
        self.stage.player.on_event(UtteranceStarted(utterance))

    def do(self, step: Step) -> None:
        player = self.stage.player
        newest = self.utterances[-1] if self.utterances else Utterance("none", RATE)
        match step.what:
            case "start":
                self.begin(f"u{len(self.utterances)}", step.amount)
            case "same_id":
                self.begin(newest.request_id, step.amount)
            case "audio":
                newest.append_audio(np.ones(round(step.amount * RATE), np.int16))
            case "end_audio":
                newest.end_audio()
            case "motion":
                newest.append_motion(flame(step.amount, jaw=step.amount / 3))
            case "end_motion":
                newest.end_motion()
            case "fail_motion":
                newest.fail_motion(MotionFailure.LINK_LOST)
            case "restore_motion":
                newest.restore_motion()
            case "interrupt":
                player.interrupt()
            case "pause":
                player.pause()
            case "resume":
                player.resume()
            case "link_up":
                player.on_event(LinkUp("again"))
            case "link_down":
                player.on_event(LinkDown("gone", 1.0))
            case "control":
                controls = list(Control)
                player.on_event(ControlRequested(controls[int(step.amount) % len(controls)]))
        for _ in range(step.frames):
            self.stage.frame()

    def settle(self) -> None:
        """Everything that waits is given up or played out."""
        self.stage.player.resume()
        self.stage.run(4.5)
        for utterance in self.utterances:
            utterance.end_audio()
        for _ in range(200):
            if self.stage.player.snapshot().request_id is None:
                break
            self.stage.run(1.0)
        self.stage.run(1.5)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(STEPS)
def test_every_utterance_has_exactly_one_outcome(steps: list[Step]) -> None:
    story = Story(seed=1)
    for step in steps:
        story.do(step)
    story.settle()
    outcomes = [who for who, state, _ in story.stage.reports if state in OUTCOMES]
    assert sorted(outcomes) == sorted(u.request_id for u in story.utterances)
    assert all(played >= 0 for _, _, played in story.stage.reports)
    assert story.stage.player.snapshot().state is PlayerState.IDLE
    counted = sum(
        story.stage.value("kiosk_utterances_total", outcome=outcome.value) for outcome in OUTCOMES
    )
    assert counted == len(story.utterances)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(STEPS)
def test_the_face_never_jumps_and_stays_within_bounds(steps: list[Step]) -> None:
    story = Story(seed=2)
    for step in steps:
        story.do(step)
    story.settle()
    weights = np.array([pose.weights for pose in story.stage.poses])
    rotations = np.array([pose.rotations for pose in story.stage.poses])
    assert np.isfinite(weights).all()
    assert np.isfinite(rotations).all()
    assert weights.min() >= 0
    assert weights.max() <= 1
    assert np.abs(rotations).max() < 0.3
    # The motion that these utterances hold steps between batches only, by what one 40 ms frame
    # allows
    motion_step = FRAME_S / 0.04
    jaw = weights[:, JAW]
    assert np.abs(np.diff(jaw)).max() <= JOIN_STEP + motion_step + 1e-3


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.floats(0, 1, width=16),
    st.floats(0, 1, width=16),
    st.integers(0, 140),
    st.integers(0, 140),
    st.booleans(),
)
def test_steady_poses_change_no_faster_than_the_ease(
    first: float, second: float, wait: int, gap: int, interrupted: bool
) -> None:
    """Two utterances of constant motion: whatever their timing, only eases move the face."""
    story = Story(enabled=False)
    for jaw, frames in ((first, wait), (second, gap)):
        story.begin(f"jaw {jaw}", 1.0)
        story.utterances[-1].append_motion(flame(1.0, jaw=jaw))
        story.utterances[-1].end_motion()
        story.utterances[-1].end_audio()
        for _ in range(frames):
            story.stage.frame()
        if interrupted:
            story.stage.player.interrupt()
    story.settle()
    jaw_values = np.array([0.0] + [float(pose.weights[JAW]) for pose in story.stage.poses])
    assert np.abs(np.diff(jaw_values)).max() <= JOIN_STEP * max(first, second) + 1e-4


def test_many_threads_at_once_still_give_one_outcome_each() -> None:
    """The network, the console and the frames all act at the same time."""
    story = Story(seed=3)
    player = story.stage.player
    threads = [
        threading.Thread(target=lambda: [story.begin(f"u{i}", 0.2) for i in range(200)]),
        threading.Thread(target=lambda: [player.interrupt() for _ in range(500)]),
        threading.Thread(target=lambda: [(player.pause(), player.resume()) for _ in range(500)]),
    ]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        story.stage.frame()
    story.settle()
    outcomes = [who for who, state, _ in story.stage.reports if state in OUTCOMES]
    assert sorted(outcomes) == sorted(f"u{i}" for i in range(200))
    ended = set()
    for who, state, _ in story.stage.reports:
        assert who not in ended, "a report came after the outcome"
        if state in OUTCOMES:
            ended.add(who)
