# SPDX-License-Identifier: Apache-2.0
"""When frames begin and are flipped, and which ones are missed."""

from __future__ import annotations

import pytest

from kioskd.screen.pacing import Pacer

SIXTIETH = 1 / 60


def test_the_screen_sets_the_pace_where_there_is_one() -> None:
    pacer = Pacer(0.0, 60.0, vsync=True, offscreen=False)
    assert pacer.rate == 60.0
    assert pacer.next_begin(5.0, 5.02, 1) == 5.02, "flip has waited; there is nothing to wait for"
    assert pacer.flip_at(5.0, 1) == 5.0


def test_half_the_rate_is_a_grid_of_two_refreshes_flipped_in_the_second() -> None:
    pacer = Pacer(0.0, 60.0, vsync=True, offscreen=False)
    assert pacer.next_begin(5.0, 5.02, 2) == pytest.approx(5.0 + 2 * SIXTIETH)
    assert 5.0 + SIXTIETH < pacer.flip_at(5.0, 2) < 5.0 + 2 * SIXTIETH
    assert pacer.next_begin(5.0, 5.1, 2) == 5.1, "what is late begins at once"


@pytest.mark.parametrize(
    ("asked", "refresh", "vsync", "offscreen", "rate"),
    [
        (0.0, 0.0, False, True, 30.0),
        (12.0, 0.0, False, True, 12.0),
        (0.0, 50.0, True, False, 50.0),
        (0.0, 0.0, True, False, 60.0),
        (30.0, 60.0, True, False, 30.0),
        (120.0, 60.0, True, False, 60.0),
        (0.0, 0.0, False, False, 60.0),
    ],
)
def test_what_is_aimed_at(
    asked: float, refresh: float, vsync: bool, offscreen: bool, rate: float
) -> None:
    assert Pacer(asked, refresh, vsync, offscreen).rate == rate


def test_a_window_without_vertical_sync_does_not_spin() -> None:
    pacer = Pacer(0.0, 75.0, vsync=False, offscreen=False)
    assert pacer.next_begin(5.0, 5.001, 1) == pytest.approx(5.0 + 1 / 75)
    assert pacer.flip_at(5.0, 2) == 5.0


@pytest.mark.parametrize(
    ("refreshes", "divisor", "missed"),
    [
        (0.2, 1, 0),
        (1.0, 1, 0),
        (1.4, 1, 0),
        (2.0, 1, 1),
        (3.0, 1, 2),
        (61.0, 1, 60),
        (2.0, 2, 0),
        (2.9, 2, 0),
        (4.0, 2, 1),
    ],
)
def test_frames_that_never_came_are_counted(refreshes: float, divisor: int, missed: int) -> None:
    pacer = Pacer(0.0, 60.0, vsync=True, offscreen=False)
    assert pacer.missed(refreshes * SIXTIETH, divisor) == missed
