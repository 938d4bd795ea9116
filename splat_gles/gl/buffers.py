# SPDX-License-Identifier: Apache-2.0
"""Buffer objects, and fences that say when the GPU has done with them."""

from __future__ import annotations

import ctypes

import numpy as np
from numpy.typing import NDArray

from splat_gles.gl.api import gl


def make_buffer(target: int, size: int, usage: int) -> int:
    """An empty buffer of `size` bytes; it is left bound to `target`."""
    name = ctypes.c_uint()
    gl.glGenBuffers(1, ctypes.addressof(name))
    gl.glBindBuffer(target, name.value)
    gl.glBufferData(target, size, None, usage)
    return name.value


def make_vertex_array() -> int:
    """A vertex array object; it is left bound."""
    name = ctypes.c_uint()
    gl.glGenVertexArrays(1, ctypes.addressof(name))
    gl.glBindVertexArray(name.value)
    return name.value


def delete(function: str, names: list[int]) -> None:
    """Call `glDelete…` of the given name on objects."""
    array = (ctypes.c_uint * len(names))(*names)
    getattr(gl, function)(len(names), ctypes.addressof(array))


class Fence:
    """A point in the stream of GL commands; signalled when all before it are done."""

    def __init__(self) -> None:
        self._sync: int | None = gl.glFenceSync(gl.GL_SYNC_GPU_COMMANDS_COMPLETE, 0)
        self._flush = gl.GL_SYNC_FLUSH_COMMANDS_BIT

    def signalled(self, timeout_s: float = 0.0) -> bool:
        """Whether the GPU has come past it, waiting at most `timeout_s` seconds."""
        if self._sync is None:
            return True
        state = gl.glClientWaitSync(self._sync, self._flush, max(0, int(timeout_s * 1e9)))
        # Flushing once is enough
        self._flush = 0
        if state == gl.GL_TIMEOUT_EXPIRED:
            return False
        # A failed wait (context lost) will never signal either: do not wait for it again
        self.delete()
        return True

    def delete(self) -> None:
        """Free it; from now on it counts as signalled."""
        if self._sync is not None:
            gl.glDeleteSync(self._sync)
            self._sync = None


class BufferRing:
    """Buffers of one size used in turn, so that none is written while the GPU reads it.

    Whoever writes has to see to it that the frame that used the same buffer `depth` frames ago
    is done.
    """

    def __init__(self, target: int, size: int, depth: int) -> None:
        self._target = target
        self.names = [make_buffer(target, size, gl.GL_STREAM_DRAW) for _ in range(depth)]

    def write(self, slot: int, data: NDArray[np.generic]) -> int:
        """Fill buffer `slot` from its start; it stays bound. Returns its name."""
        name = self.names[slot]
        gl.glBindBuffer(self._target, name)
        gl.glBufferSubData(self._target, 0, data.nbytes, data.ctypes.data)
        return name

    def delete(self) -> None:
        """Free the buffers."""
        delete("glDeleteBuffers", self.names)
