# SPDX-License-Identifier: Apache-2.0
"""What the boards' compiler prints is given to the shaders that it was printed for.

Drawn by Mesa's software driver; the compiler's lines are written by the test.
"""

from __future__ import annotations

import pytest

from firmware.errors import FirmwareError
from shader_report import compile_shaders
from shader_report.compile_shaders import DRAWS, Listener
from splat_gles.display import open_display
from splat_gles.gl.api import gl
from splat_gles.gl.program import build_program
from splat_gles.gl.quad_pass import GPU

LINE = b"SHADER-DB: MESA_SHADER_FRAGMENT shader: said while linking\n"


@pytest.fixture
def said(tmp_path, monkeypatch):
    """A listener, and the file in which it reads; the driver says a line at every link."""
    path = tmp_path / "errors"
    with (
        path.open("wb", buffering=0) as errors,
        path.open("rb") as reader,
        open_display("offscreen", (64, 64)),
    ):
        link = gl.glLinkProgram

        def talkative(program: int) -> None:
            link(program)
            errors.write(b"MESA: something else\n" + LINE)

        # What the listener puts in their places is undone with these
        for name in DRAWS:
            monkeypatch.setattr(gl, name, getattr(gl, name))
        monkeypatch.setattr(gl, "glLinkProgram", talkative)
        listener = Listener(reader)
        listener.install()
        yield listener, errors


def test_a_line_belongs_to_the_program_that_was_linked(said) -> None:
    listener, _ = said
    build_program("splat.vert", "splat.frag", defines=GPU.defines)
    build_program("resolve.vert", "copy.frag")
    defines = {"PRECISION": "mediump", "CORNERS": "4", "CUBIC_EXP2": "0"}
    assert listener.rows == [
        {
            "line": LINE.decode().strip(),
            "shaders": {
                "vertex": {"shader": "splat.vert", "defines": defines},
                "fragment": {"shader": "splat.frag", "defines": defines},
            },
        },
        {
            "line": LINE.decode().strip(),
            "shaders": {
                "vertex": {"shader": "resolve.vert", "defines": {}},
                "fragment": {"shader": "copy.frag", "defines": {}},
            },
        },
    ]


def test_what_the_driver_compiles_for_itself_in_between_is_nobodys(said) -> None:
    listener, errors = said
    errors.write(LINE.replace(b"linking", b"reading pixels back"))
    build_program("resolve.vert", "copy.frag")
    assert [row["line"] for row in listener.rows] == [LINE.decode().strip()]


def test_a_shader_that_is_no_file_is_told(said, monkeypatch, tmp_path) -> None:
    monkeypatch.setattr(compile_shaders, "SHADERS", tmp_path)
    with pytest.raises(FirmwareError, match="uses a shader that is not a file of"):
        build_program("resolve.vert", "copy.frag")
