# SPDX-License-Identifier: Apache-2.0
"""First stage on the GPU: pose and project every splat once (shaders/projection.vert).

Results stay on the GPU: transform feedback, core in OpenGL ES 3.0, writes them to a buffer that
the second stage reads as attributes. Compute shaders would need 3.1 and could not feed from
storage buffers what a Mali's vertex stage reads.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from splat_gles.avatar import Float32
from splat_gles.gl.api import gl
from splat_gles.gl.buffers import delete, make_buffer
from splat_gles.gl.program import build_program
from splat_gles.gl.splat_texture import make_delta_texture, make_splat_texture

QUAD_BYTES = 20
"""Centre (2 floats), axes and strength (4 halves), colour (4 bytes)."""


class ProjectionPass:
    """Writes a quad for each of `texels` (N,3,4) to `buffer`, in the order that is bound.

    `deltas` (B,T,3) metres move the first T. Texture units 0 and 1 are this stage's.
    """

    def __init__(self, texels: NDArray[np.uint32], deltas: Float32, joints: int) -> None:
        self._splats = len(texels)
        targets, touched, _ = deltas.shape
        self._program = build_program(
            "projection.vert",
            "projection.frag",
            defines={"JOINTS": joints, "TARGETS": max(1, targets)},
            captured=("centre", "axes", "color"),
        )
        gl.glUseProgram(self._program)
        gl.glUniform1i(gl.glGetUniformLocation(self._program, b"splats"), 0)
        gl.glUniform1i(gl.glGetUniformLocation(self._program, b"deltas"), 1)
        gl.glUniform1i(gl.glGetUniformLocation(self._program, b"touched"), touched)
        gl.glUniformBlockBinding(
            self._program, gl.glGetUniformBlockIndex(self._program, b"Frame"), 0
        )
        gl.glActiveTexture(gl.GL_TEXTURE1)
        self._textures = [make_delta_texture(deltas)]
        gl.glActiveTexture(gl.GL_TEXTURE0)
        self._textures.append(make_splat_texture(texels))
        self.buffer = make_buffer(
            gl.GL_ARRAY_BUFFER, max(1, self._splats) * QUAD_BYTES, gl.GL_DYNAMIC_COPY
        )

    def run(self) -> None:
        """Project; the frame's data must have been sent."""
        gl.glUseProgram(self._program)
        gl.glBindBufferBase(gl.GL_TRANSFORM_FEEDBACK_BUFFER, 0, self.buffer)
        gl.glEnable(gl.GL_RASTERIZER_DISCARD)
        gl.glBeginTransformFeedback(gl.GL_POINTS)
        gl.glDrawArrays(gl.GL_POINTS, 0, self._splats)
        gl.glEndTransformFeedback()
        gl.glDisable(gl.GL_RASTERIZER_DISCARD)
        # A buffer still bound for feedback must not be read as vertices
        gl.glBindBufferBase(gl.GL_TRANSFORM_FEEDBACK_BUFFER, 0, 0)

    def delete(self) -> None:
        """Free everything on the GPU."""
        delete("glDeleteTextures", self._textures)
        delete("glDeleteBuffers", [self.buffer])
        gl.glDeleteProgram(self._program)
