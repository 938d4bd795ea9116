# SPDX-License-Identifier: Apache-2.0
"""What is counted of a watched face is what a face of known movements did."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from alive_bench import signals
from alive_bench.drive import FRAMES_A_SECOND, Watched
from alive_bench.stage import Said
from driving_client.voices.speech import Speech

NAMES = ("browInnerUp", "eyeBlinkLeft", "eyeBlinkRight", "jawOpen")
Array = NDArray[np.float64]


def still(seconds: float, said: tuple[Said, ...] = ()) -> Watched:
    frames = round(seconds * FRAMES_A_SECOND)
    return Watched(
        NAMES, np.zeros((frames, 4)), np.zeros((frames, 3)), np.zeros((frames, 2, 2)), said
    )


def utterances(count: int, seconds: float, every: float) -> tuple[Said, ...]:
    speech = Speech(np.zeros(round(seconds * 1000), np.int16), 1000, ())
    return tuple(Said(i * every + 1.0, speech) for i in range(count))


def bump(frames: int) -> Array:
    return np.asarray(0.5 - 0.5 * np.cos(np.linspace(0, 2 * np.pi, frames)))


def test_blinks_are_counted_and_lids_that_follow_the_gaze_are_not() -> None:
    watched = still(30)
    watched.weights[:, 1:3] = 0.3 * np.sin(np.linspace(0, 9, 3000))[:, None].clip(0)
    for start in (300, 1000, 1030, 2500):
        watched.weights[start : start + 24, 1] += bump(24)
        watched.weights[start : start + 24, 2] += 0.8 * bump(24)
    assert signals.blinks(watched) == pytest.approx([306, 1006, 1036, 2506], abs=4)


def test_saccades_are_told_with_their_size_and_speed_and_slips_are_not_saccades() -> None:
    watched = still(20)
    aside = np.zeros(2000)
    for start, degrees, frames in ((400, 5.0, 4), (900, -8.0, 5), (1500, 0.2, 3)):
        ramp = 0.5 - 0.5 * np.cos(np.linspace(0, np.pi, frames + 1))
        aside[start : start + frames + 1] += degrees * ramp
        aside[start + frames + 1 :] += degrees
    aside += 2.0 * np.arange(2000) / FRAMES_A_SECOND
    watched.gaze[:, :, 0] = aside[:, None]
    found = signals.saccades(watched)
    assert len(found.starts) == 2
    assert found.degrees == pytest.approx([5, 8], abs=0.4)
    assert found.peaks == pytest.approx([5 * 39, 8 * 31], rel=0.2)
    assert signals.slip(watched) == pytest.approx(2.0, abs=0.6)


def test_contact_is_the_share_of_time_with_the_eyes_on_the_visitor() -> None:
    watched = still(10)
    watched.gaze[:250, :, 1] = 15
    assert signals.contact_share(watched) == pytest.approx(0.75)


def test_a_loop_is_found_with_its_length_and_noise_has_none() -> None:
    times = np.arange(600 * FRAMES_A_SECOND) / FRAMES_A_SECOND
    loop = np.sin(2 * np.pi * times / 9.6) + 0.5 * np.sin(6 * np.pi * times / 9.6)
    best, lag = signals.repetition(loop + 0.05 * times)
    assert best > 0.9
    assert lag % 9.6 == pytest.approx(0, abs=0.2) or lag % 9.6 == pytest.approx(9.6, abs=0.2)
    chance = np.random.default_rng(3)
    places = np.arange(0, 601, 0.7)
    knots = np.interp(times, places, chance.normal(size=len(places)))
    assert signals.repetition(knots)[0] < 0.3
    assert signals.repetition(np.ones(len(times))) == (0.0, 0.0)


def test_openings_that_are_alike_are_told_from_those_that_are_not() -> None:
    said = utterances(30, 4.0, 6.0)
    alike, different = still(190, said), still(190, said)
    chance = np.random.default_rng(1)
    shape = chance.normal(size=(400, 4)).cumsum(axis=0)
    for one in said:
        begin = round(one.began_s * FRAMES_A_SECOND)
        knots = chance.normal(size=(4, 8))
        own = np.stack([np.interp(np.arange(400), np.arange(0, 400, 50), k) for k in knots], 1)
        for watched, rows in ((alike, shape), (different, own)):
            watched.head[begin : begin + 400] = rows[:, :3]
            watched.weights[begin : begin + 400, 0] = rows[:, 3]
    assert signals.openings(alike) > 0.99
    assert signals.openings(different) < 0.4
    assert signals.openings(still(190, said)) == 1.0, "brows that never move are all alike"


def test_beats_are_quick_nods_while_something_is_said() -> None:
    watched = still(20, utterances(1, 15.0, 1.0))
    watched.head[:, 0] = 3 * np.sin(np.linspace(0, 12, 2000))
    for start in (20, 300, 500, 900, 1700):
        watched.head[start : start + 35, 0] += 2.5 * bump(35)
    found = signals.beats(watched)
    assert found == pytest.approx([317, 517, 917], abs=5)


def test_a_jump_is_jerky() -> None:
    smooth = np.sin(np.linspace(0, 20, 3000))
    jumping = smooth + (np.arange(3000) % 100 < 50)
    assert signals.jerk(jumping[:, None]) > 50 * signals.jerk(smooth[:, None])
