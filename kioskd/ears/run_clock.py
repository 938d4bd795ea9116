# SPDX-License-Identifier: Apache-2.0
"""When each sample of a run left the sound card, from its counter's coarse readings.

A reading is late by up to a period and never early, so the best of half a second is taken
(`kioskd.audio.clock` does the same for the lips, where a millisecond does not matter; here it
would be heard as echo). What is then left of the scatter is evened out over some seconds. How
fast the card's crystal really runs is learned over all of its runs: a single one may be short.
"""

from __future__ import annotations

from collections import deque
from statistics import median
from typing import Final

_BUCKET_S: Final = 0.5
_BUCKETS: Final = 10
"""The offset is the middle one of the best readings of so many buckets."""

_SCATTER_S: Final = 2e-4
"""What is left of a bucket's scatter where the counter moves in steps of 10 ms."""

_CRYSTAL: Final = 1e-4
"""How far crystals may be off, before anything was measured; cheap ones reach three times this."""

_FASTEST: Final = 1e-3
"""No card runs faster than its rate by more than this; a reading that does is wrong."""


class Crystal:
    """How much faster a card runs than its rate says: 1e-6 is one part in a million.

    A line through each run's offsets, all with one slope: `learn` takes one offset more, `next_run`
    begins another line. `scatter_s` is how far an offset is from it.
    """

    def __init__(self, scatter_s: float = _SCATTER_S) -> None:
        self._weight = (scatter_s / _CRYSTAL) ** 2
        self._sum = 0.0
        self.next_run()

    @property
    def error(self) -> float:
        """The estimate, 0 before anything was measured."""
        return self._sum / self._weight

    def next_run(self) -> None:
        """What comes now is measured from another beginning."""
        self._count, self._moment, self._offset = 0, 0.0, 0.0

    def learn(self, moment: float, offset: float) -> None:
        """So many seconds into the run it was ahead of its rate by `offset` seconds."""
        self._count += 1
        away = moment - self._moment
        self._moment += away / self._count
        ahead = offset - self._offset
        self._offset += ahead / self._count
        self._weight += away * (moment - self._moment)
        self._sum += away * (offset - self._offset)


class RunClock:
    """The time line of one run that began at `began` (monotonic): nothing is heard before."""

    def __init__(self, began: float, crystal: Crystal) -> None:
        self._began = began
        self._crystal = crystal
        self._crystal.next_run()
        self._best: deque[tuple[float, float]] = deque(maxlen=_BUCKETS)
        self._bucket = 0.0

    def read(self, played_s: float, at: float) -> None:
        """A reading: seconds played at that moment, perhaps a period more."""
        since = at - self._began
        offset = min(played_s - since, _FASTEST * since)
        if not self._best or since - self._bucket > _BUCKET_S:
            if self._best:
                self._crystal.learn(*self._best[-1])
            self._bucket = since
            self._best.append((since, offset))
        elif offset > self._best[-1][1]:
            self._best[-1] = (since, offset)

    def position(self, at: float) -> float:
        """Seconds of the run that have left the card at `at`; below 0 before its beginning."""
        since, error = at - self._began, self._crystal.error
        if not self._best:
            return since
        return since + median(offset + error * (since - then) for then, offset in self._best)
