# SPDX-License-Identifier: Apache-2.0
"""What the microphone recorded, without what the loudspeaker played."""

from __future__ import annotations

from typing import Final

import numpy as np

from kioskd.audio.loudspeaker import Loudspeaker
from kioskd.ears.alignment import Alignment
from kioskd.ears.canceller import Canceller
from kioskd.ears.echo_path import EchoPath
from kioskd.ears.echo_reduction import EchoReduction
from kioskd.ears.frames import CleanFrame, RawFrame, Samples
from kioskd.ears.loop_delay import LoopDelay
from kioskd.ears.reference import Reference
from kioskd.ears.steady_time import SteadyTime

_AUDIBLE: Final = 100
"""Samples above this, of 32,768, are sound; the voice's beginning is told by the same."""

_LOUD: Final = 500
"""Own voice whose echo can be measured."""

_TAIL: Final = 30
"""Frames for which a room goes on sounding."""

_DIRECT: Final = 5
"""Frames within which an echo comes, where its delay is known."""

_DELAY: Final = 30
"""And where it is not."""


class EchoCleaner:
    """A Cleaner that knows what was played; used by the ears' thread only."""

    def __init__(self, loudspeaker: Loudspeaker, path: EchoPath | None = None) -> None:
        """What it finds out about the echo's `path` is kept there."""
        self._path = path or EchoPath()
        self._reference = Reference(loudspeaker)
        self._time = SteadyTime()
        self._alignment = Alignment(self._path.loop_s)
        self._loop = LoopDelay()
        self._canceller = Canceller()
        self._reduction = EchoReduction()
        self._since_sound = _DELAY + _TAIL + 1
        self._since_loud = _DELAY + 1
        self._moved = False

    def clean(self, frame: RawFrame) -> CleanFrame:
        """See Cleaner."""
        begin, end = self._alignment.pass_frame()
        at, jumps = self._time.place(frame)
        jump, self._moved = jumps or self._moved, False
        played = self._reference.frame(at - begin, at + self._time.frame_s - end, jump=jump)
        samples, left = self._canceller.cancel(frame.samples, played)
        peak = int(np.abs(played.astype(np.int32)).max())
        self._since_sound = 0 if peak > _AUDIBLE else self._since_sound + 1
        self._since_loud = 0 if peak > _LOUD else self._since_loud + 1
        comes_within = _DELAY if self._path.loop_s is None else _DIRECT
        own = self._since_sound <= comes_within + _TAIL
        loud = self._since_loud <= comes_within
        self._reduction.hear(frame.samples, samples, loud=loud, own=own)
        self._align(frame, played)
        return CleanFrame(
            samples, frame.position, frame.at, own, self._reduction.decibels, frame.gap, left
        )

    def _align(self, frame: RawFrame, played: Samples) -> None:
        if frame.gap:
            self._loop.forget()
        measured = self._loop.hear(frame.samples, played, loud=self._since_loud == 0)
        if measured is None:
            return
        before = self._alignment.hold_s
        loop_s = self._alignment.follow(measured)
        if loop_s is not None:
            self._path.heard(loop_s, measured.level_db)
        else:
            self._path.unheard()
        if self._alignment.hold_s != before:
            self._loop.forget()
            self._canceller.move()
            self._moved = True
