# SPDX-License-Identifier: Apache-2.0
"""Utterances: audio and motion on one axis, whatever the order and chunking."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scripted_endpoint import ramp

from driving_client.errors import ProtocolError
from driving_client.link.interface import LinkCounters, LinkEvent, UtteranceStarted
from driving_client.link.local_voice import new_request_id
from driving_client.link.relay_timeline import RelayTimeline
from driving_client.motion import FRAME_RATE, MotionTrack, ParameterSpace
from driving_client.motion_failure import MotionFailure
from driving_client.sample_rates import SAMPLE_RATES
from driving_client.utterance import MAX_SECONDS, Utterance
from driving_client.wire.animation import add_animation
from driving_client.wire.codec import Animation
from driving_client.wire.relay_frames import AudioFrame, MetadataFrame, MotionFrame

VOICE = (np.arange(16000) * 7919 % 65536 - 32768).astype(np.int16)
MOTION = ramp(25)


def cuts(length: int) -> st.SearchStrategy[list[int]]:
    """Places to cut a sequence at, so that pieces of any size come about, empty ones as well."""
    return st.lists(st.integers(0, length), max_size=8).map(sorted)


@given(cuts(len(VOICE)), cuts(len(MOTION)), st.randoms())
def test_any_order_and_chunking_gives_the_same_utterance(
    audio_cuts: list[int], motion_cuts: list[int], random: object
) -> None:
    utterance = Utterance("r", 16000)
    audio = np.split(VOICE, audio_cuts)
    motion = np.split(MOTION, motion_cuts)
    order = [True] * len(audio) + [False] * len(motion)
    random.shuffle(order)  # type: ignore[attr-defined]
    for is_audio in order:
        if is_audio:
            utterance.append_audio(audio.pop(0))
        else:
            add_animation(utterance, Animation("r", motion.pop(0), end=not motion))
    utterance.end_audio()
    assert (utterance.audio(0, 10**6) == VOICE).all()
    assert (utterance.motion_frames() == MOTION).all()
    assert utterance.motion_ended
    assert utterance.motion_failure is None


@given(cuts(len(VOICE)), cuts(len(MOTION)), st.randoms(), st.booleans())
def test_a_relay_may_send_its_frames_in_any_order(
    audio_cuts: list[int], motion_cuts: list[int], random: object, announced: bool
) -> None:
    events: list[LinkEvent] = []
    timeline = RelayTimeline(events.append, LinkCounters(), 16000, 0.0)
    if announced:
        timeline.metadata(MetadataFrame(16000, "r"))
    audio = [AudioFrame(piece) for piece in np.split(VOICE, audio_cuts)]
    motion = [Animation("r", piece) for piece in np.split(MOTION, motion_cuts)]
    order = [True] * len(audio) + [False] * len(motion)
    random.shuffle(order)  # type: ignore[attr-defined]
    for is_audio in order:
        if is_audio:
            timeline.audio(audio.pop(0))
        else:
            timeline.motion(MotionFrame((motion.pop(0),)))
    timeline.audio(AudioFrame(VOICE[:0], last=True))
    timeline.motion(MotionFrame((), last=True))
    (started,) = events
    assert isinstance(started, UtteranceStarted)
    utterance = started.utterance
    assert (utterance.audio(0, 10**6) == VOICE).all()
    assert (utterance.motion_frames() == MOTION).all()
    assert utterance.audio_ended
    assert utterance.motion_ended


steps = st.lists(
    st.one_of(
        st.tuples(st.just("append"), st.integers(0, 30)),
        st.tuples(st.just("skip"), st.integers(0, 120)),
    ),
    max_size=12,
)


@given(steps, st.booleans())
def test_a_track_shows_what_was_put_at_each_place(
    steps: list[tuple[str, int]], ended: bool
) -> None:
    track = MotionTrack(ParameterSpace.FLAME)
    shown: dict[int, float] = {}
    place = value = 0
    for step, number in steps:
        if step == "append":
            track.append(ramp(number, value))
            for _ in range(number):
                shown[place] = value / 1000
                place, value = place + 1, value + 1
        else:
            track.skip_to(number)
            place = max(place, number)
    track.ended = ended
    assert len(track) == max(shown, default=-1) + 1
    assert track.next_place == place
    for index in range(len(track) + 5):
        # A hair later: 57 / 25 * 25 is a little less than 57, which is still in the break
        sample = track.sample((index + 1e-6) / FRAME_RATE)
        before = [known for known in shown if known <= index]
        if not before:
            assert sample is None
            continue
        assert sample is not None
        assert sample.values[0] == pytest.approx(shown[max(before)], abs=1e-5)
        waited = max(index - max(before) - 1, 0) / FRAME_RATE
        finished = ended and index >= len(track) - 1
        assert sample.overdue_s == pytest.approx(0.0 if finished else waited, abs=1e-6)


def test_motion_between_two_frames_is_interpolated() -> None:
    utterance = Utterance("r", 16000, motion_offset_s=0.1)
    assert utterance.motion_at(0.5) is None
    utterance.append_motion(ramp(25))
    sample = utterance.motion_at(0.1 + 10.25 / 25)
    assert sample is not None
    assert sample.values[0] == pytest.approx(0.01025)
    early = utterance.motion_at(0.0)  # before the first frame: the first frame
    assert early is not None
    assert early.values[0] == 0


def test_the_tail_without_a_frame_holds_the_last_one() -> None:
    utterance = Utterance("r", 16000)
    utterance.append_motion(ramp(25))
    late = utterance.motion_at(1.5)
    assert late is not None
    assert late.overdue_s == pytest.approx(0.5)
    utterance.end_motion()
    held = utterance.motion_at(1.5)
    assert held is not None
    assert held.overdue_s == 0
    assert held.values[0] == pytest.approx(0.024)


def test_ends_count_once_and_nothing_comes_after_them() -> None:
    utterance = Utterance("r", 16000)
    utterance.append_audio(VOICE)
    utterance.append_motion(MOTION)
    for _ in range(2):
        utterance.end_audio()
        utterance.end_motion()
        utterance.append_audio(VOICE)
        utterance.append_motion(MOTION)
        utterance.skip_motion(3)
    assert utterance.audio_length == len(VOICE)
    assert utterance.motion_length == 25
    assert utterance.motion_failure is None


def test_motion_can_fail_alone_and_come_back() -> None:
    utterance = Utterance("r", 16000)
    utterance.append_motion(ramp(5))
    utterance.fail_motion(MotionFailure.LINK_LOST)
    utterance.fail_motion(MotionFailure.LINK_DOWN)
    utterance.append_motion(ramp(5))
    utterance.append_audio(VOICE)
    assert utterance.motion_failure is MotionFailure.LINK_LOST
    assert utterance.motion_length == 5
    assert utterance.audio_length == len(VOICE)
    utterance.restore_motion(10)
    assert utterance.next_motion_place == 10
    utterance.append_motion(ramp(5, 10))
    assert utterance.motion_failure is None
    assert utterance.motion_length == 15
    held = utterance.motion_frames()[:, 0] * 1000
    assert held == pytest.approx([0, 1, 2, 3, 4, 4, 4, 4, 4, 4, 10, 11, 12, 13, 14], abs=1e-4)


def test_an_empty_motion_has_failed_and_stays_so() -> None:
    utterance = Utterance("r", 16000)
    utterance.end_motion()
    assert utterance.motion_failure is MotionFailure.EMPTY
    utterance.restore_motion()
    assert utterance.motion_failure is MotionFailure.EMPTY
    assert utterance.motion_at(0.0) is None


def test_places_of_unusable_frames_are_kept() -> None:
    utterance = Utterance("r", 16000)
    add_animation(utterance, Animation("r", ramp(5)))
    add_animation(utterance, Animation("r", ramp(0), dropped=3))
    add_animation(utterance, Animation("r", ramp(2, 8), end=True))
    assert utterance.motion_length == 10
    sample = utterance.motion_at(8 / 25)
    assert sample is not None
    assert sample.values[0] == pytest.approx(0.008)


def test_an_endless_utterance_is_refused() -> None:
    utterance = Utterance("r", 8000)
    minute = np.zeros(60 * 8000, np.int16)
    for _ in range(int(MAX_SECONDS / 60)):
        utterance.append_audio(minute)
    with pytest.raises(ProtocolError, match="split"):
        utterance.append_audio(minute[:1])
    many = ramp(int(MAX_SECONDS * FRAME_RATE))
    utterance.append_motion(many)
    with pytest.raises(ProtocolError, match="split"):
        utterance.skip_motion(1)
    with pytest.raises(ProtocolError, match="split"):
        add_animation(utterance, Animation("r", ramp(1)))
    assert utterance.motion_failure is MotionFailure.TOO_LONG


@pytest.mark.parametrize("rate", [0, -1, 11025, 96000])
def test_a_rate_that_the_protocol_lacks_is_refused(rate: int) -> None:
    with pytest.raises(ProtocolError, match="resample"):
        Utterance("r", rate)


def test_every_rate_has_whole_samples_in_a_frame() -> None:
    assert all(rate % int(FRAME_RATE) == 0 for rate in SAMPLE_RATES)


def test_frames_of_a_wrong_shape_are_a_programming_error() -> None:
    with pytest.raises(ValueError, match="shape"):
        MotionTrack(ParameterSpace.ARKIT).append(ramp(3))


def test_request_ids_never_repeat() -> None:
    assert len({new_request_id() for _ in range(1000)}) == 1000
