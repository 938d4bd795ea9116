# SPDX-License-Identifier: Apache-2.0
"""Any microphone becomes frames at 16 kHz that say when they were; what it does wrong is told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from capture_card import CaptureCard, Heard, Microphones, click, noise
from hypothesis import given, settings
from hypothesis import strategies as st
from sound_card import OwnTime

from kioskd.ears.capture import CaptureError
from kioskd.ears.frames import RawFrame
from kioskd.ears.settings import FRAME, RATE
from kioskd.ears.snapshot import EarsSnapshot
from kioskd.ears.timeline import Timeline
from kioskd.health.ears_check import EARS_REASONS, EarsCheck
from kioskd.health.status import Status

QUIET = noise(0.003)


def loud_at(frames: list[RawFrame], level: int = 8000) -> list[float]:
    """When the loudest samples were, by the frames' own times."""
    samples = np.concatenate([frame.samples for frame in frames]).astype(int)
    times = np.concatenate([frame.at + np.arange(FRAME) / RATE for frame in frames])
    return list(times[np.abs(samples) > level])


@pytest.mark.parametrize("rate", [8000, 16000, 22050, 44100, 48000, 96000])
@pytest.mark.parametrize("channels", [1, 2, 6])
def test_any_rate_and_any_channels_become_frames_of_16_khz(rate: int, channels: int) -> None:
    time = OwnTime()
    room = Microphones(CaptureCard(time, noise(0.1, channels), rate, channels))
    frames = room.hear(3.0)
    assert len(frames) > 280
    assert all(len(frame.samples) == FRAME for frame in frames)
    assert [frame.position for frame in frames] == [FRAME * i for i in range(len(frames))]
    assert not any(frame.gap for frame in frames)
    state = room.microphone.state
    assert (state.open, state.reason, state.rate, state.channels) == (True, None, rate, channels)
    assert state.level_db == pytest.approx(-20, abs=1)
    loud = np.concatenate([frame.samples for frame in frames[100:]]) / 32768
    assert np.sqrt(np.mean(loud**2)) == pytest.approx(0.1, rel=0.2)


@given(
    rate=st.sampled_from([16000, 44100, 48000]),
    speed=st.floats(1 - 2e-4, 1 + 2e-4),
    latency_ms=st.sampled_from([0.0, 20.0]),
    at=st.floats(104, 108),
)
@settings(max_examples=25, deadline=None)
def test_a_click_is_placed_at_the_moment_at_which_it_was(
    rate: int, speed: float, latency_ms: float, at: float
) -> None:
    """Whatever the card's rate and its crystal; a path's own latency lies before it."""
    time = OwnTime()
    room = Microphones(CaptureCard(time, click(at), rate, speed=speed), latency_ms=latency_ms)
    heard = loud_at(room.hear(10.0))
    assert heard
    assert np.mean(heard) == pytest.approx(at - latency_ms / 1000, abs=0.0005)


@given(
    late=st.lists(st.floats(0, 0.06), min_size=40, max_size=40),
    speed=st.floats(1 - 1e-4, 1 + 1e-4),
)
@settings(max_examples=12, deadline=None)
def test_frames_are_ten_milliseconds_apart_however_late_they_are_read(
    late: list[float], speed: float
) -> None:
    """A busy machine reads late and in lumps; the room's time is not moved by it."""
    time = OwnTime()
    room = Microphones(CaptureCard(time, QUIET, speed=speed))
    room.hear(2.0)
    for pause_s in late:
        time.now += pause_s
        room.hear(0.05)
    at = np.array([frame.at for frame in room.frames])
    assert np.abs(np.diff(at[100:]) - 0.01).max() < 1e-4
    assert np.abs(at[100:] - at[100] - (np.arange(len(at) - 100) * 0.01) / speed).max() < 1e-3
    assert not any(frame.gap for frame in room.frames)


def test_positions_remain_a_clock_over_a_lost_microphone(caplog: pytest.LogCaptureFixture) -> None:
    time = OwnTime()
    first, second = CaptureCard(time, QUIET), CaptureCard(time, QUIET, 44100, 2)
    room = Microphones(first, second)
    before = room.hear(5.0)[-1]
    first.lost = True
    room.microphone.read(0.01)
    assert room.reason == "microphone_lost"
    assert first.closed
    assert room.until(None) < 4
    after = room.hear(5.0)
    assert [frame.gap for frame in room.frames if frame.position > before.position].count(True) == 1
    passed = after[-1].at - before.at
    assert after[-1].position - before.position == pytest.approx(passed * RATE, abs=RATE * 0.002)
    codes = [line.code for line in caplog.records if line.levelname == "WARNING"]  # type: ignore[attr-defined]
    assert codes == ["microphone_lost"]


