# SPDX-License-Identifier: Apache-2.0
"""A few rows of the picture just drawn, fetched when the GPU is done: nobody waits.

The rows are copied into a buffer of the GPU behind the frame's own commands, and read from
there once the frame's fence is signalled.
"""

from __future__ import annotations

import ctypes
from typing import Final

import numpy as np
from numpy.typing import NDArray

from splat_gles.camera import Size
from splat_gles.errors import RenderError
from splat_gles.gl.api import gl
from splat_gles.gl.buffers import delete, make_buffer

ROWS: Final = 8
"""Evenly spread over the middle half of the picture, which a face fills."""


class PixelRows:
    """Rows of the back buffer of `size` (width, height) pixels."""

    def __init__(self, size: Size) -> None:
        self._width, height = size
        self._places = [height // 4 + height * row // (2 * ROWS) for row in range(ROWS)]
        self._bytes = ROWS * self._width * 4
        self._buffer = make_buffer(gl.GL_PIXEL_PACK_BUFFER, self._bytes, gl.GL_STREAM_READ)
        gl.glBindBuffer(gl.GL_PIXEL_PACK_BUFFER, 0)

    def request(self) -> None:
        """Copy the rows: after drawing, before the display's flip."""
        gl.glBindBuffer(gl.GL_PIXEL_PACK_BUFFER, self._buffer)
        gl.glPixelStorei(gl.GL_PACK_ALIGNMENT, 4)
        for row, y in enumerate(self._places):
            gl.glReadPixels(
                0, y, self._width, 1, gl.GL_RGBA, gl.GL_UNSIGNED_BYTE, row * self._width * 4
            )
        gl.glBindBuffer(gl.GL_PIXEL_PACK_BUFFER, 0)

    def take(self) -> NDArray[np.uint8]:
        """The rows requested last, (ROWS, width, 3), lowest first.

        Waits unless that frame's fence is signalled. Raises RenderError where OpenGL has
        reported an error since the last look, such as a lost context.
        """
        gl.glBindBuffer(gl.GL_PIXEL_PACK_BUFFER, self._buffer)
        address = gl.glMapBufferRange(gl.GL_PIXEL_PACK_BUFFER, 0, self._bytes, gl.GL_MAP_READ_BIT)
        if address:
            data = ctypes.string_at(address, self._bytes)
            gl.glUnmapBuffer(gl.GL_PIXEL_PACK_BUFFER)
        gl.glBindBuffer(gl.GL_PIXEL_PACK_BUFFER, 0)
        gl.check("looking at the picture")
        if not address:
            raise RenderError("the GPU driver does not return a buffer; update the driver")
        return np.frombuffer(data, np.uint8).reshape(ROWS, self._width, 4)[:, :, :3]

    def delete(self) -> None:
        """Free the buffer."""
        delete("glDeleteBuffers", [self._buffer])
