# SPDX-License-Identifier: Apache-2.0
"""Keeps what was played a little ahead of its echo, whatever the loudspeaker's path does.

The canceller's filter is not long, and it must learn anew what moves: so the reference is held back
by the delay that was measured but for a margin, and the rest is led to that margin by a control
loop, which also learns by how much the path's clock drifts: that of a screen or a wireless
loudspeaker shows in no time stamp. A delay that two measurements agree in and that is far from
where it was is taken over at once.
"""

from __future__ import annotations

from typing import Final

from kioskd.ears.loop_delay import LoopMeasurement
from kioskd.ears.settings import FRAME_S

MARGIN_S: Final = 0.015
"""So far the reference is ahead: a filter can only look back, and clocks jitter. Where the loop is
shorter, what will be played is known by then: frames come later than that from a microphone, and
are written sooner to a sound card."""

_NEAR_S: Final = 0.003
"""Measurements this close are of one and the same way."""

_PULL: Final = 0.3
"""Of a distance to the margin so much is made up in a second."""

_LEARN: Final = 0.04
"""Of a distance so much a second becomes drift: the loop is critically damped."""

_STEP_S: Final = 1e-3
"""A distance counts as no more than this: it may be another way's peak."""

_DRIFT_S: Final = 3e-4
"""A longer distance tells nothing of the drift: it was there from the beginning."""

_SOONEST_S: Final = -0.01
"""Nothing is heard before it is played; this much is the clocks'."""

_MOST_DRIFT: Final = 5e-4
"""Clocks differ by less."""


class Alignment:
    """Holds the reference back; used by the ears' thread only."""

    def __init__(self, loop_s: float | None) -> None:
        """`loop_s`: the loop's delay as it was known before, to begin with."""
        self.hold_s = (loop_s or 0.0) - MARGIN_S
        self._drift = 0.0
        self._pull = 0.0
        self._doubted: float | None = None

    def pass_frame(self) -> tuple[float, float]:
        """For how long the reference is held back where a frame begins, and where it ends."""
        begin = self.hold_s
        self.hold_s = begin + (self._drift + self._pull) * FRAME_S
        return begin, self.hold_s

    def follow(self, measured: LoopMeasurement) -> float | None:
        """Take a measurement against the reference as it is held back.

        The loop's delay in seconds where it is believed: near where it was, or twice the same.
        """
        strongest, direct = measured.strongest_s, measured.direct_s
        if strongest is None or direct is None:
            self._pull, self._doubted = 0.0, None
            return None
        away = strongest - MARGIN_S
        if abs(away) <= _NEAR_S:
            step = min(max(away, -_STEP_S), _STEP_S)
            self._pull = _PULL * step
            if abs(away) <= _DRIFT_S:
                self._drift = min(max(self._drift + _LEARN * away, -_MOST_DRIFT), _MOST_DRIFT)
            self._doubted = None
            return self.hold_s + direct
        self._pull = 0.0
        loop_s = self.hold_s + strongest
        if loop_s < _SOONEST_S:
            return None
        if self._doubted is None or abs(loop_s - self._doubted) > _NEAR_S:
            self._doubted = loop_s
            return None
        self._doubted = None
        self.hold_s = loop_s - MARGIN_S
        return loop_s - strongest + direct
