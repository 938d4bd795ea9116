# SPDX-License-Identifier: Apache-2.0
"""The cost model gives its source's figures, and calibration replaces its guesses."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from splat_gles.bundle import write_bundle
from splat_gles.cli.main import main
from splat_gles.estimate import BOARDS, Rates, Work, board_cpu_s, board_rates, frame_time
from splat_gles.estimate_calibration import calibrate

PORTRAIT = (1080, 1920)


@pytest.mark.parametrize(
    ("splats", "fragments", "expected"),
    [
        # The table of the model's source: pessimistic, expected, optimistic fps on RK3576
        pytest.param(20_018, 28.9e6, (56, 83, 108), id="20k"),
        pytest.param(20_018, 57.8e6, (30, 45, 60), id="20k close"),
        pytest.param(60_000, 36.5e6, (41, 61, 79), id="60k"),
        pytest.param(100_000, 42.6e6, (34, 50, 64), id="100k"),
        pytest.param(140_000, 47.9e6, (29, 43, 54), id="140k"),
    ],
)
def test_the_model_gives_its_sources_figures(splats, fragments, expected) -> None:
    work = Work(splats, fragments, PORTRAIT, board_cpu_s(splats))
    rates = board_rates(BOARDS["rk3576"], PORTRAIT)
    assert [frame_time(work, rate).fps for rate in rates] == pytest.approx(expected, rel=0.03)


@pytest.mark.parametrize(("board", "fill"), [("rk3576", 3.0e9), ("g88", 2.2e9), ("8189", 2.8e9)])
def test_fill_rates_expected_of_the_boards(board: str, fill: float) -> None:
    assert board_rates(BOARDS[board], PORTRAIT)[1].fill == pytest.approx(fill, rel=0.02)


def test_a_lower_resolution_paints_less_but_has_to_be_enlarged() -> None:
    work = Work(20_000, 28.9e6, PORTRAIT, 0.0)
    rates = board_rates(BOARDS["rk3576"], PORTRAIT)[1]
    full, half = frame_time(work, rates), frame_time(work, rates, 0.5)
    assert half.fragments_ms == pytest.approx(full.fragments_ms / 4, rel=0.15)
    assert half.fragments_ms > full.fragments_ms / 4, "small quads have more helper pixels"
    assert (full.enlarging_ms, half.enlarging_ms) == (0.0, pytest.approx(2.6))
    assert half.vertices_ms == full.vertices_ms


def test_the_slower_of_cpu_and_gpu_counts() -> None:
    work = Work(1000, 1e6, PORTRAIT, 0.020)
    rates = Rates(fill=1e9, splats=1e8, fixed_s=0.001)
    assert frame_time(work, rates).fps == pytest.approx(50)
    assert frame_time(replace(work, fragments=100e6), rates).fps < 11


def test_calibration_measures_this_device() -> None:
    slow, middle, fast = calibrate((135, 240))
    assert 0 < slow.fill <= middle.fill <= fast.fill < 1e12
    assert 0 < slow.splats <= middle.splats <= fast.splats < 1e11
    assert 0 < middle.fixed_s < 1


@pytest.fixture
def bundle(small_avatar, tmp_path):
    path = tmp_path / "small.avatar"
    write_bundle(small_avatar, path, source="made up")
    return path


@pytest.mark.parametrize("name", [*BOARDS, "G88", "RK3576"])
def test_a_board_is_told_as_an_estimate(bundle, capsys, name: str) -> None:
    assert main(["estimate", str(bundle), "--board", name]) == 0
    told = capsys.readouterr().out
    assert f"ESTIMATE for {BOARDS[name.lower()].title}" in told
    assert "not measured on a board" in told
    assert "1080x1920, camera bust" in told
    for row in re.findall(r"fps at scale .*", told):
        pessimistic, expected, optimistic = map(float, row.split()[-3:])
        assert 0 < pessimistic <= expected <= optimistic
    assert len(re.findall(r"fps at scale", told)) == 5


def test_calibrating_at_the_command_line(bundle, capsys) -> None:
    assert main(["estimate", str(bundle), "--calibrate", "--size", "90x160"]) == 0
    told = capsys.readouterr().out
    assert re.search(r"ESTIMATE for this device \(.*\w.*\), from rates measured on it", told)
    assert "not measured on a board" not in told


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        pytest.param([], "--board --calibrate", id="neither"),
        pytest.param(["--board", "pi"], "invalid choice: 'pi'", id="unknown board"),
        pytest.param(["--board", "g88", "--calibrate"], "not allowed with", id="both"),
        pytest.param(["--board", "g88", "--size", "0x0"], "16 to 8192", id="no size"),
    ],
)
def test_bad_input_is_told_in_a_line(bundle, capsys, arguments, complaint) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["estimate", str(bundle), *arguments])
    assert stopped.value.code == 2
    told = capsys.readouterr().err
    assert told.startswith("error: ")
    assert complaint in told
