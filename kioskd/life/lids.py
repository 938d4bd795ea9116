# SPDX-License-Identifier: Apache-2.0
"""How the two lids move in one blink.

Down in 75 to 110 ms, shut for a moment, up in twice that and slowest at its end (Evinger, Manning
and Sibony 1991; VanderWerf et al. 2003; Caffier, Erdmann and Ullsperger 2003: 200 ms and more in
all). One in five is partial (McMonnies 2007: a tenth to a fifth of the spontaneous ones, more at
screens). The two eyes are never quite alike: one begins up to 12 ms before the other, and where
they do not shut, one comes further.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Final

from kioskd.life.easing import ease

_PARTIAL: Final = 0.2


@dataclass(frozen=True, slots=True)
class Blink:
    """`start` is when the first lid sets off; seconds down, shut and up; per eye (left, right) how
    long after `start` it begins and how far it shuts, 0 to 1."""

    start: float
    down_s: float
    shut_s: float
    up_s: float
    lag_s: tuple[float, float]
    depth: tuple[float, float]

    @property
    def end(self) -> float:
        """When both lids are open again."""
        return self.start + max(self.lag_s) + self.down_s + self.shut_s + self.up_s

    def at(self, now: float) -> tuple[float, float]:
        """How far the left and the right lid are shut, 0 to 1."""
        left, right = (
            depth * self._course(now - self.start - lag)
            for lag, depth in zip(self.lag_s, self.depth, strict=True)
        )
        return left, right

    def _course(self, seconds: float) -> float:
        if seconds < self.down_s:
            return ease(seconds / self.down_s)
        risen = (seconds - self.down_s - self.shut_s) / self.up_s
        if risen <= 0:
            return 1.0
        # Half open after two fifths of the time
        return 1.0 - ease(risen * (1.4 - 0.4 * risen)) if risen < 1 else 0.0


def drawn(start: float, chance: random.Random) -> Blink:
    """A blink that begins at `start`."""
    lag, first = chance.uniform(0.003, 0.012), chance.random() < 0.5
    depth = (1.0, 1.0)
    down, shut = chance.uniform(0.075, 0.11), chance.uniform(0.01, 0.04)
    if chance.random() < _PARTIAL:
        far = chance.uniform(0.45, 0.85)
        near = far * chance.uniform(0.86, 0.97)
        depth = (far, near) if chance.random() < 0.5 else (near, far)
        shut = 0.0
    return Blink(
        start,
        down,
        shut,
        down * chance.uniform(1.7, 2.3),
        (0.0, lag) if first else (lag, 0.0),
        depth,
    )
