# SPDX-License-Identifier: Apache-2.0
"""What the audio thread publishes some hundred times a second: where the voice is now."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

_LOOK_BACK_S: Final = 0.05


@dataclass(frozen=True, slots=True)
class AudioSnapshot:
    """Immutable; readers take the newest and ask it for the position at their own moment.

    `ticket` is what `AudioOutput.play` returned for this voice.
    `position_s` is what is heard at `at` (monotonic), in seconds of the utterance; it runs on
    at `speed` (1, or less while an estimate that ran ahead is let fall back) up to `limit_s`,
    the speech that is written to the device. While it does not run, `heard_at` is when it will
    (monotonic), None where that is not known. `started` tells that the voice is under way,
    `starved` that it waits for samples, `finished` that all of it was heard. `reason` is a
    stable code for why the monotonic clock stands in for the device, None while it plays.
    `device` is ALSA's name of the device that was tried last.
    """

    ticket: int = 0
    position_s: float = 0.0
    at: float = 0.0
    speed: float = 1.0
    limit_s: float = 0.0
    running: bool = False
    heard_at: float | None = None
    started: bool = False
    finished: bool = False
    starved: bool = False
    reason: str | None = None
    xruns: int = 0
    beat: float = 0.0
    device: str = ""

    def position_at(self, now: float) -> float:
        """Seconds of the utterance heard at `now`; never past what was written.

        A moment shortly before the snapshot (when a frame's fence was signalled) is told too.
        """
        if self.heard_at is not None:
            return min(self.position_s + max(now - self.heard_at, 0.0), self.limit_s)
        if not self.running:
            return self.position_s
        since = max(now - self.at, -_LOOK_BACK_S)
        return max(min(self.position_s + self.speed * since, self.limit_s), 0.0)

    def lead_s(self, seen: float) -> float:
        """Seconds from `seen` until speech is heard: 0 where it runs, infinite where unknown."""
        if self.running:
            return 0.0
        return math.inf if self.heard_at is None else max(self.heard_at - seen, 0.0)
