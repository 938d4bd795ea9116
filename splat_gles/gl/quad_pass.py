# SPDX-License-Identifier: Apache-2.0
"""Second stage on the GPU: blend every splat's quad over what is there (splat.vert, splat.frag).

One instanced draw of four corners, back to front, no texture fetch, no depth, no discard. Four
because Mali's drivers pad the vertices of an instance to a multiple of four.
"""

from __future__ import annotations

from splat_gles.gl.api import gl
from splat_gles.gl.buffers import delete, make_vertex_array
from splat_gles.gl.program import build_program
from splat_gles.gl.projection_pass import QUAD_BYTES

_LAYOUT = (
    # Location, components, type's name, normalised, offset: as captured from prepass.vert
    (0, 2, "GL_FLOAT", False, 0),
    (1, 4, "GL_HALF_FLOAT", False, 8),
    (2, 4, "GL_UNSIGNED_BYTE", True, 16),
)


class QuadPass:
    """Draws the `splats` quads of `buffer`; `precision` is "mediump" or "highp"."""

    def __init__(self, buffer: int, splats: int, precision: str) -> None:
        self._splats = splats
        self._program = build_program("splat.vert", "splat.frag", defines={"PRECISION": precision})
        self._array = make_vertex_array()
        gl.glBindBuffer(gl.GL_ARRAY_BUFFER, buffer)
        for location, components, kind, normalised, offset in _LAYOUT:
            gl.glEnableVertexAttribArray(location)
            gl.glVertexAttribPointer(
                location, components, getattr(gl, kind), normalised, QUAD_BYTES, offset
            )
            gl.glVertexAttribDivisor(location, 1)

    def draw(self) -> None:
        """Blend into the current framebuffer."""
        gl.glUseProgram(self._program)
        gl.glBindVertexArray(self._array)
        gl.glDrawArraysInstanced(gl.GL_TRIANGLE_STRIP, 0, 4, self._splats)

    def delete(self) -> None:
        """Free everything on the GPU; the buffer is its maker's."""
        delete("glDeleteVertexArrays", [self._array])
        gl.glDeleteProgram(self._program)
