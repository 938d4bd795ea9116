# SPDX-License-Identifier: Apache-2.0
"""From frames posed to frames shown: the sync offset and the first speaking frame's delay.

A frame's fence is signalled one or more frames after it was posed, in order; so frames wait
in a queue until `shown`.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Final

from kioskd.audio.snapshot import AudioSnapshot
from kioskd.metrics import Metrics

_MOST_PENDING: Final = 8


@dataclass(frozen=True, slots=True)
class PosedFrame:
    """`motion_s` is the utterance's second whose motion it shows, None for no running speech.

    `motion_ready` is, on an utterance's first speaking frame, when its motion and voice were
    both there.
    """

    ticket: int = -1
    motion_s: float | None = None
    motion_ready: float | None = None


class FrameLog:
    """Used by the render thread only."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._pending: deque[PosedFrame] = deque(maxlen=_MOST_PENDING)
        self.sync_offset_s: float | None = None

    def posed(self, frame: PosedFrame) -> None:
        """A frame has been posed and will be drawn."""
        self._pending.append(frame)

    def lost(self) -> None:
        """Those that were posed will never be seen."""
        self._pending.clear()

    def shown(self, at: float, audio: AudioSnapshot) -> None:
        """The oldest frame posed was seen at `at`; `audio` is the newest snapshot."""
        if not self._pending:
            return
        frame = self._pending.popleft()
        if frame.motion_ready is not None:
            self._metrics.first_motion_delay.observe(max(at - frame.motion_ready, 0.0))
        if frame.motion_s is None or frame.ticket != audio.ticket or not audio.running:
            return
        self.sync_offset_s = frame.motion_s - audio.position_at(at)
        self._metrics.observe_sync(self.sync_offset_s)
