# SPDX-License-Identifier: Apache-2.0
"""Motion in the service's chunking and pace: 50 frames, then 100s, then the rest with `end`.

Measured on the recording of the real service: 507 frames came as 50, 4 × 100 and 57, at about
3 times real time. Where the audio itself comes in real time, waiting for 50 frames would
hold the first motion back by 2 s. So what lies ready is sent as it is once no more has come for
`QUIET_S`, or once its oldest frame has waited `PATIENCE_S`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

import numpy as np

from driving_client.motion import FRAME_RATE, FloatArray

FIRST_BATCH: Final = 50
NEXT_BATCH: Final = 100
QUIET_S: Final = 0.04
PATIENCE_S: Final = 0.12

SendFrames = Callable[[FloatArray, bool], Awaitable[None]]


class MotionBatches:
    """Frames of one request on their way out; `run` ends after the batch with `end`."""

    def __init__(self, send: SendFrames, speed: float) -> None:
        self._send = send
        self._speed = speed
        self._pending: FloatArray = np.zeros((0, 120), np.float32)
        self._ended = False
        self._changed = asyncio.Event()

    def push(self, frames: FloatArray) -> None:
        """Add frames, shape (n, 120)."""
        self._pending = np.concatenate([self._pending, frames])
        self._changed.set()

    def end(self) -> None:
        """No more frames will come."""
        self._ended = True
        self._changed.set()

    async def run(self) -> None:
        """Send batches until the end; cancel it to interrupt."""
        now = asyncio.get_running_loop().time
        started = 0.0
        sent = 0
        size = FIRST_BATCH
        while True:
            await self._gather(size)
            started = started or now()
            await asyncio.sleep(started + sent / (FRAME_RATE * self._speed) - now())
            batch, self._pending = self._pending[:size], self._pending[size:]
            last = self._ended and len(self._pending) == 0
            await self._send(batch, last)
            if last:
                return
            sent += len(batch)
            size = NEXT_BATCH

    async def _gather(self, size: int) -> None:
        """Wait for a full batch, the end, or for a part that has waited long enough."""
        now = asyncio.get_running_loop().time
        waiting_since: float | None = None
        while not (self._ended or len(self._pending) >= size):
            timeout = None
            if len(self._pending) > 0:
                waiting_since = waiting_since or now()
                timeout = min(QUIET_S, waiting_since + PATIENCE_S - now())
                if timeout <= 0.0:
                    return
            self._changed.clear()
            try:
                # Not wait_for: before Python 3.12 it swallows a cancellation that comes right
                # after a push, and the canceller waits for ever
                async with asyncio.timeout(timeout):
                    await self._changed.wait()
            except TimeoutError:
                return
