# SPDX-License-Identifier: Apache-2.0
"""The report of the boards' GPU compiler is of the shaders that are here, and whole."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import pytest

from splat_gles.board_gpus import BOARDS
from splat_gles.errors import SplatError
from splat_gles.gl.quad_pass import GPU
from splat_gles.shader_report import REPORT, SHADERS, bare, read_report, stale_shaders


def test_the_report_is_of_the_shaders_that_are_here() -> None:
    assert not stale_shaders(read_report()), (
        "these shaders changed since splat_gles/shader_report.json was made; renew it with "
        "`make shader-report` and commit it with them"
    )


def test_every_board_of_a_known_gpu_finds_its_gpu_in_the_report() -> None:
    assert {board.gpu for board in BOARDS.values()} <= read_report().gpus.keys()


@pytest.mark.parametrize("gpu", ["Mali-G52", "Mali-G57"])
def test_every_shader_that_runs_is_in_it_for_each_gpu(gpu: str) -> None:
    compiled = {(each.shader, each.stage) for each in read_report().gpus[gpu].shaders}
    fragments = {name for name, stage in compiled if stage == "fragment"}
    vertices = {name for name, stage in compiled if stage != "fragment"}
    assert fragments == {"splat.frag", "copy.frag", "enlarge.frag", "projection.frag"}
    assert vertices == {"splat.vert", "projection.vert", "resolve.vert"}


@pytest.mark.parametrize("gpu", ["Mali-G52", "Mali-G57"])
def test_no_shader_spills_its_registers(gpu: str) -> None:
    for each in read_report().gpus[gpu].shaders:
        assert (each.spills, each.fills) == (0, 0), f"{each.shader} on {gpu}"


def test_the_way_that_a_gpu_draws_is_in_it_and_costs_no_more_than_what_it_falls_back_to() -> None:
    for gpu in read_report().gpus.values():
        way = gpu.cycles("splat.frag", "fragment", gpu.lanes, GPU.defines)
        exact = replace(GPU, precision="highp")
        fallback = gpu.cycles("splat.frag", "fragment", gpu.lanes, exact.defines)
        assert max(way.values()) <= max(fallback.values())


@pytest.fixture
def shaders(tmp_path):
    return shutil.copytree(SHADERS, tmp_path / "shaders")


def test_a_changed_shader_makes_the_report_stale(shaders) -> None:
    path = shaders / "splat.frag"
    path.write_text(path.read_text().replace("0.99", "0.98"))
    assert stale_shaders(read_report(), shaders) == ["splat.frag"]


def test_a_new_and_a_removed_shader_make_it_stale(shaders) -> None:
    (shaders / "new.frag").write_text("void main() {}\n")
    (shaders / "copy.frag").unlink()
    assert stale_shaders(read_report(), shaders) == ["copy.frag", "new.frag"]


def test_comments_and_blank_space_do_not_count(shaders) -> None:
    path = shaders / "splat.frag"
    path.write_text(path.read_text() + "\n  /* of\ntwo lines */\n// one more\n\n")
    assert stale_shaders(read_report(), shaders) == []


def test_what_a_preprocessor_reads_line_by_line_stays_on_its_line() -> None:
    assert bare("#if A  // why\n\n  float  x;\n#endif\n") == "#if A\nfloat x;\n#endif"


def test_a_core_of_another_width_does_arithmetic_at_another_rate() -> None:
    gpu = read_report().gpus["Mali-G52"]
    wide, narrow = (gpu.cycles("splat.frag", "fragment", lanes) for lanes in (24, 16))
    assert narrow["arithmetic"] == pytest.approx(1.5 * wide["arithmetic"])
    assert narrow["varying"] == wide["varying"]


def test_a_shader_that_is_not_in_it_is_told_with_what_renews_it() -> None:
    with pytest.raises(SplatError, match=r"no vertex of new\.vert for Mali-G52; .*make shader-rep"):
        read_report().gpus["Mali-G52"].cycles("new.vert", "vertex", 16)


@pytest.mark.parametrize("damage", ["", "[]", "{}", '{"gpus": {"Mali-G52": 1}}', "\x00"])
def test_a_damaged_report_is_told_with_what_renews_it(tmp_path, damage: str) -> None:
    path = tmp_path / "report.json"
    path.write_text(damage)
    with pytest.raises(SplatError, match=r"not a shader report.*`make shader-report`"):
        read_report(path)


def test_a_report_whose_row_lacks_a_value_is_damaged(tmp_path) -> None:
    content = json.loads(REPORT.read_text())
    del content["gpus"]["Mali-G57"]["shaders"][0]["spills"]
    path = tmp_path / "report.json"
    path.write_text(json.dumps(content))
    with pytest.raises(SplatError, match="not a shader report"):
        read_report(path)
