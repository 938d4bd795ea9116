# SPDX-License-Identifier: Apache-2.0
"""How loud it is where no visitor speaks: what a visitor's voice has to stand above.

The ears keep two: one of the room while the kiosk is silent, one of what cleaning leaves of the
kiosk's own voice. Each is the median over twenty seconds of its kind of a second's mean power:
bursts weigh as much as they are loud, and a visitor who is not (yet) known to speak spoils a few
seconds out of twenty. Frames known to be speech are left out by whoever feeds it.
"""

from __future__ import annotations

from collections import deque
from statistics import median
from typing import Final

import numpy as np

from kioskd.ears.frames import Samples

QUIETEST_DB: Final = -90.0
"""Of 16-bit samples: less is digital silence."""

_SECONDS: Final = 20
_FRAMES: Final = 100


def power_of(samples: Samples) -> float:
    """Mean power, full scale is 1."""
    scaled = samples.astype(np.float32) / 32768
    return float(np.dot(scaled, scaled)) / max(len(samples), 1)


def decibels(power: float) -> float:
    """Of a power, QUIETEST_DB at least."""
    return max(10 * float(np.log10(power + 1e-12)), QUIETEST_DB)


class Background:
    """`db`: dB below full scale; `assumed_db` until a second of it was heard."""

    def __init__(self, assumed_db: float) -> None:
        self.db = assumed_db
        self._seconds: deque[float] = deque(maxlen=_SECONDS)
        self._sum = 0.0
        self._count = 0

    def add(self, power: float) -> None:
        """A frame of 10 ms without speech."""
        self._sum += power
        self._count += 1
        if self._count == _FRAMES:
            self._seconds.append(self._sum / _FRAMES)
            self._sum, self._count = 0.0, 0
            self.db = decibels(median(self._seconds))
