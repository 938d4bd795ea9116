# SPDX-License-Identifier: Apache-2.0
"""How long it takes from the sound card back to the microphone, by ear.

Two seconds of what was played and of what was recorded are laid over each other by their phases
alone (generalised cross-correlation with phase transform, Knapp and Carter 1976), which makes a
peak of each way that the sound takes, however loud. The first way that is nearly as strong as the
strongest is the direct one. A visitor, noise and an overdriven loudspeaker only lower the peaks:
what does not stand out is not told.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from kioskd.ears.frames import Samples
from kioskd.ears.settings import FRAME, RATE

_WINDOW: Final = 200
"""Frames that are compared: 2 s."""

_EVERY: Final = 100
"""Frames between two comparisons."""

_LOUD: Final = 0.4
"""A window says something where own voice is loud in this part of it."""

_EARLIEST_S: Final = -0.5
_LATEST_S: Final = 1.2
"""Delays that are looked for; one that was assumed too long comes out negative."""

_BAND: Final = (200.0, 5000.0)
"""Hertz in which a voice has enough power that its phase is its own."""

_STANDS_OUT: Final = 9.0
"""A peak counts from this many times the scatter on: of 27,000 delays the highest chance one
reaches five. Two voices that have nothing to do with each other reach it now and then: what
two comparisons agree in is believed (`kioskd.ears.alignment`)."""

_DIRECT: Final = 0.6
"""The direct way's peak is at least this part of the highest."""

_BEFORE_S: Final = 0.004
"""The direct way is at most this much shorter than the strongest: a metre. Further
off lies the pitch of a voice, which repeats itself."""


@dataclass(frozen=True, slots=True)
class LoopMeasurement:
    """One comparison. `direct_s`: the delay of the first way, `strongest_s`: of the strongest, from
    what was played to what was recorded; both None where no echo stands out. `level_db`: how loud
    it was recorded, dB below full scale."""

    direct_s: float | None
    strongest_s: float | None
    level_db: float


class LoopDelay:
    """Takes frames in their order; used by the ears' thread only."""

    def __init__(self) -> None:
        self._recorded: deque[Samples] = deque(maxlen=_WINDOW)
        self._played: deque[Samples] = deque(maxlen=_WINDOW)
        self._loud: deque[bool] = deque(maxlen=_WINDOW)
        self._since = 0

    def forget(self) -> None:
        """What comes now does not belong to what came before."""
        self._recorded.clear()
        self._played.clear()
        self._loud.clear()

    def hear(self, recorded: Samples, played: Samples, *, loud: bool) -> LoopMeasurement | None:
        """A frame; the measurement where one was made. `loud`: own voice that can be measured."""
        self._recorded.append(recorded)
        self._played.append(played)
        self._loud.append(loud)
        self._since += 1
        if self._since < _EVERY or len(self._loud) < _WINDOW:
            return None
        if sum(self._loud) < _LOUD * _WINDOW:
            return None
        self._since = 0
        return _compare(np.concatenate(self._played), np.concatenate(self._recorded))


_SIZE: Final = 1 << int(np.ceil(np.log2(_WINDOW * FRAME + _LATEST_S * RATE)))
_IN_BAND: Final = slice(*(round(hertz * _SIZE / RATE) for hertz in _BAND))


def _compare(played: Samples, recorded: Samples) -> LoopMeasurement:
    level = np.sqrt(np.mean(np.square(recorded, dtype=np.float64))) / 32768
    level_db = float(20 * np.log10(max(level, 1e-5)))
    cross = np.fft.rfft(recorded.astype(np.float32), _SIZE)
    cross *= np.conj(np.fft.rfft(played.astype(np.float32), _SIZE))
    phases = np.zeros_like(cross)
    phases[_IN_BAND] = cross[_IN_BAND] / (np.abs(cross[_IN_BAND]) + 1e-3)
    ways = np.fft.irfft(phases, _SIZE)
    first = round(_EARLIEST_S * RATE)
    ways = np.concatenate([ways[first:], ways[: round(_LATEST_S * RATE)]])
    # A way through a loudspeaker with swapped wires is as good
    heights = np.abs(ways)
    strongest = int(np.argmax(heights))
    scatter = float(np.median(heights)) / 0.6745
    if heights[strongest] < _STANDS_OUT * scatter or not 1 < strongest < len(ways) - 2:
        return LoopMeasurement(None, None, level_db)
    begin = max(strongest - round(_BEFORE_S * RATE), 1)
    before = heights[begin : strongest + 1]
    peaks = (before >= heights[begin - 1 : strongest]) & (
        before >= heights[begin + 1 : strongest + 2]
    )
    high = np.flatnonzero(peaks & (before >= _DIRECT * heights[strongest]))
    return LoopMeasurement(
        _exactly(heights, begin + int(high[0]), first),
        _exactly(heights, strongest, first),
        level_db,
    )


def _exactly(heights: NDArray[np.float32], peak: int, first: int) -> float:
    """The top of the parabola through a peak and its neighbours, in seconds."""
    left, top, right = (float(each) for each in heights[peak - 1 : peak + 2])
    bend = left - 2 * top + right
    between = 0.5 * (left - right) / bend if bend < 0 else 0.0
    return (first + peak + between) / RATE
