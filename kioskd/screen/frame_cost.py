# SPDX-License-Identifier: Apache-2.0
"""What a frame costs, apart from waiting for the screen: the governor's measure.

Three ways, the best that there is. Offscreen the loop waits for each frame anyway: from its
beginning to its end. With a screen, where the driver has a clock of use: the GPU's own time,
or the CPU's if that is longer, for the two overlap. With a screen and no such clock: every
eighth frame is made with an idle GPU and waited for before it is flipped, so that its time is
its own; the others are not measured, for the wait costs the overlap. A driver whose clock times
none of some seconds' frames is taken to have none.
"""

from __future__ import annotations

import logging
from typing import Final

from splat_gles.gl import frame_timer
from splat_gles.gl.frame_timer import FrameTimer

logger = logging.getLogger(__name__)

_ALONE_EVERY: Final = 8
_UNTIMED: Final = 120
"""Frames in a row; a result is there after one or two."""


class CostMeter:
    """Measures with the current context; `offscreen` as the display's driver is."""

    def __init__(self, offscreen: bool) -> None:
        self._offscreen = offscreen
        self._timer = FrameTimer() if not offscreen and frame_timer.available() else None
        self._frames = 0
        self._untimed = 0
        self._cpu_s = 0.0

    def alone(self) -> bool:
        """Whether the next frame must have the GPU for itself; ask once per frame."""
        self._frames += 1
        return not self._offscreen and self._timer is None and self._frames % _ALONE_EVERY == 0

    def drawing(self) -> None:
        """The frame's first command comes next."""
        if self._timer is not None:
            self._timer.begin()

    def drawn(self, cpu_s: float) -> None:
        """All commands are given; making them took `cpu_s` of this thread."""
        self._cpu_s = cpu_s
        if self._timer is not None:
            self._timer.end()

    def cost(self, whole_s: float | None) -> float | None:
        """Seconds that a finished frame cost, None if it was not measured.

        `whole_s` is from its beginning to its end where the loop waited for that.
        """
        if self._timer is None:
            return whole_s
        gpu_s = self._timer.take()
        if gpu_s is not None:
            self._untimed = 0
            return max(gpu_s, self._cpu_s)
        self._untimed += 1
        if self._untimed == _UNTIMED:
            logger.warning(
                "the GPU's clock has timed none of %d frames: every eighth is timed from outside",
                _UNTIMED,
                extra={"code": "gpu_clock_silent"},
            )
            self.close()
            self._timer = None
        return None

    def close(self) -> None:
        """Free the GPU's queries."""
        if self._timer is not None:
            self._timer.delete()
