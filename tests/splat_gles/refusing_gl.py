# SPDX-License-Identifier: Apache-2.0
"""OpenGL that refuses or miscounts on purpose; whatever is left alone is the real driver's.

Each takes a monkeypatch and changes `splat_gles.gl.api.gl`, the one way to the driver.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Collection, Mapping

import pytest

from splat_gles.gl.api import gl

VERTEX_COUNT = 3
"""Which argument of glDrawArraysInstanced says how many instances."""


def replace_call(patch: pytest.MonkeyPatch, name: str, call: Callable[..., object]) -> None:
    """Have `call` answer in place of GL's function, which it is given first."""
    real = getattr(gl, name)
    patch.setitem(vars(gl), name, lambda *arguments: call(real, *arguments))


def pretend_renderer(patch: pytest.MonkeyPatch, name: str = "Mali-G52") -> None:
    """So that what is chosen for a GPU is chosen here."""
    real = gl.string
    patch.setattr(gl, "string", lambda what: name if what == gl.GL_RENDERER else real(what))


def refuse_formats(patch: pytest.MonkeyPatch, formats: Collection[int]) -> None:
    """No texture of these can be made: GL_INVALID_ENUM, and so no framebuffer."""

    def storage(real: Callable[..., None], *arguments: int) -> None:
        real(*arguments[:2], 0x1234 if arguments[2] in formats else arguments[2], *arguments[3:])

    replace_call(patch, "glTexStorage2D", storage)


def lower_limits(patch: pytest.MonkeyPatch, limits: Mapping[int, int]) -> None:
    """glGetIntegerv answers with these; a limit of two numbers has twice the same."""

    def integers(real: Callable[..., None], name: int, address: int) -> None:
        real(name, address)
        if name in limits:
            both = 2 if name == gl.GL_MAX_VIEWPORT_DIMS else 1
            for each in range(both):
                ctypes.c_int.from_address(address + 4 * each).value = limits[name]

    replace_call(patch, "glGetIntegerv", integers)


def limit_instances(patch: pytest.MonkeyPatch, most: int) -> list[int]:
    """Instances beyond `most` of a call are not drawn. Returns what is asked for from now on."""
    asked: list[int] = []

    def draw(real: Callable[..., None], *arguments: int) -> None:
        asked.append(arguments[VERTEX_COUNT])
        real(*arguments[:VERTEX_COUNT], min(most, arguments[VERTEX_COUNT]))

    replace_call(patch, "glDrawArraysInstanced", draw)
    return asked


def spoil_shaders(patch: pytest.MonkeyPatch, change: Callable[[str], str]) -> list[str]:
    """The compiler sees `change(source)`. Returns the sources as they were given."""
    given: list[str] = []

    def source(
        real: Callable[..., None], shader: int, count: int, address: int, lengths: int | None
    ) -> None:
        text = (ctypes.c_char_p.from_address(address).value or b"").decode()
        given.append(text)
        changed = ctypes.c_char_p(change(text).encode())
        real(shader, count, ctypes.addressof(changed), lengths)

    replace_call(patch, "glShaderSource", source)
    return given