def test_ears_that_begin_anew_go_on_in_the_same_positions() -> None:
    time = OwnTime()
    room = Microphones(CaptureCard(time, QUIET))
    before = room.hear(2.0)[-1]
    room.microphone.close()
    time.now += 2.0
    room.open()
    after = room.hear(1.0)[0]
    assert after.gap
    assert after.position - before.position >= 2 * RATE


def test_sound_that_was_not_fetched_in_time_leaves_a_gap_of_its_length() -> None:
    time = OwnTime()
    room = Microphones(CaptureCard(time, QUIET, buffer_s=0.5))
    before = room.hear(3.0)[-1]
    time.now += 1.5
    after = room.hear(3.0)
    assert [frame.gap for frame in after].count(True) == 1
    assert after[-1].position - before.position == pytest.approx(
        (after[-1].at - before.at) * RATE, abs=RATE * 0.002
    )
    assert room.metrics.registry.get_sample_value("kiosk_ears_overruns_total") == 1
    assert room.reason is None, "one is no reason to alarm anybody"
    for _ in range(2):
        time.now += 1.0
        room.hear(0.5)
    assert room.reason == "microphone_overruns"
    assert room.until(None) < 12


def dead(times: np.ndarray) -> np.ndarray:
    return np.zeros((len(times), 1))


def constant(times: np.ndarray) -> np.ndarray:
    return np.full((len(times), 1), 0.0004)


def beside_zero(times: np.ndarray) -> np.ndarray:
    return QUIET(times) + 0.3


@pytest.mark.parametrize(
    ("heard", "reason", "within_s"),
    [
        (dead, "microphone_silent", 12),
        (constant, "microphone_silent", 12),
        (noise(3.0), "microphone_clipped", 2),
        (beside_zero, "microphone_offset", 2),
    ],
)
def test_sound_that_is_wrong_is_told_and_that_it_is_right_again(
    heard: Heard, reason: str, within_s: float
) -> None:
    time = OwnTime()
    card = CaptureCard(time, heard)
    room = Microphones(card)
    room.hear(1.0)
    room.until(reason, within_s)
    assert room.microphone.state.open
    assert room.hear(1.0), "it is heard all the same"
    card.heard = QUIET
    assert room.until(None) < 12
    samples = np.concatenate([frame.samples for frame in room.hear(10.0)[800:]])
    assert abs(samples.mean()) < 10


def test_a_quiet_room_is_not_taken_for_a_dead_microphone() -> None:
    room = Microphones(CaptureCard(OwnTime(), noise(0.0002)))
    room.hear(30.0)
    assert room.reason is None


def test_an_offset_is_taken_away() -> None:
    room = Microphones(CaptureCard(OwnTime(), beside_zero))
    samples = np.concatenate([frame.samples for frame in room.hear(4.0)[100:]])
    assert abs(samples.mean()) < 10


@pytest.mark.parametrize("speed", [0.5, 44.1 / 48, 0.98, 1.02, 48 / 44.1, 2.0])
def test_a_card_of_another_rate_than_it_says_is_heard_at_the_right_pitch(speed: float) -> None:
    """A second of the room is a second of frames, to less than a percent, once it is known."""
    at = 140.0
    room = Microphones(CaptureCard(OwnTime(), click(at), speed=speed))
    room.until("microphone_wrong_rate", 20)
    known = room.hear(15.0)[-1]
    later = room.hear(20.0)
    assert room.reason == "microphone_wrong_rate"
    assert len(later) / (later[-1].at - known.at) == pytest.approx(100, rel=0.01)
    assert np.mean(loud_at(later)) == pytest.approx(at, abs=0.005)


@pytest.mark.parametrize("speed", [0.997, 1.0, 1.003])
def test_a_crystal_that_is_a_little_off_is_no_wrong_rate(speed: float) -> None:
    room = Microphones(CaptureCard(OwnTime(), QUIET, speed=speed))
    room.hear(30.0)
    assert room.reason is None


@pytest.mark.parametrize(
    "stamp",
    [lambda _: 104.0, lambda _: 0.0, lambda true: true + 1.7e9, lambda _: float("nan")],
    ids=["stuck", "none", "wall clock", "no answer"],
)
def test_time_stamps_that_tell_nothing_give_way_to_the_time_of_arrival(
    stamp: Callable[[float], float],
) -> None:
    time = OwnTime()
    card = CaptureCard(time, click(112.0))
    room = Microphones(card)
    room.hear(4.5)
    card.stamp = stamp
    room.until("microphone_no_timestamps", 2)
    frames = room.hear(8.0)
    assert np.mean(loud_at(frames)) == pytest.approx(112.0, abs=0.012)
    card.stamp = lambda true: true
    assert room.until(None) < 8


