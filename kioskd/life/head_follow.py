# SPDX-License-Identifier: Apache-2.0
"""The head that comes along when the eyes look far away.

The head takes no part in a gaze of a few degrees and 0.45 of what goes beyond: 30 % at 15 degrees,
34 % at 20 (Stahl 1999: people begin at 10 to 20 and differ widely), and less than half as much up
or down: a head does the less the more upright the way is (Freedman and Sparks 1997, of monkeys, who
give no share for ways as short as these). It begins 40 ms after the eyes, whose lead is 20 to 50 ms
(Bizzi, Kalil and Tagliasco 1971; Guitton and Volle 1987), and takes some tenths of a second, as
heads do.

Each move is a minimum-jerk one of its own (Flash and Hogan 1985) and they add up, so speed and
acceleration have no jumps, a new look amid a move included.
"""

from __future__ import annotations

import math
from typing import Final

from kioskd.life.easing import minimum_jerk

_FREE: Final = 5.0
_SHARE: Final = 0.45
_UPWARDS: Final = 0.4
"""Of the share, where the eyes go straight up or down."""

_LAG_S: Final = 0.04
_SLOWEST_S: Final = 0.75

Place = tuple[float, float]


class HeadFollow:
    """Degrees to the left and up that the head is turned for the eyes' sake."""

    def __init__(self) -> None:
        self._done: Place = (0.0, 0.0)
        self._goal: Place = (0.0, 0.0)
        self._moves: list[tuple[float, float, Place]] = []

    def follow(self, at: float, gaze: Place) -> None:
        """The eyes go there, degrees to the left and up, from `at` on; in the order of time."""
        far = math.hypot(*gaze)
        share = _SHARE * max(far - _FREE, 0.0) / far if far else 0.0
        goal = share * gaze[0], _UPWARDS * share * gaze[1]
        move = goal[0] - self._goal[0], goal[1] - self._goal[1]
        degrees = math.hypot(*move)
        if degrees < 0.05:
            return
        self._goal = goal
        seconds = min(0.3 + 0.035 * degrees, _SLOWEST_S)
        self._moves.append((at + _LAG_S, seconds, move))

    def at(self, now: float) -> Place:
        """Where the head is; times must not go backwards."""
        while self._moves and now >= self._moves[0][0] + self._moves[0][1]:
            _, _, move = self._moves.pop(0)
            self._done = self._done[0] + move[0], self._done[1] + move[1]
        left, up = self._done
        for start, seconds, move in self._moves:
            part = minimum_jerk((now - start) / seconds)
            left, up = left + part * move[0], up + part * move[1]
        return left, up
