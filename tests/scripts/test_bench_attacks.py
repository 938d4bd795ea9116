# SPDX-License-Identifier: Apache-2.0
"""What `make bench-attacks` calls held: each limit breaks alone, and what is missing is no pass."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest

from attack_bench.verdict import Measured, broken, heading, p95, row

CONTROL = Measured(
    "spinning",
    [0.02] * 20,
    [0.03] * 20,
    [0.1, 0.12, 0.2],
    [0.2, 0.22, 0.3],
    1.0,
    20.0,
    0.5,
    (20, 11),
    (20, 11),
)


def test_an_attack_that_costs_no_more_than_its_cores_is_held() -> None:
    assert broken(CONTROL, CONTROL) == []
    attacked = replace(
        CONTROL,
        here=[0.49] * 20,
        there=[0.02] * 19 + [9.0],
        relayed=[0.41],
        posted=[0.51],
        longest_without_beat=1.9,
        frames_per_s=18.0,
    )
    assert broken(attacked, CONTROL) == []


@pytest.mark.parametrize(
    ("changed", "fault"),
    [
        ({"here": [0.02] * 18 + [0.5, 0.5]}, "livez from this machine takes 500 ms"),
        ({"there": [0.02] * 18 + [0.6, 20.0]}, "livez from another machine takes 600 ms"),
        ({"there": []}, "livez from another machine takes nan ms"),
        ({"relayed": [0.1, 0.43]}, "a relayed voice is 310 ms late"),
        ({"posted": [0.2, 20.0]}, "a posted voice is 19780 ms late"),
        ({"posted": []}, "a posted voice is nan ms late"),
        ({"longest_without_beat": 2.0}, "no beat for 2.00 s"),
        ({"frames_per_s": 17.9}, "17.9 frames/s where 20.0 can be"),
        ({"frames_per_s": math.nan}, "nan frames/s where 20.0 can be"),
    ],
)
def test_each_limit_is_told_by_itself(changed: dict[str, Any], fault: str) -> None:
    told = replace(CONTROL, **changed)
    assert broken(told, CONTROL) == [fault]
    assert row(told, CONTROL, [fault]).endswith(f"| {fault} |")


@pytest.mark.parametrize(
    ("changed", "fault"),
    [
        ({"here": [0.6] * 20}, "livez from this machine takes 600 ms"),
        ({"relayed": [20.0] * 3}, "a relayed voice takes 20000 ms"),
        ({"posted": []}, "a posted voice takes nan ms"),
        ({"longest_without_beat": 3.0}, "no beat for 3.00 s"),
        ({"frames_per_s": 0.0}, "no frames"),
    ],
)
def test_a_control_that_hardly_lives_excuses_nothing(changed: dict[str, Any], fault: str) -> None:
    assert f"already its control: {fault}" in broken(CONTROL, replace(CONTROL, **changed))


def test_a_machine_that_gets_slower_is_judged_by_what_it_does_now() -> None:
    """Each attack has its own control: the first one's would call all of these broken."""
    slower = replace(CONTROL, relayed=[0.6] * 3, posted=[0.7] * 3, frames_per_s=10.0)
    assert broken(slower, slower) == []
    assert len(broken(slower, CONTROL)) == 3


def test_a_twentieth_may_be_late() -> None:
    assert p95([1.0] * 95 + [9.0] * 5) == 1.0
    assert p95([1.0] * 94 + [9.0] * 6) == 9.0
    assert p95([2.0]) == 2.0


def test_every_row_has_the_columns_of_the_heading() -> None:
    first, rule = heading().splitlines()
    line = row(CONTROL, CONTROL, [])
    assert first.count("|") == rule.count("|") == line.count("|")
    begin = "| spinning | 20 ms, 30 ms | 200 ms, 300 ms | 120 ms, 220 ms | 1.00 s | 20.0 | 20.0 |"
    assert line.startswith(begin)
    assert line.endswith("| held |")
