# SPDX-License-Identifier: Apache-2.0
"""What `make bench-ears` measures with: rooms, measures and verdicts, against what is known."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from ears_bench.measures import echo_reductions, shift_between, voice_loss
from ears_bench.plan import Plan, simulate_room
from ears_bench.rows import CPU, ECHO, MISSED, Row, line, of_answers
from ears_bench.scenes import answer_of
from ears_bench.stage import HEARD_RATE, Began, Ended, Visit
from ears_bench.voices import Sentence
from ears_bench.voicing import active_level_db, voiced_frames
from ears_bench.words import words_found
from test_stand.room_sound import BLOCK, Convolver, DelayLine, EchoPath
from test_stand.rooms import DRY, OFFICE, RATE, ROOMS, Room, convolved, impulse_response

RNG = np.random.default_rng(2)


def voice(seconds: float = 2.0, rate: int = HEARD_RATE, pitch: float = 130.0) -> np.ndarray:
    """Tones with a common pitch, in syllables."""
    at = np.arange(round(seconds * rate)) / rate
    tones = sum(np.sin(2 * np.pi * pitch * n * at) / n for n in range(1, 20))
    return (0.1 * tones * np.maximum(np.sin(2 * np.pi * 3 * at), 0)).astype(np.float32)


@pytest.mark.parametrize("room", ROOMS, ids=lambda room: room.name)
def test_a_room_falls_silent_as_fast_as_it_says(room: Room) -> None:
    response = impulse_response(room, room.visitor).astype(float)
    left = np.cumsum(response[::-1] ** 2)[::-1]
    decay = 10 * np.log10(left / left[0])
    seconds = (np.argmax(decay < -25) - np.argmax(decay < -5)) / RATE * 3
    assert seconds == pytest.approx(room.rt60_s, rel=0.25)


def test_a_block_wise_convolution_is_the_whole_one() -> None:
    response = impulse_response(OFFICE, OFFICE.loudspeaker)
    sound = RNG.normal(0, 0.1, 20 * BLOCK).astype(np.float32)
    convolver = Convolver(response)
    blocks = [convolver.pass_block(each) for each in sound.reshape(-1, BLOCK)]
    assert np.allclose(np.concatenate(blocks), convolved(sound, response)[: len(sound)], atol=1e-5)


@pytest.mark.parametrize(("delay", "ppm"), [(100.0, 0.0), (100.4, 0.0), (3000.7, 80.0)])
def test_a_delay_is_that_of_a_tone_however_its_clock_drifts(delay: float, ppm: float) -> None:
    at = np.arange(100 * BLOCK)
    line = DelayLine(delay, ppm)
    tone = np.sin(0.3 * at).astype(np.float32)
    heard = np.concatenate([line.pass_block(each) for each in tone.reshape(-1, BLOCK)])
    true = np.sin(0.3 * (at - delay - ppm * 1e-6 * at))
    assert np.abs(heard - true)[4000:].max() < 2e-3


def test_an_echo_comes_after_the_delay_and_the_flight() -> None:
    path = EchoPath(DRY, 0.05)
    click = np.zeros(40 * BLOCK, np.float32)
    click[100] = 0.5
    heard = np.concatenate([path.pass_block(each) for each in click.reshape(-1, BLOCK)])
    flight_s = np.argmax(np.abs(impulse_response(DRY, DRY.loudspeaker))) / RATE
    assert np.argmax(np.abs(heard)) == pytest.approx(100 + (0.05 + flight_s) * RATE, abs=1)


def test_what_a_voice_loses_is_told_from_what_is_added_to_it() -> None:
    own, other = voice(), voice(pitch=171.0)[::-1]
    assert voice_loss(own, own) == pytest.approx(0, abs=0.1)
    assert voice_loss(own, np.roll(own / 2, 50)) == pytest.approx(6, abs=0.3)
    assert voice_loss(own, own / 2 + 0.2 * other) == pytest.approx(6, abs=1)
    assert voice_loss(own, 0.2 * other) > 15


def test_echo_reduction_is_that_of_the_seconds_in_which_the_kiosk_speaks() -> None:
    echo = np.concatenate((voice(2.0), np.zeros(2 * HEARD_RATE, np.float32)))
    assert echo_reductions(echo, echo, echo / 100) == pytest.approx([40, 40], abs=0.5)


def test_a_shift_is_found_both_ways() -> None:
    noise = RNG.normal(0, 1, 8000).astype(np.float32)
    assert shift_between(noise, np.roll(noise, 37)) == 37
    assert shift_between(noise, np.roll(noise, -37)) == -37


def test_voiced_frames_are_those_with_a_pitch() -> None:
    sound = voice(1.0, RATE)
    noise = RNG.normal(0, 0.05, RATE).astype(np.float32)
    found = voiced_frames(np.concatenate((noise, sound)))
    assert found[:95].mean() < 0.1
    assert found[100:].mean() > 0.35
    assert active_level_db(sound, RATE) == pytest.approx(
        10 * np.log10(np.mean(sound[sound != 0] ** 2)), abs=1.5
    )


def a_visit() -> Visit:
    sentence = Sentence("rms", "hello", np.zeros(RATE, np.float32), 0.1, 0.9)
    return Visit(sentence, 10.1, 10.9, 0.0)


def test_a_visitor_who_is_noticed_has_an_answer_and_others_are_missed() -> None:
    heard = answer_of(a_visit(), [Began(10.12, True), Ended(10.9, 11.64)], 10.35)
    assert heard.noticed
    assert heard.silence_s == pytest.approx(0.25)
    assert heard.late_s == pytest.approx(0.04)
    missed = answer_of(a_visit(), [Began(3.0, True), Ended(4.0, 4.7)], 10.35)
    assert not missed.noticed
    assert missed.silence_s is None
    assert missed.late_s is None
    rows = of_answers("dry", -6.0, [heard, heard, missed])
    assert rows[0].value == pytest.approx(100 / 3)
    assert [row.verdict for row in rows] == ["MISSED", "aim reached", "aim reached"]


def test_a_figure_that_could_not_be_measured_is_never_good_enough() -> None:
    assert not Row(CPU, "dry", None, "none").holds
    assert [Row(ECHO, "dry", value, "").verdict for value in (20.0, 30.0, 40.0)] == [
        "MISSED",
        "holds",
        "aim reached",
    ]
    assert Row(MISSED, "dry", 5.0, "").holds


def test_words_count_in_their_order() -> None:
    assert words_found(["where", "is", "it"], ["it", "where", "uh", "it"]) == 2


@pytest.mark.slow("speaks in a simulated office for a while")
@pytest.mark.skipif(
    any(shutil.which(each) is None for each in ("flite", "espeak-ng")),
    reason="no flite or espeak-ng, which `make setup` brings",
)
def test_in_a_simulated_office_the_ears_hear_a_visitor_and_not_themselves() -> None:
    """Without real time, so that a busy machine is no excuse."""
    measured = list(simulate_room(OFFICE, Plan(10, 2, 0, 1), lambda _: None))
    assert [row.wanted for row in measured].count(MISSED) == 2, "at two levels"
    assert not [line(row) for row in measured if not row.holds]
