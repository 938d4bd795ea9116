# SPDX-License-Identifier: Apache-2.0
"""How much of the kiosk's own voice the canceller takes away, whoever else speaks meanwhile.

A tenth of a second is looked at as one. Only those count in which the kiosk's voice is loud in the
room, and of these the louder half: in a quiet one there is nothing to be taken away. A visitor who
talks over it makes the reduction look small, so the middle one of some ten seconds is told, which
holds while less than half of them are talked over. What is heard while the kiosk is silent, noise
that is nobody's echo, is taken off both sides.
"""

from __future__ import annotations

import math
from collections import deque
from statistics import median
from typing import Final

import numpy as np

from kioskd.ears.frames import Samples

_BLOCK: Final = 10
"""Frames looked at as one."""

_BLOCKS: Final = 100
"""Ten seconds of own voice."""

_ENOUGH: Final = 20
"""Blocks of own voice before anything is told."""

_AUDIBLE: Final = 4.0
"""Own voice is heard in the room where it has this many times the power of the noise."""

_MOST_DB: Final = 60.0
"""What 16 bits can tell."""

Power = tuple[float, float]
"""As it was recorded and as it was cleaned."""


class EchoReduction:
    """Takes frames in their order; used by the ears' thread only."""

    def __init__(self) -> None:
        self._own: deque[Power] = deque(maxlen=_BLOCKS)
        self._other: deque[Power] = deque(maxlen=_BLOCKS)
        self._block: list[tuple[Power, bool, bool]] = []
        self.decibels: float | None = None

    def hear(self, recorded: Samples, cleaned: Samples, *, loud: bool, own: bool) -> None:
        """A frame; `loud`: own voice is to be heard in it, `own`: or may be, as an echo of it."""
        power = (_power(recorded), _power(cleaned))
        self._block.append((power, loud, own))
        if len(self._block) < _BLOCK:
            return
        mean = (
            sum(before for (before, _), _, _ in self._block) / _BLOCK,
            sum(after for (_, after), _, _ in self._block) / _BLOCK,
        )
        if all(loud for _, loud, _ in self._block):
            self._own.append(mean)
            self.decibels = self._reduction()
        elif not any(own for _, _, own in self._block):
            self._other.append(mean)
        self._block.clear()

    def _reduction(self) -> float | None:
        if len(self._own) < _ENOUGH:
            return None
        noise_before, noise_after = self._noise()
        middle = median(before for before, _ in self._own)
        if middle <= _AUDIBLE * noise_before:
            return None
        left = median(
            max(after - noise_after, 0.0) / (before - noise_before)
            for before, after in self._own
            if before >= middle
        )
        return min(-10 * math.log10(left), _MOST_DB) if left > 0 else _MOST_DB

    def _noise(self) -> Power:
        """The quieter part of what is heard without own voice: others may speak in the rest."""
        if not self._other:
            return 0.0, 0.0
        quiet = len(self._other) // 5
        before = sorted(before for before, _ in self._other)[quiet]
        return before, sorted(after for _, after in self._other)[quiet]


def _power(samples: Samples) -> float:
    sound = samples.astype(np.float32)
    return float(sound @ sound)
