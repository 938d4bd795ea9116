# SPDX-License-Identifier: Apache-2.0
"""Which part of the utterance each written frame is, so that a frame played tells the position.

Silence is written where speech is missing (the network is late, the end is being played out),
and the position waits meanwhile.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Located:
    """Where the sound is: seconds of the utterance, and how far it will run without a stop.

    `lead_s`: where it stands, how soon it will run; None while nothing is written that would.
    """

    position_s: float
    limit_s: float
    running: bool
    lead_s: float | None = None


@dataclass(slots=True)
class _Run:
    start: float
    end: float
    content: float
    speech: bool


class Ledger:
    """Runs of speech and silence in the order written; device and content time in seconds."""

    def __init__(self) -> None:
        self._runs: deque[_Run] = deque()
        self._content = 0.0
        self._device = 0.0

    @property
    def content_s(self) -> float:
        """The utterance's seconds up to which speech has been written."""
        return self._content

    def restart(self, content_s: float) -> None:
        """The device's counters are at zero; the next speech written is this position's."""
        self._runs.clear()
        self._content = content_s
        self._device = 0.0

    def add(self, seconds: float, *, speech: bool) -> None:
        """So many seconds of speech or silence were written."""
        if seconds <= 0:
            return
        last = self._runs[-1] if self._runs else None
        if last is not None and last.speech == speech:
            last.end += seconds
        else:
            self._runs.append(_Run(self._device, self._device + seconds, self._content, speech))
        self._device += seconds
        if speech:
            self._content += seconds

    def locate(self, played_s: float) -> Located:
        """The utterance's position when `played_s` of the device's time have been heard."""
        while len(self._runs) > 1 and self._runs[0].end <= played_s:
            self._runs.popleft()
        if not self._runs:
            return Located(self._content, self._content, running=False)
        run = self._runs[0]
        if not run.speech or played_s < run.start:
            following = next((later for later in self._runs if later.speech), None)
            if following is None:
                return Located(run.content, run.content, running=False)
            limit = run.content + (following.end - following.start)
            lead = max(following.start - played_s, 0.0)
            return Located(run.content, limit, running=False, lead_s=lead)
        limit = run.content + (run.end - run.start)
        position = min(run.content + (played_s - run.start), limit)
        return Located(position, limit, running=position < limit)
