# SPDX-License-Identifier: Apache-2.0
"""When each captured frame was at the microphone, smoothly.

A reading (so many frames had been captured at that moment) is late by up to a period or a transfer
and, where the machine is busy, by more, but never early: less than was captured is counted, never
more. So the true line is the upper edge of the readings, as for playback. That edge moves in small
steps; a loop of second order follows it, so that consecutive frames are 10 ms apart but for the
card's drift, which it learns. It follows within about two seconds, at first at once.
"""

from __future__ import annotations

import math
from typing import Final

from kioskd.audio.clock import RecentMaximum

_GAIN: Final = 1 / 200
"""Share of a frame's distance from the edge that the next is moved by: two seconds of frames."""
_DRIFT_GAIN: Final = _GAIN**2 / 4
_LEAST_GAIN_BEFORE: Final = 20
"""Frames until the loop weighs them: the first are averaged."""
_JUMP_S: Final = 0.05
"""An edge that is this far away is not drift: the loop begins anew."""
_MOST_DRIFT: Final = 0.01


class StreamClock:
    """Of one stream from its beginning; a new one for what begins anew."""

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._edge = RecentMaximum()
        self._at: float | None = None
        self._frame = 0.0
        self._drift = 0.0
        self._count = 0

    def take(self, frames: int, at: float) -> None:
        """So many frames had been captured at this moment (monotonic seconds)."""
        self._edge.take(frames / self._rate - at, at)

    @property
    def known(self) -> bool:
        """Whether any reading was taken."""
        return math.isfinite(self._edge.value)

    @property
    def edge(self) -> float:
        """Seconds captured less the monotonic time, as far as is known; its slope is the drift."""
        return self._edge.value

    def seen(self, frames: float) -> float:
        """When so many frames had been captured, as far as is known; minus infinity at first."""
        return frames / self._rate - self._edge.value if self.known else -math.inf

    def time_of(self, frame: float) -> float:
        """When this frame was captured (monotonic); frames are asked for in their order."""
        measured = self.seen(frame)
        if self._at is None:
            predicted = measured
        else:
            predicted = self._at + (frame - self._frame) / self._rate * (1 + self._drift)
        error = measured - predicted
        if abs(error) > _JUMP_S:
            predicted, error, self._count, self._drift = measured, 0.0, 0, 0.0
        self._count += 1
        gain = max(1 / self._count, _GAIN)
        if self._count > _LEAST_GAIN_BEFORE:
            drift = self._drift + error * _DRIFT_GAIN * self._rate / max(frame - self._frame, 1.0)
            self._drift = min(max(drift, -_MOST_DRIFT), _MOST_DRIFT)
        self._at, self._frame = predicted + gain * error, frame
        return self._at
