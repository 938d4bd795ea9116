# SPDX-License-Identifier: Apache-2.0
"""What the sound card was given and how far it has played, for whoever must know it to the sample.

An echo canceller needs what left the loudspeaker and when. So the device is wrapped where the
ears are on: the audio thread notes each block that the card took, silence included, and each
reading of its counter, and does no more than that: whoever reads the notes makes of them a time
line (`kioskd.ears.reference`). Where the ears are off no device is wrapped. Nothing is noted of
the stand-in, which nobody hears.

A run is what a card plays without a break: from the first block after it was opened, emptied or
ran dry, to the next of these. Samples are noted as they were written, after the volume.
"""

from __future__ import annotations

import itertools
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from kioskd.audio.device import Samples, SoundDevice
from kioskd.audio.device_choice import OpenDevice

_KEPT: Final = 4096
"""Notes kept for a reader that is late: some 20 s. Each tells its place, so a gap shows."""


@dataclass(frozen=True, slots=True)
class Written:
    """The card took `samples` (mono) as the run's frames from `first` on, at `rate` a second.

    `at` (monotonic) is a moment shortly before: none of them was heard earlier.
    """

    run: int
    rate: int
    first: int
    samples: Samples
    at: float


@dataclass(frozen=True, slots=True)
class Played:
    """At `at` (monotonic) so many `frames` of the run had left the card, or up to a period more."""

    run: int
    frames: int
    at: float


@dataclass(frozen=True, slots=True)
class Stopped:
    """At `at` (monotonic) the run was over: what had not left the card by then never will."""

    run: int
    at: float


Note = Written | Played | Stopped


class Loudspeaker:
    """Notes for one reader; written by the audio thread, taken by another, without a lock."""

    def __init__(self) -> None:
        self._notes: deque[Note] = deque(maxlen=_KEPT)
        self._runs = itertools.count(1)

    def note(self, note: Note) -> None:
        """Keep it, in place of the oldest where nobody reads."""
        self._notes.append(note)

    def begin(self) -> int:
        """The number of a new run."""
        return next(self._runs)

    def take(self) -> list[Note]:
        """What was noted since the last call, oldest first."""
        # A deque's ends may be used by two threads; as many as there are now, not for ever
        return [self._notes.popleft() for _ in range(len(self._notes))]


class TappedDevice:
    """A `SoundDevice` that notes what the one behind it takes and tells."""

    def __init__(
        self,
        inner: SoundDevice,
        loudspeaker: Loudspeaker,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._inner = inner
        self._loudspeaker = loudspeaker
        self._clock = clock
        self._run: int | None = None
        self._base = 0
        self._xruns = inner.xruns
        self.rate = inner.rate
        self.buffer_frames = inner.buffer_frames

    @property
    def xruns(self) -> int:
        """See SoundDevice."""
        return self._inner.xruns

    @property
    def written(self) -> int:
        """See SoundDevice."""
        return self._inner.written

    def writable(self) -> int:
        """See SoundDevice."""
        room = self._inner.writable()
        self._watch_for_underrun()
        return room

    def write(self, samples: Samples) -> int:
        """See SoundDevice; what was taken is noted."""
        at, first = self._clock(), self._inner.written
        taken = self._inner.write(samples)
        self._watch_for_underrun()
        if not taken:
            return 0
        if self._run is None:
            self._run, self._base = self._loudspeaker.begin(), first
        self._loudspeaker.note(
            Written(self._run, self.rate, first - self._base, samples[:taken], at)
        )
        return taken

    def played(self) -> tuple[int, float]:
        """See SoundDevice; the reading is noted."""
        played, at = self._inner.played()
        self._watch_for_underrun()
        if self._run is not None:
            self._loudspeaker.note(Played(self._run, played - self._base, at))
        return played, at

    def drop(self) -> None:
        """See SoundDevice; the rest of the run is never heard."""
        self._stop()
        self._inner.drop()

    def close(self) -> None:
        """See SoundDevice."""
        self._stop()
        self._inner.close()

    def _watch_for_underrun(self) -> None:
        if self._inner.xruns != self._xruns:
            self._xruns = self._inner.xruns
            self._stop()

    def _stop(self) -> None:
        if self._run is not None:
            self._loudspeaker.note(Stopped(self._run, self._clock()))
            self._run = None


def tapped(open_device: OpenDevice, loudspeaker: Loudspeaker) -> OpenDevice:
    """Opens devices as `open_device` does, and notes what they play."""

    def open_tapped(name: str, buffer_s: float) -> SoundDevice:
        return TappedDevice(open_device(name, buffer_s), loudspeaker)

    return open_tapped