def test_time_stamps_that_jump_at_times_are_not_believed() -> None:
    time = OwnTime()
    card = CaptureCard(time, click(112.0))
    chance = np.random.default_rng(1)
    jumps = (-3.0, -0.25, 0.25, 3.0)
    card.stamp = lambda true: true + (0.0 if chance.random() < 0.8 else chance.choice(jumps))
    room = Microphones(card)
    assert np.mean(loud_at(room.hear(15.0))) == pytest.approx(112.0, abs=0.001)


def test_a_device_without_a_clock_is_not_taken_for_a_microphone() -> None:
    time = OwnTime()
    room = Microphones(CaptureCard(time, QUIET, speed=100.0), CaptureCard(time, QUIET))
    room.until("microphone_not_paced", 2)
    assert room.until(None) < 8


def test_a_microphone_that_falls_dumb_is_opened_anew() -> None:
    time = OwnTime()
    first, second = CaptureCard(time, QUIET), CaptureCard(time, QUIET)
    room = Microphones(first, second)
    room.hear(1.0)
    first.stalled = second.stalled = True
    assert 1.5 < room.until("microphone_stalled") < 3
    assert room.microphone.state.open
    room.hear(2.5)
    assert first.closed
    assert room.reason == "microphone_stalled", "told until sound comes again"
    second.stalled = False
    assert room.until(None) < 4


@pytest.mark.parametrize("reason", ["microphone_missing", "microphone_busy"])
def test_a_microphone_that_is_not_to_be_had_is_tried_every_three_seconds(
    reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    refused = CaptureError(reason, "microphone 'hw:CARD=Test' cannot be opened")
    time = OwnTime()
    room = Microphones(refused, refused, refused, CaptureCard(time, QUIET))
    room.until(reason, 1)
    assert room.until(None) == pytest.approx(9, abs=1)
    assert np.diff(room.attempts) == pytest.approx([3, 3, 3], abs=0.3)
    told = [line.code for line in caplog.records]  # type: ignore[attr-defined]
    assert told == [reason, "microphone_open", "microphone_well"]


def test_the_first_channel_that_lives_is_heard() -> None:
    """Not the mean: that of the two here would be half as loud, and a dead one is at the left."""
    time = OwnTime()

    def right_only(times: np.ndarray) -> np.ndarray:
        return noise(0.1, 2)(times) * [0, 1]

    room = Microphones(CaptureCard(time, right_only, channels=2))
    frames = room.hear(5.0)
    assert [frame.gap for frame in frames].count(True) == 1, "its echo is another"
    heard = np.concatenate([frame.samples for frame in frames[200:]]) / 32768
    assert np.sqrt(np.mean(heard**2)) == pytest.approx(0.1, rel=0.2)
    assert room.reason is None


def test_every_reason_says_how_to_mend_it_and_none_is_a_failure() -> None:
    """An image on trial proves itself without a microphone, and the avatar speaks all the same."""
    for reason, text in EARS_REASONS.items():
        told = EarsSnapshot(reason=reason, beat=100.0)
        finding = EarsCheck(partial(replace, told)).run(100.0)
        assert (finding.status, finding.reasons[0].code) == (Status.WARN, reason)
        assert len(text) > 40
    stuck = EarsCheck(lambda: EarsSnapshot(beat=90.0)).run(100.0)
    assert (stuck.status, stuck.reasons[0].code) == (Status.WARN, "ears_stuck")
    assert EarsCheck(None).run(100.0).status is Status.PASS
    assert EarsCheck(lambda: EarsSnapshot(beat=100.0)).run(100.0).status is Status.PASS


@given(
    steps=st.lists(
        st.tuples(st.booleans(), st.floats(-0.5, 5.0), st.floats(-1e-4, 1e-4)), max_size=60
    )
)
def test_positions_never_go_back_whatever_is_lost(
    steps: list[tuple[bool, float, float]],
) -> None:
    """A frame that comes too early, after a clock was corrected, follows the one before."""
    timeline, at, end = Timeline(), 100.0, 0
    for cut, away_s, jitter_s in steps:
        if cut:
            timeline.cut()
            at += away_s
        position, gap = timeline.place(at + jitter_s)
        assert position >= end
        assert gap == (cut and end > 0)
        if cut and end > 0:
            assert position - end == pytest.approx(max(away_s, 0) * RATE, abs=5)
        else:
            assert position == end
        end = position + FRAME
        at += 0.01
