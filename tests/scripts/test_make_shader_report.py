# SPDX-License-Identifier: Apache-2.0
"""What the boards' compiler prints is read as it was meant, and what is missing is told."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

import make_shader_report
from firmware.errors import FirmwareError
from firmware.steps import Progress
from make_shader_report import main
from shader_report import mesa
from shader_report.shaderdb import defines_of, is_shaderdb, parse_line
from splat_gles.shader_report import read_report

BIFROST = (
    "SHADER-DB: MESA_SHADER_FRAGMENT shader: 23 inst, 15 tuples, 4 clauses, 0.625000 cycles, "
    "0.541667 arith, 0.000000 texture, 0.625000 vary, 0.000000 ldst, 18 quadwords, 2 threads, "
    "0 preloads, 0 loops, 0:0 spills:fills"
)
VALHALL = (
    "SHADER-DB: MESA_SHADER_VERTEX shader: 301 inst, 17.000000 cycles, 2.300000 fma, "
    "1.500000 cvt, 0.625000 sfu, 0.000000 v, 1.000000 t, 17.000000 ls, 151 quadwords, "
    "1 threads, 1 loops, 3:5 spills:fills"
)


def test_a_bifrosts_line() -> None:
    printed = parse_line(BIFROST)
    assert printed.stage == "fragment"
    assert printed.values == {
        "instructions": 23,
        "cycles": {"arithmetic": 0.541667, "texture": 0.0, "varying": 0.625, "load_store": 0.0},
        "code_bytes": 288,
        "registers": 32,
        "loops": 0,
        "spills": 0,
        "fills": 0,
    }


def test_a_valhalls_line() -> None:
    printed = parse_line(VALHALL)
    assert printed.stage == "vertex"
    assert printed.values["cycles"] == {
        "arithmetic": 2.3,
        "convert": 1.5,
        "special": 0.625,
        "texture": 1.0,
        "varying": 0.0,
        "load_store": 17.0,
    }
    assert printed.values["registers"] == 64
    assert (printed.values["loops"], printed.values["spills"], printed.values["fills"]) == (1, 3, 5)


def test_varyings_that_are_loaded_before_a_shader_starts_count_as_varyings() -> None:
    preloading = BIFROST.replace("0.625000 vary", "0.125000 vary").replace(
        "0 preloads", "8 preloads"
    )
    assert parse_line(preloading).values["cycles"]["varying"] == pytest.approx(0.625)


@given(st.one_of(st.text(), st.text().map("SHADER-DB: ".__add__), st.sampled_from(BIFROST.split())))
def test_any_other_line_is_refused_in_words(line: str) -> None:
    with pytest.raises(FirmwareError, match="not of a known form"):
        parse_line(line)


@given(st.integers(0, len(BIFROST) - 1))
def test_a_line_cut_anywhere_is_refused_or_whole(cut: int) -> None:
    with pytest.raises(FirmwareError, match="not of a known form"):
        parse_line(BIFROST[:cut])


def test_only_the_compilers_lines_are_taken() -> None:
    assert is_shaderdb(BIFROST)
    assert not is_shaderdb("MESA: warning: something else\n")


def test_what_the_renderer_defined_is_told_apart_from_the_file() -> None:
    source = "#version 300 es\n#define A 1\n#define PRECISION mediump\n#line 2\n#define X\nvoid"
    assert defines_of(source) == ({"A": "1", "PRECISION": "mediump"}, "#define X\nvoid")


def test_missing_tools_are_told_with_the_command_that_brings_them(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(mesa, "_PATH", str(tmp_path))
    with pytest.raises(
        FirmwareError, match=r"missing: .*meson.*install_packages\.sh shader-report"
    ):
        mesa.Mesa(tmp_path / "made", Progress()).make()
    assert not (tmp_path / "made").exists()


TOOLS = {
    "apt-config": "exit 0",
    "apt-get": 'case "$1" in source) echo >mesa_1.2-3.dsc ;; esac',
    "dpkg-source": 'mkdir "$4"',
    "meson": 'mkdir "$2" && echo >"$2/build.ninja"',
    "ninja": """
        echo "[1/4] Compiling one.c"
        [ -e "$2/stopped" ] || { echo >"$2/stopped"; echo "two.c:7: no such thing"; exit 1; }
        echo "[4/4] Linking all of it"
    """,
}


@pytest.fixture
def tools(tmp_path, monkeypatch):
    """Stand for Debian's tools, and write down which of them ran; ninja fails once."""
    folder = tmp_path / "tools"
    folder.mkdir()
    log = tmp_path / "log"
    for name, text in TOOLS.items():
        (folder / name).write_text(f'#!/bin/sh -e\necho {name} $1 >>"{log}"\n{text}\n')
        (folder / name).chmod(0o755)
    for name in mesa.TOOLS:
        if name not in TOOLS:
            (folder / name).write_text("#!/bin/sh\n")
            (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    monkeypatch.setattr(mesa, "_PATH", f"{folder}:/usr/bin:/bin")
    monkeypatch.setattr(mesa, "KEYRING", folder)

    def ran() -> list[str]:
        lines = log.read_text().splitlines()
        log.unlink()
        return lines

    return ran


def test_a_build_that_stopped_is_told_and_goes_on_where_it_was(tools, tmp_path, capsys) -> None:
    made = mesa.Mesa(tmp_path / "made", Progress())
    with pytest.raises(FirmwareError, match=r"(?s)ninja, exit status 1.*two\.c:7: no such thing"):
        made.make()
    assert "built 25 %" in capsys.readouterr().err
    assert [line.split()[0] for line in tools()] == [
        "apt-config", "apt-get", "apt-get", "dpkg-source", "meson", "ninja",
    ]  # fmt: skip
    assert made.make() == "1.2-3"
    assert tools() == ["ninja -C"]
    assert "built 100 %" in capsys.readouterr().err
    assert made.make() == "1.2-3"
    assert capsys.readouterr().err == ""


def test_the_report_is_shown_without_building_anything(capsys) -> None:
    assert main(["--show"]) == 0
    told = capsys.readouterr().out
    for shader in ("splat.frag", "projection.vert", "enlarge.frag"):
        assert shader in told
    assert read_report().compiler in told
    assert read_report().commit in told


def test_a_stale_report_is_shown_and_is_a_failure(capsys, monkeypatch) -> None:
    monkeypatch.setattr(make_shader_report, "stale_shaders", lambda _: ["splat.frag"])
    assert main(["--show"]) == 1
    told = capsys.readouterr()
    assert "splat.frag" in told.out
    assert told.err == "error: changed since: splat.frag; renew it with `make shader-report`\n"


def test_its_help_teaches() -> None:
    told = subprocess.run(
        [sys.executable, make_shader_report.__file__, "--help"], capture_output=True, text=True
    )
    assert told.returncode == 0
    assert "cycles by unit" in told.stdout
