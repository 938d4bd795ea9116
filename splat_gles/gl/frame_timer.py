# SPDX-License-Identifier: Apache-2.0
"""How long the GPU worked on a frame, by its own clock, without waiting for it.

GL_EXT_disjoint_timer_query, which panfrost has where the kernel exposes timestamps and vendors'
drivers mostly have; `available` says. Of the extension only the query's target is needed: the
queries themselves are core in ES 3.0, and their 32-bit results in nanoseconds hold 4 s. A
result is there a frame or two later and is fetched then. Mesa's llvmpipe has the extension but
measures a third of the time that a frame takes, and nonsense at a context's first one: there a
fence tells more.
"""

from __future__ import annotations

import ctypes
from collections import deque
from typing import Final

from splat_gles.gl.api import gl
from splat_gles.gl.buffers import delete

_TIME_ELAPSED: Final = 0x88BF
_GPU_DISJOINT: Final = 0x8FBB
_SATURATED: Final = 0xFFFFFFFF
_DEPTH: Final = 4


def available() -> bool:
    """Whether the driver of the current context has the extension, and its clock is of use."""
    if "llvmpipe" in gl.string(gl.GL_RENDERER):
        return False
    return "GL_EXT_disjoint_timer_query" in gl.string(gl.GL_EXTENSIONS).split()


class FrameTimer:
    """Call `begin` and `end` around a frame's commands, `take` for the results."""

    def __init__(self) -> None:
        names = (ctypes.c_uint * _DEPTH)()
        gl.glGenQueries(_DEPTH, ctypes.addressof(names))
        self._free = deque(names)
        self._asked: deque[int] = deque()
        self._open = 0
        # Asking clears it: what was disjoint before does not matter
        gl.integer(_GPU_DISJOINT)

    def begin(self) -> None:
        """The frame's first command comes next; not measured while all queries are in use."""
        self._open = self._free.popleft() if self._free else 0
        if self._open:
            gl.glBeginQuery(_TIME_ELAPSED, self._open)

    def end(self) -> None:
        """The frame's last command has been given."""
        if self._open:
            gl.glEndQuery(_TIME_ELAPSED)
            self._asked.append(self._open)
            self._open = 0

    def take(self) -> float | None:
        """Seconds of the oldest frame not yet taken, None if it is not known yet."""
        value = ctypes.c_uint()
        while self._asked:
            query = self._asked[0]
            gl.glGetQueryObjectuiv(query, gl.GL_QUERY_RESULT_AVAILABLE, ctypes.addressof(value))
            if not value.value:
                return None
            gl.glGetQueryObjectuiv(query, gl.GL_QUERY_RESULT, ctypes.addressof(value))
            self._free.append(self._asked.popleft())
            # A change of clock in between makes the figure meaningless
            if not gl.integer(_GPU_DISJOINT) and value.value != _SATURATED:
                return value.value * 1e-9
        return None

    def delete(self) -> None:
        """Free the queries."""
        delete("glDeleteQueries", [*self._free, *self._asked])
