# SPDX-License-Identifier: Apache-2.0
"""The monotonic clock in a sound device's place.

Without a device the samples go nowhere and only time passes, so that the avatar still moves
its lips. A device that takes everything at once (ALSA's `null`, or `file` over it) goes on
being written to, at the pace of this clock: it records, but it cannot tell the time.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from kioskd.audio.device import Samples, SoundDevice
from kioskd.audio.settings import PREFERRED_RATE


class StandIn:
    """A `SoundDevice` whose frames pass at exactly `rate` a second while any are queued."""

    def __init__(
        self,
        buffer_s: float,
        inner: SoundDevice | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clock = clock
        self.rate = inner.rate if inner else PREFERRED_RATE
        self.buffer_frames = round(buffer_s * self.rate)
        self.written = inner.written if inner else 0
        self._inner = inner
        self._played = 0.0
        self._at = clock()

    @property
    def xruns(self) -> int:
        """Underruns of the device behind, if there is one."""
        return self._inner.xruns if self._inner else 0

    def take_over(self, played: float) -> None:
        """Go on from this many frames played, now."""
        self._played = min(played, float(self.written))
        self._at = self._clock()

    def writable(self) -> int:
        """Room in the imagined buffer, and in the device behind."""
        played, _ = self.played()
        room = self.buffer_frames - (self.written - played)
        return max(min(room, self._inner.writable()) if self._inner else room, 0)

    def write(self, samples: Samples) -> int:
        """Count the samples, and pass them on to the device behind."""
        self.played()
        taken = self._inner.write(samples) if self._inner else len(samples)
        self.written += taken
        return taken

    def played(self) -> tuple[int, float]:
        """Frames whose time has passed, never more than were written."""
        now = self._clock()
        self._played = min(self._played + (now - self._at) * self.rate, float(self.written))
        self._at = now
        return int(self._played), now

    def drop(self) -> None:
        """Forget what is queued; the counters start anew."""
        if self._inner:
            self._inner.drop()
        self.written = 0
        self._played = 0.0

    def close(self) -> None:
        """Close the device behind."""
        if self._inner:
            self._inner.close()
