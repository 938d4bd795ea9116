# SPDX-License-Identifier: Apache-2.0
"""The cost model takes what the GPU's compiler says, and calibration replaces its guesses."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from firmware.boards import board_names
from splat_gles.board_gpus import BOARDS, NO_ESTIMATE, Board
from splat_gles.bundle import write_bundle
from splat_gles.cli.main import main
from splat_gles.estimate import (
    Cycles,
    Rates,
    Work,
    board_cpu_s,
    board_cycles,
    board_rates,
    frame_time,
)
from splat_gles.estimate_calibration import calibrate
from splat_gles.gl.quad_pass import GPU
from splat_gles.measured_rates import MeasuredError, read_measured
from splat_gles.shader_report import CompiledFor, CompiledShader, ShaderReport, read_report

PORTRAIT = (1080, 1920)


def made_up(name: str, lanes: int, **splat_frag: float) -> CompiledFor:
    """A GPU whose compiler says round figures."""

    way = {name: str(value) for name, value in GPU.defines.items()}

    def row(shader: str, stage: str, **cycles: float) -> CompiledShader:
        return CompiledShader(shader, stage, way, 10, cycles, 160, 32, 0, 0, 0)

    return CompiledFor(
        name,
        lanes,
        (
            row("splat.frag", "fragment", **splat_frag),
            row("projection.vert", "vertex", load_store=17.0, arithmetic=8.0),
            row("splat.vert", "position", load_store=3.0),
            row("splat.vert", "varying", load_store=8.0),
            row("enlarge.frag", "fragment", arithmetic=3.0),
        ),
    )


def cycles_of(board: Board, **splat_frag: float) -> Cycles:
    gpu = made_up(board.gpu, 24, **splat_frag)
    return board_cycles(board, ShaderReport("", "", "", {}, {board.gpu: gpu}))


def test_the_slowest_unit_of_a_core_as_wide_as_the_boards_counts() -> None:
    board = BOARDS["rk3576"]
    narrow = cycles_of(board, arithmetic=0.5, varying=0.625)
    assert (narrow.fragment, narrow.bound_by) == (0.75, "arithmetic")
    wide = cycles_of(replace(board, lanes=24), arithmetic=0.5, varying=0.625)
    assert (wide.fragment, wide.bound_by) == (0.625, "varying")


def test_no_shader_blends_faster_than_two_pixels_a_clock_and_core() -> None:
    found = cycles_of(BOARDS["rk3576"], arithmetic=0.1, varying=0.2)
    assert (found.fragment, found.bound_by) == (0.5, "blending")


def test_a_splats_vertices_are_its_projection_with_its_loop_and_four_corners() -> None:
    found = cycles_of(BOARDS["rk3576"], varying=0.625)
    assert found.splat == pytest.approx(17 + 14.5 + 4 * (3 + 8))
    assert found.enlarged == pytest.approx(3.0 * 24 / 16)


def test_rates_are_the_reports_cycles_at_the_boards_clock() -> None:
    for board in BOARDS.values():
        cycles = board_cycles(board, read_report())
        expected = board_rates(board, PORTRAIT)[1]
        clock = board.cores * board.gigahertz * 1e9 * 0.7
        assert expected.fill == pytest.approx(clock / cycles.fragment)
        assert expected.splats == pytest.approx(clock / cycles.splat)
        assert expected.enlarged == pytest.approx(clock / cycles.enlarged)


def test_every_board_has_an_estimate_or_a_reason_for_none() -> None:
    assert sorted([*BOARDS, *NO_ESTIMATE]) == board_names()
    assert all(board.known_from and board.assumed for board in BOARDS.values())


def test_a_lower_resolution_paints_less_but_has_to_be_enlarged() -> None:
    work = Work(20_000, 28.9e6, PORTRAIT, 0.0)
    rates = board_rates(BOARDS["rk3576"], PORTRAIT)[1]
    full, half = frame_time(work, rates), frame_time(work, rates, 0.5)
    assert half.fragments_ms == pytest.approx(full.fragments_ms / 4, rel=0.15)
    assert half.fragments_ms > full.fragments_ms / 4, "small quads have more helper pixels"
    assert full.enlarging_ms == 0.0
    assert half.enlarging_ms == pytest.approx(1080 * 1920 / rates.enlarged * 1e3)
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
    printed = capsys.readouterr().out
    assert max(map(len, printed.splitlines())) <= 100
    told = re.sub(r"\n {4}(?=\S)", " ", printed)
    assert f"ESTIMATE for {BOARDS[name.lower()].title}" in told
    assert "not measured on a board" in told
    assert "1080x1920, camera bust" in told
    for row in re.findall(r"fps at scale .*", told):
        pessimistic, expected, optimistic = map(float, row.split()[-3:])
        assert 0 < pessimistic <= expected <= optimistic
    assert len(re.findall(r"fps at scale", told)) == 5
    report = read_report()
    assert f"by {report.compiler}, {report.date}, shaders of commit {report.commit}" in told
    assert BOARDS[name.lower()].known_from in told
    assert f"assumed: {BOARDS[name.lower()].assumed}" in told


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("s565", "no public source says what chip the S565 is"),
        ("S565", "its GPU is unknown"),
        ("qemu-virt", "software rasteriser draws on an emulated processor"),
    ],
)
def test_a_board_without_an_estimate_says_why(bundle, capsys, name: str, reason: str) -> None:
    assert main(["estimate", str(bundle), "--board", name]) == 1
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith(f"error: no estimate for {name.lower()}: ")
    assert reason in told.err
    assert "--calibrate" in told.err


def test_calibrating_at_the_command_line(bundle, capsys) -> None:
    assert main(["estimate", str(bundle), "--calibrate", "--size", "90x160"]) == 0
    told = capsys.readouterr().out
    assert re.search(r"ESTIMATE for this device \(.*\w.*\), from rates measured on it", told)
    assert "not measured on a board" not in told


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        pytest.param([], "--board --calibrate --measured", id="neither"),
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


def measured_file(tmp_path: Path, **changes: object) -> Path:
    """What `kioskctl bench` could keep; made up, measured nowhere."""
    screen = {
        "width": 1080,
        "height": 1920,
        "gl_renderer": "Mali-G52",
        "software": False,
        "fill_pixels_per_s": [1_000_000_000, 2_000_000_000, 4_000_000_000],
        "splats_per_s": [20_000_000, 30_000_000, 40_000_000],
        "fixed_ms": 2.0,
    } | changes
    avatars = [{"splats": 20_000, "cpu_ms": 8.0}]
    path = tmp_path / "benchmark.json"
    told = {
        "format": 1,
        "board": "rk3576",
        "measured_at": "2026-01-02T03:04:05Z",
        "parts": {
            "graphics": {"status": "measured", "problem": "", "figures": screen},
            "avatars": {"status": "measured", "problem": "", "figures": {"avatars": avatars}},
        },
    }
    path.write_text(json.dumps(told))
    return path


def test_what_was_measured_takes_the_place_of_guesses(bundle, tmp_path, capsys) -> None:
    path = measured_file(tmp_path)
    assert main(["estimate", str(bundle), "--measured", str(path)]) == 0
    told = capsys.readouterr().out
    assert "ESTIMATE from rates measured on rk3576 (Mali-G52), 2026-01-02T03:04:05Z:" in told
    assert re.search(r"G fragments a second +1\.00 +2\.00 +4\.00", told)
    assert re.search(r"M splats a second +20\.0 +30\.0 +40\.0", told)
    measured = read_measured(path)
    assert measured.cpu_s(20_000) == pytest.approx(0.008)
    growth = board_cpu_s(60_000) / board_cpu_s(20_000)
    assert measured.cpu_s(60_000) == pytest.approx(0.008 * growth)
    assert measured.rates_at((540, 960))[1].fixed_s == pytest.approx(0.0005)


def test_a_software_driver_is_told_as_one(bundle, tmp_path, capsys) -> None:
    path = measured_file(tmp_path, gl_renderer="llvmpipe\x1b[2J", software=True)
    assert main(["estimate", str(bundle), "--measured", str(path)]) == 0
    assert "(llvmpipe\ufffd[2J, a software driver)" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (None, "`kioskctl bench` makes it"),
        ("", "is not what `kioskctl bench` keeps"),
        ("[]", "is not what `kioskctl bench` keeps"),
        ("[" * 100_000, "is not what `kioskctl bench` keeps"),
        ('{"format": 2}', "has format 2"),
        (
            '{"format": 1, "parts": {"graphics": {"status": "failed", "problem": "no screen"}}}',
            "graphics was not measured (no screen)",
        ),
    ],
)
def test_a_result_that_cannot_be_used_is_told(bundle, tmp_path, capsys, content, complaint) -> None:
    path = tmp_path / "odd.json"
    if content is not None:
        path.write_text(content)
    assert main(["estimate", str(bundle), "--measured", str(path)]) != 0
    assert complaint in capsys.readouterr().err


@pytest.mark.parametrize("odd", [0, -1, 1e300, True, "5", None, [], float("nan")])
def test_a_rate_that_is_none_is_refused(tmp_path, odd) -> None:
    for name in ("width", "fixed_ms", "fill_pixels_per_s"):
        value = [odd] * 3 if name == "fill_pixels_per_s" else odd
        with pytest.raises(MeasuredError, match="measure again"):
            read_measured(measured_file(tmp_path, **{name: value}))
