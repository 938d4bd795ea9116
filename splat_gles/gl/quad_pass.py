# SPDX-License-Identifier: Apache-2.0
"""Second stage on the GPU: blend every splat's quad over what is there (splat.vert, splat.frag).

One instanced draw, back to front, no texture fetch, no depth, no discard. What is fast differs:

* A GPU gets quads: of the shapes that Mali's drivers do not pad (they round the vertices of an
  instance up to a multiple of four) the one that costs fill-bound GPUs least. Fragments are
  computed in 16 bits (mediump), which costs nothing that is seen (87 dB), with its own exp2.
* Mesa's software driver pays for triangles more than for pixels: there a splat is one triangle
  (5 to 9 % less CPU time a frame). It emulates 16-bit floats at three times the price of a whole
  frame: there they have 32. And its exp2 takes more steps than a cubic (6 % of a frame).

What a driver turns out to draw wrongly is found by gl/quad_trial.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

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


@dataclass(frozen=True, slots=True)
class QuadWay:
    """How quads are drawn: `corners` 3 or 4, `precision` of fragments, exp2 by a cubic or not.

    `batch` is how many instances one call may draw, 0 for as many as there are.
    """

    corners: int
    precision: Literal["mediump", "highp"]
    cubic_exp2: bool
    batch: int = 0

    @property
    def defines(self) -> dict[str, int | str]:
        """What splat.vert and splat.frag are compiled with."""
        return {
            "PRECISION": self.precision,
            "CORNERS": self.corners,
            "CUBIC_EXP2": int(self.cubic_exp2),
        }

    def __str__(self) -> str:
        exp2 = "a cubic" if self.cubic_exp2 else "the driver's own exp2"
        calls = f"{self.batch} at a time" if self.batch else "all at once"
        return f"{self.precision} with {exp2}, {calls}"


SOFTWARE: Final = QuadWay(3, "highp", True)
GPU: Final = QuadWay(4, "mediump", False)


class QuadPass:
    """Draws the `splats` quads of `buffer` in the given way.

    Raises RenderError where the driver refuses its shaders.
    """

    def __init__(self, buffer: int, splats: int, way: QuadWay) -> None:
        self._corners = way.corners
        self._program = build_program("splat.vert", "splat.frag", defines=way.defines)
        # ES 3.0 has no first instance: each batch has pointers of its own
        batch = way.batch or max(1, splats)
        self._batches = [
            (_quads_from(buffer, first), min(batch, splats - first))
            for first in range(0, max(1, splats), batch)
        ]

    def draw(self) -> None:
        """Blend into the current framebuffer."""
        gl.glUseProgram(self._program)
        for array, instances in self._batches:
            gl.glBindVertexArray(array)
            gl.glDrawArraysInstanced(gl.GL_TRIANGLE_STRIP, 0, self._corners, instances)

    def delete(self) -> None:
        """Free everything on the GPU; the buffer is its maker's."""
        delete("glDeleteVertexArrays", [array for array, _ in self._batches])
        gl.glDeleteProgram(self._program)


def _quads_from(buffer: int, first: int) -> int:
    array = make_vertex_array()
    gl.glBindBuffer(gl.GL_ARRAY_BUFFER, buffer)
    for location, components, kind, normalised, offset in _LAYOUT:
        gl.glEnableVertexAttribArray(location)
        place = first * QUAD_BYTES + offset
        gl.glVertexAttribPointer(
            location, components, getattr(gl, kind), normalised, QUAD_BYTES, place
        )
        gl.glVertexAttribDivisor(location, 1)
    return array
