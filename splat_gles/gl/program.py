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
    if not _is_set(gl.GL_LINK_STATUS, program, gl.glGetProgramiv):
        log = _log(program, gl.glGetProgramiv, gl.glGetProgramInfoLog)
        gl.glDeleteProgram(program)
        raise _refusal(f"link {vertex} with {fragment}", log)
    return program


def _compile(name: str, kind: int, defines: Mapping[str, int | str]) -> int:
    version, _, body = (SHADERS / name).read_text("utf-8").partition("\n")
    lines = [version, *(f"#define {key} {value}" for key, value in defines.items()), "#line 2"]
    source = ctypes.c_char_p(("\n".join(lines) + "\n" + body).encode())
    shader = int(gl.glCreateShader(kind))
    gl.glShaderSource(shader, 1, ctypes.addressof(source), None)
    gl.glCompileShader(shader)
    if not _is_set(gl.GL_COMPILE_STATUS, shader, gl.glGetShaderiv):
        log = _log(shader, gl.glGetShaderiv, gl.glGetShaderInfoLog)
        gl.glDeleteShader(shader)
        raise _refusal(f"compile shaders/{name}", log)
    return shader


def _log(name: int, get_integer: Callable[..., None], get_log: Callable[..., None]) -> str:
    length = ctypes.c_int()
    get_integer(name, gl.GL_INFO_LOG_LENGTH, ctypes.addressof(length))
    text = ctypes.create_string_buffer(max(1, length.value))
    get_log(name, len(text), None, ctypes.addressof(text))
    return text.value.decode("utf-8", "replace").strip() or "no reason given"


def _is_set(status: int, name: int, get_integer: Callable[..., None]) -> bool:
    value = ctypes.c_int()
    get_integer(name, status, ctypes.addressof(value))
    return bool(value.value)


def _refusal(what: str, log: str) -> RenderError:
    return RenderError(
        f"the GPU driver cannot {what}: {log} "
        f"({gl.string(gl.GL_RENDERER)}, {gl.string(gl.GL_VERSION)}); update the driver"
    )
