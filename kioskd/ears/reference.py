# SPDX-License-Identifier: Apache-2.0
"""What left the loudspeaker while a frame was recorded, at the ears' rate.

The samples that the card took lie on one line without a break for each run; a reader goes along it
at the pace of the microphone's frames and follows both clocks by reading a little faster or
slower, so that jitter of a clock never becomes jitter of the sound: a canceller bears a wrong delay
and no wandering one. In silence it jumps to the right place where that is far. What was
dropped before it was heard ends there.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import soxr

from kioskd.audio.loudspeaker import Loudspeaker, Played, Stopped, Written
from kioskd.ears.frames import Samples
from kioskd.ears.interpolation import REACH, Sound, read_stretch
from kioskd.ears.run_clock import Crystal, RunClock
from kioskd.ears.settings import FRAME, RATE

_FOLLOW: Final = 0.003
"""Of the distance to the right place so much is made up in a frame: half of it in 2 s."""

_FASTEST: Final = 0.02
"""Samples a frame that the reader is hurried at most: 125 millionths."""

_LOST: Final = 0.02 * RATE
"""A reader this far off jumps even in sound: the clock was wrong, not slow."""

_LOST_IN_SILENCE: Final = 0.001 * RATE
"""And this far off where nothing is heard of it. Not for less: what the canceller has learned of
the room fits to where the reader is."""

_KEPT: Final = RATE // 2
"""Samples behind the reader that may be let go, as soon as there are twice as many."""

_MUTE: Final = 1e-4
"""Up to this, of 1, is silence."""

_PAUSE: Final = 30
"""Frames of silence after which the reader may jump: the room has forgotten what was before."""


class Reference:
    """Reads the notes of a loudspeaker; used by the ears' thread only."""

    def __init__(self, loudspeaker: Loudspeaker) -> None:
        self._loudspeaker = loudspeaker
        self._crystal = Crystal()
        self._runs: dict[int, _Run] = {}

    def frame(self, begin: float, end: float, *, jump: bool) -> Samples:
        """What left the card from `begin` to `end` (monotonic), 10 ms or so; FRAME samples.

        Frames are asked for in their order; `jump`: this one does not follow the last.
        """
        self._take_notes()
        played = np.zeros(FRAME, np.float32)
        for number, run in list(self._runs.items()):
            played += run.read(begin, end, jump=jump)
            # The end of a run may be a note that was lost
            if run.exhausted and (run.stopped or number != max(self._runs)):
                del self._runs[number]
        return np.clip(np.rint(played * 32767), -32768, 32767).astype(np.int16)

    def _take_notes(self) -> None:
        for note in self._loudspeaker.take():
            run = self._runs.get(note.run)
            if isinstance(note, Written):
                if run is None:
                    run = _Run(note.rate, RunClock(note.at, self._crystal))
                    self._runs[note.run] = run
                run.write(note)
            elif run is not None and isinstance(note, Played):
                run.clock.read(note.frames / run.rate, note.at)
            elif run is not None and isinstance(note, Stopped):
                run.stop(note.at)


class _Run:
    """What a card plays without a break; positions are in samples at the ears' rate."""

    def __init__(self, rate: int, clock: RunClock) -> None:
        self.rate = rate
        self.clock = clock
        self.stopped = False
        self._resampler = soxr.ResampleStream(rate, RATE, 1, dtype="float32", quality="MQ")
        self._sound: Sound = np.zeros(0, np.float32)
        self._first = 0
        self._written = 0
        self._reader: float | None = None
        self._silent = 0

    @property
    def exhausted(self) -> bool:
        """Whether all that is there has been read."""
        return self._reader is not None and self._reader > self._first + len(self._sound) + REACH

    def write(self, note: Written) -> None:
        """The card took more; notes that were lost leave silence."""
        lost = np.zeros(max(note.first - self._written, 0), np.float32)
        block = note.samples.astype(np.float32) / 32768
        self._written = note.first + len(block)
        self._append(self._resampler.resample_chunk(np.concatenate([lost, block])))

    def stop(self, at: float) -> None:
        """The card was emptied: nothing is heard of what had not left it."""
        self._append(self._resampler.resample_chunk(np.zeros(0, np.float32), last=True))
        left = max(self.clock.position(at), 0.0) * RATE
        self._sound = self._sound[: max(round(left) - self._first, 0)]
        self.stopped = True

    def read(self, since: float, until: float, *, jump: bool) -> Sound:
        """The frame that was heard from `since` to `until`."""
        right = self.clock.position(since) * RATE
        begin = self._reader
        lost = _LOST_IN_SILENCE if self._silent >= _PAUSE else _LOST
        if begin is None or jump or abs(right - begin) > lost:
            begin = right
        pace = self.clock.position(until) * RATE - right
        hurry = min(max((right - begin) * _FOLLOW, -_FASTEST), _FASTEST)
        end = begin + pace + hurry
        self._reader = end
        sound, before = self._around(begin)
        peak = float(np.abs(sound).max())
        self._silent = 0 if peak > _MUTE else self._silent + 1
        if not peak:
            return np.zeros(FRAME, np.float32)
        return read_stretch(sound, begin - before, end - before, FRAME)

    def _append(self, sound: Sound) -> None:
        self._sound = np.concatenate([self._sound, sound])

    def _around(self, begin: float) -> tuple[Sound, int]:
        """The samples around a frame, and the first one's position; silence where none are."""
        before = int(np.floor(begin)) - REACH
        first = before - self._first
        count = FRAME + 2 * REACH + 2
        have = self._sound[max(first, 0) : max(first + count, 0)]
        ahead = min(max(-first, 0), count)
        sound = np.zeros(count, np.float32)
        sound[ahead : ahead + len(have)] = have
        if first > 2 * _KEPT:
            self._sound = self._sound[_KEPT:]
            self._first += _KEPT
        return sound, before
