# SPDX-License-Identifier: Apache-2.0
"""Second stage on the GPU: blend every splat's quad over what is there (splat.vert, splat.frag).

One instanced draw, back to front, no texture fetch, no depth, no discard. What is fast differs:

* A GPU gets quads: of the shapes that Mali's drivers do not pad (they round the vertices of an
  instance up to a multiple of four) the one that costs fill-bound GPUs least. Fragments are
  computed in 16 bits (mediump), which costs nothing that is seen (87 dB), with its own exp2.
* Mesa's software driver pays for triangles more than for pixels: there a splat is one triangle
  (5 to 9 % less CPU time a frame). It emulates 16-bit floats at three times the price of a whole
  frame: there they have 32. And its exp2 takes more steps than a cubic (6 % of a frame).
"""

from __future__ import annotations

from typing import Literal

from splat_gles.gl.api import gl
from splat_gles.gl.buffers import delete, make_vertex_array
from splat_gles.gl.program import build_program
from splat_gles.gl.projection_pass import QUAD_BYTES

_LAYOUT = (
    # Location, components, type's name, normalised, offset: as captured from projection.vert
    (0, 2, "GL_FLOAT", False, 0),
    (1, 4, "GL_HALF_FLOAT", False, 8),
    (2, 4, "GL_UNSIGNED_BYTE", True, 16),
)


class QuadPass:
    """Draws the `splats` quads of `buffer`.

    `tuning` is "gpu" or "software": which of the two ways above.
    """

    def __init__(self, buffer: int, splats: int, tuning: Literal["gpu", "software"]) -> None:
        self._splats = splats
        software = tuning == "software"
        self._corners = 3 if software else 4
        defines: dict[str, int | str] = {
            "PRECISION": "highp" if software else "mediump",
            "CORNERS": self._corners,
            "CUBIC_EXP2": int(software),
        }
        self._program = build_program("splat.vert", "splat.frag", defines=defines)
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
        gl.glDrawArraysInstanced(gl.GL_TRIANGLE_STRIP, 0, self._corners, self._splats)

    def delete(self) -> None:
        """Free everything on the GPU; the buffer is its maker's."""
        delete("glDeleteVertexArrays", [self._array])
        gl.glDeleteProgram(self._program)
