# SPDX-License-Identifier: Apache-2.0
"""Stamps of the microphone wander; the time that own voice is laid on does not."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from kioskd.ears.frames import RawFrame
from kioskd.ears.settings import FRAME, FRAME_S
from kioskd.ears.steady_time import SteadyTime

Times = NDArray[np.float64]


def placed(
    seconds: float, off_s: Callable[[float], float], gap_at: int = -1
) -> tuple[Times, list[int]]:
    """When each frame was placed, and which did not follow the one before."""
    steady, silence = SteadyTime(), np.zeros(FRAME, np.int16)
    times, jumps = [], []
    for number in range(round(seconds / FRAME_S)):
        passed = number * FRAME_S
        frame = RawFrame(silence, number * FRAME, 100.0 + passed + off_s(passed), number == gap_at)
        at, jumped = steady.place(frame)
        times.append(at - 100.0 - passed)
        if jumped:
            jumps.append(number)
    return np.array(times), jumps


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(0.0, 0.004), min_size=30, max_size=30))
def test_stamps_that_wander_by_milliseconds_move_it_by_microseconds(late: list[float]) -> None:
    """Another half second, another lateness: a third of a sample from frame to frame at most."""
    times, jumps = placed(15.0, lambda passed: late[min(int(2 * passed), 29)])
    assert jumps == [0]
    assert np.abs(np.diff(times[300:])).max() < 2e-5
    assert times.min() >= -0.001
    assert times.max() <= 0.005


@pytest.mark.parametrize("drift", [8e-5, -8e-5, 2e-4])
def test_a_crystal_that_is_off_is_learned(drift: float) -> None:
    times, jumps = placed(120.0, lambda passed: drift * passed)
    assert jumps == [0]
    assert (times[-1] - times[-2001]) / 20 == pytest.approx(drift, rel=0.1)


def test_after_a_gap_the_stamps_hold_at_once() -> None:
    times, jumps = placed(4.0, lambda passed: 0.5 if passed >= 2.0 else 0.0, gap_at=200)
    assert jumps == [0, 200]
    assert times[200] == pytest.approx(0.5)


def test_a_moment_of_wrong_stamps_is_passed_over_and_lasting_ones_are_believed() -> None:
    times, jumps = placed(8.0, lambda passed: 0.065 if 3.0 <= passed < 3.8 else 0.0)
    assert jumps == [0]
    assert np.abs(times).max() < 0.001
    _, jumps = placed(8.0, lambda passed: 0.065 if passed >= 3.0 else 0.0)
    assert len(jumps) == 2
    assert 400 <= jumps[1] <= 402
