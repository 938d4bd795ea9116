# SPDX-License-Identifier: Apache-2.0
"""Which of a card's channels is heard, and that it lies around zero.

The first that is not dead: arrays put their processed or foremost microphone there and a copy of
the loudspeaker last, and a codec's only microphone may be on either side. Not their mean: apart by
some centimetres they cancel each other at some pitches, and a dead or copied one would be mixed in.
Another is taken only once that one is dead for a second while the other is not, since the canceller
must learn its echo anew.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from kioskd.ears.capture import Channels
from kioskd.ears.resampling import Sound
from kioskd.ears.signal_watch import SILENT

_EVERY: Final = 16
"""Of the frames, one in so many tells whether a channel lives."""

_CENTRE_S: Final = 1.0
_STILL: Final = 2.0**-18
"""An eighth of a step of 16 bits."""


class ChannelChoice:
    """Of one stream at `rate`."""

    def __init__(self, rate: float, channels: int) -> None:
        self._rate = rate
        self._count = 0
        self._power = np.zeros(channels)
        self._sum = np.zeros(channels)
        self.chosen = 0

    def take(self, sound: Channels) -> tuple[Sound, bool]:
        """The channel that is heard, and whether it is another than before."""
        if sound.shape[1] == 1:
            return sound[:, 0], False
        some = sound[::_EVERY]
        self._count += len(some)
        self._power += np.einsum("ij,ij->j", some, some)
        self._sum += some.sum(axis=0)
        before = self.chosen
        if self._count * _EVERY >= self._rate:
            mean = self._sum / self._count
            alive = np.sqrt(np.maximum(self._power / self._count - mean**2, 0)) >= SILENT
            if not alive[self.chosen] and alive.any():
                self.chosen = int(np.argmax(alive))
            self._count = 0
            self._power[:] = self._sum[:] = 0
        return sound[:, self.chosen], self.chosen != before


class Centring:
    """Takes a constant offset away, which follows within about a second.

    `offset` is what it is now, a share of full scale.
    """

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._known = False
        self.offset = 0.0

    def feed(self, sound: Sound) -> Sound:
        """The sound around zero."""
        if not len(sound):
            return sound
        mean = float(sound.mean())
        before = self.offset if self._known else mean
        after = before + (mean - before) * min(len(sound) / (_CENTRE_S * self._rate), 1.0)
        self.offset, self._known = after, True
        if abs(after - before) < _STILL:
            return sound - np.float32(after)
        ramp = np.arange(len(sound), dtype=np.float32)
        return sound - (ramp * np.float32((after - before) / len(sound)) + np.float32(before))
