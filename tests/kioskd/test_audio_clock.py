# SPDX-License-Identifier: Apache-2.0
"""From coarse counters to a position: smooth, never backwards, never past what was written."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sound_card import OwnTime

from driving_client.sample_rates import SAMPLE_RATES
from driving_client.utterance import Utterance
from kioskd.audio.clock import PositionClock
from kioskd.audio.ledger import Ledger
from kioskd.audio.snapshot import AudioSnapshot
from kioskd.audio.stand_in import StandIn
from kioskd.audio.voice_source import VoiceSource


@given(
    step=st.sampled_from([0.0, 0.005, 0.01, 0.02, 0.04]),
    drift=st.floats(-3e-4, 3e-4),
    seed=st.integers(0, 100),
)
def test_a_counter_in_steps_becomes_a_smooth_clock(step: float, drift: float, seed: int) -> None:
    """Steps of up to 40 ms read at uneven moments, as on USB cards, become a smooth position."""
    chance = random.Random(seed)
    clock = PositionClock()
    clock.start(100.0)
    now = 100.0
    while now < 110:
        now += chance.uniform(0.005, 0.02)
        true = (now - 100) * (1 + drift)
        counted = true if step == 0 else int(true / step) * step
        assert clock.update(counted, now)
        if now > 102:
            assert abs(clock.position(now) - true) < 0.012


def test_a_device_that_takes_all_at_once_has_outrun_the_clock() -> None:
    clock = PositionClock()
    clock.start(100.0)
    assert clock.update(0.05, 100.001)
    assert clock.position(100.001) == pytest.approx(0.001, abs=1e-4)
    assert not clock.update(0.12, 100.001)
    assert clock.position(100.001) < 0.01


def test_a_device_that_runs_a_third_too_fast_is_found_out_later() -> None:
    clock = PositionClock()
    clock.start(100.0)
    moments = [i * 0.01 for i in range(200)]
    found = next(t for t in moments if not clock.update(t * 4 / 3, 100 + t))
    assert 0.2 < found < 0.4


def test_a_stall_that_is_caught_up_is_no_fault() -> None:
    clock = PositionClock()
    clock.start(100.0)
    for i in range(300):
        counted = i * 0.01 if not 100 <= i < 130 else 1.0
        assert clock.update(counted, 100 + i * 0.01)


def test_after_a_real_stall_the_clock_follows_within_a_second_or_so() -> None:
    clock = PositionClock()
    clock.start(100.0)
    for i in range(400):
        counted = i * 0.01 if i < 100 else max(1.0, i * 0.01 - 0.05)
        clock.update(counted, 100 + i * 0.01)
    assert clock.position(104.0) == pytest.approx(3.95, abs=0.005)


@given(
    st.lists(st.tuples(st.floats(0, 0.05), st.booleans()), max_size=30),
    st.lists(st.floats(0, 2), max_size=30).map(sorted),
    st.floats(0, 5),
)
def test_the_ledger_never_goes_back_nor_past_what_was_written(
    runs: list[tuple[float, bool]], moments: list[float], start: float
) -> None:
    ledger = Ledger()
    ledger.restart(start)
    for seconds, speech in runs:
        ledger.add(seconds, speech=speech)
    spoken = sum(seconds for seconds, speech in runs if speech)
    assert ledger.content_s == pytest.approx(start + spoken)
    before = start
    for moment in moments:
        located = ledger.locate(moment)
        assert before - 1e-9 <= located.position_s <= located.limit_s <= ledger.content_s + 1e-9
        before = located.position_s
    assert ledger.locate(100).position_s == pytest.approx(start + spoken)
    assert not ledger.locate(100).running


def test_silence_between_speech_stops_the_position() -> None:
    ledger = Ledger()
    ledger.restart(1.0)
    ledger.add(0.5, speech=True)
    ledger.add(0.2, speech=False)
    ledger.add(0.5, speech=True)
    assert ledger.locate(-0.1).position_s == 1.0
    assert not ledger.locate(-0.1).running
    assert ledger.locate(0.25).position_s == 1.25
    assert ledger.locate(0.25).limit_s == 1.5
    assert ledger.locate(0.6).position_s == 1.5
    assert not ledger.locate(0.6).running
    assert ledger.locate(0.8).position_s == pytest.approx(1.6)


def test_a_snapshot_runs_on_to_its_limit_and_tells_the_moment_before() -> None:
    seen = AudioSnapshot(position_s=1.0, at=10.0, limit_s=1.1, running=True)
    assert seen.position_at(10.05) == pytest.approx(1.05)
    assert seen.position_at(11) == 1.1
    assert seen.position_at(9.99) == pytest.approx(0.99)
    assert seen.position_at(5) == pytest.approx(0.95)
    stands = AudioSnapshot(position_s=1.0, at=10.0, limit_s=1.1)
    assert stands.position_at(11) == 1.0


@pytest.mark.parametrize("device_rate", [44100, 48000])
@pytest.mark.parametrize("rate", SAMPLE_RATES)
def test_a_source_in_small_pieces_is_the_whole_resampled(rate: int, device_rate: int) -> None:
    angle = 2 * np.pi * 300 * np.arange(rate // 2) / rate
    speech = np.rint(10000 * np.sin(angle)).astype(np.int16)
    utterance = Utterance("a", rate)
    source = VoiceSource(utterance, device_rate, 0.0, 1.0)
    chance = random.Random(1)
    heard: list[np.ndarray] = []
    sent = 0
    while not source.exhausted:
        amount = chance.randint(1, 2000)
        utterance.append_audio(speech[sent : sent + amount])
        sent += amount
        if sent >= len(speech):
            utterance.end_audio()
        block = source.peek(chance.randint(1, 960))
        heard.append(block)
        source.consume(len(block))
    whole = np.concatenate(heard)
    assert len(whole) == pytest.approx(device_rate / 2, abs=2)
    expected = 10000 * np.sin(2 * np.pi * 300 * np.arange(len(whole)) / device_rate)
    assert np.abs(whole - expected)[500:-500].max() < 30


@given(
    rate=st.sampled_from(SAMPLE_RATES),
    device_rate=st.sampled_from([16000, 44100, 48000]),
    pieces=st.lists(st.integers(1, 4000), min_size=1, max_size=12),
)
def test_a_source_that_is_drained_in_pauses_has_no_seam(
    rate: int, device_rate: int, pieces: list[int]
) -> None:
    speech = np.random.default_rng(0).integers(-9000, 9000, sum(pieces)).astype(np.int16)

    def heard(*, drained: bool) -> np.ndarray:
        utterance = Utterance("a", rate)
        source = VoiceSource(utterance, device_rate, 0.0, 1.0)
        blocks = [np.zeros(0, np.int32)]
        for end in np.cumsum(pieces):
            utterance.append_audio(speech[utterance.audio_length : end])
            while len(block := source.drain(480) if drained else source.peek(480)):
                blocks.append(block.astype(np.int32))
                source.consume(len(block))
            if drained:
                assert sum(map(len, blocks)) / device_rate > end / rate - 0.0085
        utterance.end_audio()
        blocks.append(source.peek(device_rate).astype(np.int32))
        return np.concatenate(blocks)

    whole, in_parts = heard(drained=False), heard(drained=True)
    assert len(whole) == len(in_parts)
    assert np.abs(whole - in_parts).max(initial=0) <= 10


def test_a_source_goes_on_from_the_middle_at_its_volume() -> None:
    utterance = Utterance("a", 48000)
    utterance.append_audio(np.arange(1000, dtype=np.int16))
    source = VoiceSource(utterance, 48000, 500 / 48000, 0.5)
    assert source.start_s == 500 / 48000
    assert source.peek(3).tolist() == [250, 250, 251]
    source.consume(2)
    assert source.peek(2).tolist() == [251, 251]
    assert len(source.peek(5000)) == 498
    assert not source.exhausted


def test_the_stand_in_goes_on_from_where_the_device_was() -> None:
    time = OwnTime()
    stand_in = StandIn(0.1, clock=time.clock)
    block = np.zeros(4800, np.int16)
    assert stand_in.writable() == 4800
    assert stand_in.write(block) == 4800
    stand_in.take_over(2400)
    assert stand_in.played() == (2400, time.now)
    assert stand_in.writable() == 2400
    time.now += 0.025
    assert stand_in.played() == (pytest.approx(3600, abs=1), time.now)
    time.now += 60
    assert stand_in.played() == (4800, time.now)
    stand_in.drop()
    assert (stand_in.written, stand_in.played()[0]) == (0, 0)
