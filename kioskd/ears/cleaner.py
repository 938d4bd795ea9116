# SPDX-License-Identifier: Apache-2.0
"""What the microphone recorded, without what the loudspeaker played."""

from __future__ import annotations

from typing import Final

import numpy as np

from kioskd.audio.loudspeaker import Loudspeaker
from kioskd.ears.canceller import Canceller
from kioskd.ears.echo_reduction import EchoReduction
from kioskd.ears.frames import CleanFrame, RawFrame
from kioskd.ears.reference import Reference

_AUDIBLE: Final = 100
"""Samples above this, of 32,768, are sound; the voice's beginning is told by the same."""

_LOUD: Final = 1000
"""Own voice whose echo can be measured."""

_TAIL: Final = 30
"""Frames for which a room goes on sounding, after the last delay of a loudspeaker."""

_DELAY: Final = 30
"""Frames from the card to the microphone, at most."""


class EchoCleaner:
    """A Cleaner that knows what was played; used by the ears' thread only."""

    def __init__(self, loudspeaker: Loudspeaker) -> None:
        self._reference = Reference(loudspeaker)
        self._canceller = Canceller()
        self._reduction = EchoReduction()
        self._since_sound = _DELAY + _TAIL + 1
        self._since_loud = _DELAY + 1

    def clean(self, frame: RawFrame) -> CleanFrame:
        """See Cleaner."""
        played = self._reference.frame(frame.at, gap=frame.gap)
        samples = self._canceller.cancel(frame.samples, played)
        peak = int(np.abs(played.astype(np.int32)).max())
        self._since_sound = 0 if peak > _AUDIBLE else self._since_sound + 1
        self._since_loud = 0 if peak > _LOUD else self._since_loud + 1
        own = self._since_sound <= _DELAY + _TAIL
        self._reduction.hear(frame.samples, samples, loud=self._since_loud <= _DELAY, own=own)
        return CleanFrame(
            samples, frame.position, frame.at, own, self._reduction.decibels, frame.gap
        )
