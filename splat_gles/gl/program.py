# SPDX-License-Identifier: Apache-2.0
"""Shader programs from the files under splat_gles/shaders."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from splat_gles.errors import RenderError
from splat_gles.gl.api import gl

SHADERS = Path(__file__).parent.parent / "shaders"


def build_program(
    vertex: str,
    fragment: str,
    *,
    defines: Mapping[str, int | str] | None = None,
    captured: Sequence[str] = (),
) -> int:
    """Compile and link two files of `shaders/`; returns the program's name.

    `defines` become `#define` lines behind the version line of both. `captured` are vertex
    outputs that transform feedback writes, interleaved. A RenderError holds the driver's own
    words.
    """
    program = int(gl.glCreateProgram())
    for name, kind in ((vertex, gl.GL_VERTEX_SHADER), (fragment, gl.GL_FRAGMENT_SHADER)):
        shader = _compile(name, kind, defines or {})
        gl.glAttachShader(program, shader)
        # Flagged now, freed with the program
        gl.glDeleteShader(shader)
    if captured:
        names = (ctypes.c_char_p * len(captured))(*(name.encode() for name in captured))
        gl.glTransformFeedbackVaryings(
            program, len(captured), ctypes.addressof(names), gl.GL_INTERLEAVED_ATTRIBS
        )
    gl.glLinkProgram(program)
    linked = ctypes.c_int()
    gl.glGetProgramiv(program, gl.GL_LINK_STATUS, ctypes.addressof(linked))
    if not linked.value:
        log = _log(program, gl.glGetProgramiv, gl.glGetProgramInfoLog)
        gl.glDeleteProgram(program)
        raise RenderError(
            f"the GPU driver cannot link {vertex} with {fragment}: {log} "
            f"({gl.string(gl.GL_RENDERER)}, {gl.string(gl.GL_VERSION)}); update the driver"
        )
    return program


def _compile(name: str, kind: int, defines: Mapping[str, int | str]) -> int:
    version, _, body = (SHADERS / name).read_text("utf-8").partition("\n")
    lines = [version, *(f"#define {key} {value}" for key, value in defines.items()), "#line 2"]
    source = ctypes.c_char_p(("\n".join(lines) + "\n" + body).encode())
    shader = int(gl.glCreateShader(kind))
    gl.glShaderSource(shader, 1, ctypes.addressof(source), None)
    gl.glCompileShader(shader)
    compiled = ctypes.c_int()
    gl.glGetShaderiv(shader, gl.GL_COMPILE_STATUS, ctypes.addressof(compiled))
    if not compiled.value:
        log = _log(shader, gl.glGetShaderiv, gl.glGetShaderInfoLog)
        gl.glDeleteShader(shader)
        raise RenderError(
            f"the GPU driver cannot compile shaders/{name}: {log} "
            f"({gl.string(gl.GL_RENDERER)}, {gl.string(gl.GL_VERSION)}); update the driver"
        )
    return shader


def _log(name: int, get_integer: Callable[..., None], get_log: Callable[..., None]) -> str:
    length = ctypes.c_int()
    get_integer(name, gl.GL_INFO_LOG_LENGTH, ctypes.addressof(length))
    text = ctypes.create_string_buffer(max(1, length.value))
    get_log(name, len(text), None, ctypes.addressof(text))
    return text.value.decode("utf-8", "replace").strip() or "no reason given"
