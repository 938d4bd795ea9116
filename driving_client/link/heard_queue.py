# SPDX-License-Identifier: Apache-2.0
"""The visitor's sound between the thread that hears it and the one that sends it.

Bounded: where the sender is slow the oldest goes, for who answers needs what is said now. It never
makes the thread that hears wait, and wakes the sender's loop at most once until that has looked.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections import deque
from typing import Final

import numpy as np

from driving_client.link.heard import HEARD_RATE, HeardSound

STEP: Final = HEARD_RATE // 50
"""Samples of what is sent at once: 20 ms. Only before a jump of the position it may be less."""
LONGEST_S: Final = 2.0
_MOST: Final = int(LONGEST_S * HEARD_RATE) // STEP


class HeardQueue:
    """Made on the loop that takes from it."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._filled = asyncio.Event()
        self._lock = threading.Lock()
        self._pieces: deque[HeardSound] = deque()
        self._woken = False
        self._dropped = 0

    def put(self, sound: HeardSound) -> None:
        """Add at most STEP samples; from any thread, returns at once."""
        with self._lock:
            last = self._pieces[-1] if self._pieces else None
            if last is not None and _continues(last, sound):
                samples = np.concatenate([last.samples, sound.samples])
                self._pieces[-1] = HeardSound(samples, last.position)
            else:
                self._pieces.append(sound)
            while len(self._pieces) > _MOST:
                self._dropped += len(self._pieces.popleft().samples)
            wake = self._ready() and not self._woken
            self._woken = self._woken or wake
        if wake:
            with contextlib.suppress(RuntimeError):  # the loop has ended, and nobody takes
                self._loop.call_soon_threadsafe(self._filled.set)

    async def next(self) -> HeardSound:
        """The oldest STEP samples, or those before a jump."""
        while True:
            self._filled.clear()
            with self._lock:
                if self._ready():
                    return self._pieces.popleft()
                self._woken = False
            await self._filled.wait()

    def take_dropped(self) -> int:
        """Samples that were dropped since the last call."""
        with self._lock:
            dropped, self._dropped = self._dropped, 0
            return dropped

    def _ready(self) -> bool:
        """Whether the oldest piece is as long as it can get."""
        return len(self._pieces) > 1 or any(len(each.samples) >= STEP for each in self._pieces)


def _continues(last: HeardSound, sound: HeardSound) -> bool:
    """Whether the sound follows the last piece without a jump, and fits into it."""
    length = len(last.samples)
    return last.position + length == sound.position and length + len(sound.samples) <= STEP
