# SPDX-License-Identifier: Apache-2.0
"""What is wrong with the sound itself, dead or clipped; and its level.

It only looks; a microphone that is clipped or dead is heard all the same.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from typing import Final

import numpy as np

from kioskd.ears.resampling import Sound

WINDOW_S: Final = 10
"""Whole seconds that are looked back on."""

SILENT: Final = 10 ** (-90 / 20)
"""Root mean square below which nothing is recorded: one step of 16 bits. A room has 1000 times it
through any microphone."""
_FULL: Final = 0.9995
_CLIPPED_SHARE: Final = 1e-3
_FLOOR_DB: Final = -120.0


@dataclass(slots=True)
class _Second:
    count: int = 0
    power: float = 0.0
    clipped: int = 0

    @property
    def level(self) -> float:
        return math.sqrt(self.power / self.count)


class SignalWatch:
    """Of one stream at `rate`."""

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._seconds: deque[_Second] = deque(maxlen=WINDOW_S)
        self._now = _Second()

    def look(self, captured: Sound, centred: Sound) -> None:
        """Take what came next, as it was captured and around zero."""
        now = self._now
        now.count += len(captured)
        now.power += float(np.dot(centred, centred))
        if captured.max() >= _FULL or captured.min() <= -_FULL:
            now.clipped += int(np.count_nonzero(np.abs(captured) >= _FULL))
        if now.count >= self._rate:
            self._seconds.append(now)
            self._now = _Second()

    @property
    def level_db(self) -> float | None:
        """Of the last second, dB below full scale; None before the first is over."""
        if not self._seconds:
            return None
        return max(20 * math.log10(max(self._seconds[-1].level, 1e-9)), _FLOOR_DB)

    @property
    def silent_s(self) -> int:
        """Seconds of silence until now."""
        silent = 0
        for second in reversed(self._seconds):
            if second.level >= SILENT:
                break
            silent += 1
        return silent

    @property
    def reason(self) -> str | None:
        """A stable code for what is wrong; it goes by itself."""
        if self.silent_s >= WINDOW_S:
            return "microphone_silent"
        if not self._seconds:
            return None
        count = sum(second.count for second in self._seconds)
        if sum(second.clipped for second in self._seconds) > _CLIPPED_SHARE * count:
            return "microphone_clipped"
        return None
