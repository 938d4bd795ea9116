# SPDX-License-Identifier: Apache-2.0
"""Whatever is wanted when: what is shown goes on with its speed, and arrives in time."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from driving_client.motion import FloatArray
from kioskd.playback.transition import Transition

STEP_S = 1 / 240
"""Finer than any screen, so that a speed that jumps shows as an acceleration without a bound."""

JOIN_S = 0.32
CHANGES = st.lists(st.tuples(st.floats(0, 1, width=16), st.integers(1, 200)), min_size=1)


def at(value: float) -> FloatArray:
    return np.array([value], np.float32)


class Shown:
    """A transition of one value, frame by frame."""

    def __init__(self, value: float = 0.0) -> None:
        self.transition = Transition(at(value), "before")
        self.now = 50.0
        self.values = [value]

    def follow(self, key: object, target: float, duration_s: float = JOIN_S) -> float:
        self.now += STEP_S
        self.transition.follow(self.now, str(key), at(target), duration_s)
        self.values.append(float(self.transition.shown[0]))
        return self.values[-1]

    def speeds(self) -> FloatArray:
        return np.diff(np.array(self.values)) / STEP_S


@given(CHANGES)
def test_neither_place_nor_speed_ever_jumps(changes: list[tuple[float, int]]) -> None:
    shown = Shown()
    shown.follow("before", 0.0)
    for key, (target, frames) in enumerate(changes):
        for _ in range(frames):
            shown.follow(key, target)
    assert np.abs(shown.speeds()).max(initial=0.0) <= 1.3 * 1.875 / JOIN_S
    most = 5.8 / JOIN_S**2 + 4.0 * 1.875 / JOIN_S / 0.1
    assert np.abs(np.diff(shown.speeds())).max(initial=0.0) / STEP_S <= 1.3 * most


@given(CHANGES, st.floats(0.3, 3.0))
def test_a_target_that_moves_is_followed_exactly_once_the_duration_is_over(
    changes: list[tuple[float, int]], hertz: float
) -> None:
    shown = Shown()
    for key, (target, frames) in enumerate(changes):
        for _ in range(frames):
            shown.follow(key, target)
    for frame in range(200):
        target = 0.5 + 0.4 * math.sin(math.tau * hertz * frame * STEP_S)
        value = shown.follow("moves", target)
        assert abs(value - target) < 1e-6 or frame * STEP_S < JOIN_S
        assert shown.transition.settled(shown.now) is (frame * STEP_S >= JOIN_S - 1e-9 - STEP_S)


def test_a_target_that_is_met_in_its_own_movement_costs_nothing() -> None:
    """The same movement under another name: a stream that goes on as another one."""
    shown = Shown()
    course = 0.5 - 0.5 * np.cos(np.arange(240) * STEP_S * 3)
    for frame, target in enumerate(course):
        value = shown.follow(frame // 60, float(target))
        assert value == pytest.approx(float(target), abs=0.002)


def test_a_movement_that_is_let_go_of_carries_on_a_little_and_comes_back() -> None:
    shown = Shown()
    for frame in range(100):
        shown.follow("rises", 2.0 * frame * STEP_S)
    left = shown.values[-1]
    beyond = [shown.follow("stands", left) for _ in range(100)]
    assert max(beyond) - left == pytest.approx(0.197 * 2.0 * 0.1, abs=0.009)
    assert beyond[-1] == pytest.approx(left, abs=1e-6)


@pytest.mark.parametrize("duration_s", [1e-6, STEP_S / 2, STEP_S])
def test_a_duration_below_a_frame_is_a_step_to_the_target(duration_s: float) -> None:
    shown = Shown()
    shown.follow("before", 0.0)
    assert shown.follow("now", 1.0, duration_s) == 1.0
    assert shown.follow("now", 1.0, duration_s) == 1.0
    assert shown.transition.settled(shown.now)


def test_a_frame_that_is_late_shows_what_belongs_to_its_moment() -> None:
    shown = Shown()
    shown.follow("before", 0.0)
    shown.follow("now", 1.0)
    shown.now += 5.0
    assert shown.follow("now", 1.0) == 1.0


def test_places_have_durations_of_their_own() -> None:
    transition = Transition(np.zeros(2, np.float32), "before")
    transition.follow(10.0, "before", np.zeros(2, np.float32), 1.0)
    durations = np.array([0.08, 0.32], np.float32)
    for frame in range(1, 50):
        now = 10.0 + 0.01 * frame
        transition.follow(now, "now", np.ones(2, np.float32), durations)
        arrived = transition.shown == 1
        assert list(arrived) == [now > 10.0799, now > 10.3199]
        assert transition.settled(now) is bool(arrived.all())
