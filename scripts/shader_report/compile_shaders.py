# SPDX-License-Identifier: Apache-2.0
"""Draws frames in each of the renderer's ways, and writes down what the compiler says of each.

Runs as a process of its own, `python -m shader_report.compile_shaders OUT`, under the Mesa that
`mesa.py` built and its device that draws nothing. Standard error is kept in a file, because it is
there that the compiler prints; after every link and draw call what is new belongs to the program
in use. The renderer is the one that runs on a board, so its variants are a board's.
"""

from __future__ import annotations

import ctypes
import json
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO, Final

from firmware.errors import FirmwareError
from shader_report.shaderdb import defines_of, is_shaderdb
from splat_gles import camera
from splat_gles.bundle import read_bundle
from splat_gles.display import open_display
from splat_gles.gl.api import gl
from splat_gles.quality import RenderQuality
from splat_gles.renderer import Renderer
from splat_gles.rig import Rig
from splat_gles.shader_report import SHADERS

AVATAR: Final = Path(__file__).resolve().parents[2] / "config/avatars/default-20k.avatar"
SIZE: Final = (1080, 1920)
QUALITIES: Final = (
    RenderQuality(),
    RenderQuality(scale=0.75),
    RenderQuality(mode="quality"),
    RenderQuality(scale=0.75, mode="quality"),
)
DRAWS: Final = ("glDrawArrays", "glDrawArraysInstanced", "glDrawElements")


class Listener:
    """Gives each line of the compiler to the program that was linked or drawn with."""

    def __init__(self, errors: BinaryIO) -> None:
        self._errors = errors
        self.rows: list[dict[str, Any]] = []

    def install(self) -> None:
        """Listen from now on; a context must be current."""
        programs = dict.fromkeys(DRAWS, _current_program) | {"glLinkProgram": _first}
        for name, program in programs.items():
            setattr(gl, name, self._listening(getattr(gl, name), program))

    def _listening(
        self, call: Callable[..., Any], program: Callable[..., int]
    ) -> Callable[..., Any]:
        def listened(*arguments: int) -> Any:
            # Until now it was the driver's own: reading pixels back draws too
            self._new_lines()
            result = call(*arguments)
            self._take(program(*arguments))
            return result

        return listened

    def _take(self, program: int) -> None:
        if printed := self._new_lines():
            names = {kind: _identify(shader) for kind, shader in _shaders(program).items()}
            self.rows += [{"line": line, "shaders": names} for line in printed]

    def _new_lines(self) -> list[str]:
        lines = [line.decode("utf-8", "replace") for line in self._errors]
        return [line.strip() for line in lines if is_shaderdb(line)]


def _first(program: int, *_: int) -> int:
    return program


def _current_program(*_: int) -> int:
    return int(gl.integer(gl.GL_CURRENT_PROGRAM))


def _shaders(program: int) -> dict[str, int]:
    """The program's two shaders by kind."""
    names = (ctypes.c_uint * 2)()
    count = ctypes.c_int()
    gl.glGetAttachedShaders(program, 2, ctypes.addressof(count), ctypes.addressof(names))
    found = {}
    for name in names[: count.value]:
        kind = ctypes.c_int()
        gl.glGetShaderiv(name, gl.GL_SHADER_TYPE, ctypes.addressof(kind))
        found["fragment" if kind.value == gl.GL_FRAGMENT_SHADER else "vertex"] = name
    return found


def _identify(shader: int) -> dict[str, Any]:
    """Which file a shader is, and what was defined for it."""
    length = ctypes.c_int()
    gl.glGetShaderiv(shader, gl.GL_SHADER_SOURCE_LENGTH, ctypes.addressof(length))
    text = ctypes.create_string_buffer(max(1, length.value))
    gl.glGetShaderSource(shader, len(text), None, ctypes.addressof(text))
    defines, body = defines_of(text.value.decode())
    for path in SHADERS.iterdir():
        if path.read_text("utf-8").partition("\n")[2] == body:
            return {"shader": path.name, "defines": defines}
    raise FirmwareError(f"the renderer uses a shader that is not a file of {SHADERS}:\n{body}")


def compile_all(out: Path) -> None:
    """Draw, and write driver and rows to `out` as JSON."""
    avatar = read_bundle(AVATAR)
    rig = Rig(avatar)
    eye = camera.bust(avatar.framing, SIZE)
    parameters = rig.neutral()
    parameters.weights[:] = 0.1
    pose = rig.pose(parameters)
    own_errors = os.dup(2)
    with tempfile.TemporaryFile() as errors:
        os.dup2(errors.fileno(), 2)
        # A place of its own in the file: the compiler writes at the end, this reads behind
        with Path(f"/proc/self/fd/{errors.fileno()}").open("rb") as reader:
            listener = Listener(reader)
            try:
                with open_display("offscreen", SIZE):
                    listener.install()
                    with Renderer(avatar, SIZE) as renderer:
                        driver = renderer.gl_strings["renderer"]
                        for quality in QUALITIES:
                            renderer.set_quality(quality)
                            renderer.draw(pose, eye)
            finally:
                os.dup2(own_errors, 2)
    out.write_text(json.dumps({"driver": driver, "rows": listener.rows}))


if __name__ == "__main__":
    compile_all(Path(sys.argv[1]))
