# SPDX-License-Identifier: Apache-2.0
"""Third stage on the GPU, where there is an offscreen buffer: its picture to the back buffer.

At full resolution pixel by pixel, otherwise enlarged with a bicubic filter; only the avatar's
part of the screen. The values are rounded to 8 bits and not dithered:
splat_gles/README.md, Why it is done so.
"""

from __future__ import annotations

from splat_gles.gl.api import gl
from splat_gles.gl.program import build_program


class ResolvePass:
    """Draws texture unit 2 into the region of the block `Frame`."""

    def __init__(self) -> None:
        self._copy = _program("copy.frag")
        self._enlarge = _program("enlarge.frag")

    def draw(self, scale: float) -> None:
        """Overwrite the region's pixels in the current framebuffer."""
        gl.glUseProgram(self._copy if scale == 1.0 else self._enlarge)
        gl.glDrawArrays(gl.GL_TRIANGLE_STRIP, 0, 4)

    def delete(self) -> None:
        """Free the programs."""
        gl.glDeleteProgram(self._copy)
        gl.glDeleteProgram(self._enlarge)


def _program(fragment: str) -> int:
    program = build_program("resolve.vert", fragment)
    gl.glUseProgram(program)
    gl.glUniform1i(gl.glGetUniformLocation(program, b"drawn"), 2)
    gl.glUniformBlockBinding(program, gl.glGetUniformBlockIndex(program, b"Frame"), 0)
    return program
