# SPDX-License-Identifier: Apache-2.0
"""`make bench-alive` prints a figure for every state beside what people do."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import bench_alive
from alive_bench.human import MEASURES
from alive_bench.stage import State


def test_each_state_has_its_figures_and_people_stand_beside(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert bench_alive.main(["--minutes", "0.2"]) == 0
    told = capsys.readouterr()
    lines = [json.loads(line) for line in told.out.splitlines()]
    assert [line["state"] for line in lines] == [state.value for state in State]
    for line in lines:
        assert set(line) == {"state", *(measure.title for measure in MEASURES)}
        talks = "speak" in line["state"]
        assert (line["head beats a second"] is not None) == talks
        assert line["blinks a minute"] > 0
    for measure in MEASURES:
        assert measure.title in told.err
        assert measure.people in told.err
        assert measure.source in told.err


@pytest.mark.parametrize("minutes", ["0", "nan", "many", "1000"])
def test_a_length_that_makes_no_sense_is_refused(
    minutes: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        bench_alive.main(["--minutes", minutes])
    assert ended.value.code == 2
    assert "minutes" in capsys.readouterr().err


def test_an_avatar_that_cannot_be_read_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bench_alive.main([str(tmp_path / "none.avatar")]) == 1
    assert "none.avatar" in capsys.readouterr().err
