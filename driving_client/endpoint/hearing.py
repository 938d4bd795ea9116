# SPDX-License-Identifier: Apache-2.0
"""How far a kiosk has heard the utterance that is streamed to it, and whether it is over.

By what the kiosk reports, or, for kiosks that report nothing, by the clock.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from typing import Any, Final, TypeVar

from driving_client.utterance import MAX_SECONDS

_LATE_REPORT_S: Final = 2.0
_LOOK_AGAIN_S: Final = 0.25
_LONGEST_MS: Final = 1000 * MAX_SECONDS
_OVER: Final = ("ended", "interrupted", "failed")


Result = TypeVar("Result")


class Hearing:
    """One utterance at a time: `begin`, then `sent` for each piece, then `to_the_end`."""

    def __init__(self) -> None:
        self.seconds = 0.0
        """Of the utterance, that were sent."""
        self._since = 0.0  # when it was, or would have been, at its beginning
        self._over = asyncio.Event()

    def begin(self) -> None:
        """A new utterance, which is not over."""
        self._since, self.seconds = time.monotonic(), 0.0
        self._over.clear()

    def sent(self, seconds: float) -> None:
        """So much more of it was sent; where the kiosk had heard all there was, it goes on now."""
        self._since = max(self._since, time.monotonic() - self.seconds)
        self.seconds += seconds

    def stop(self) -> None:
        """The utterance is over, wherever it was."""
        self._over.set()

    @property
    def over(self) -> bool:
        """Whether the kiosk has said so, or was told so."""
        return self._over.is_set()

    def report(self, state: object, played_ms: object) -> None:
        """What the kiosk says of it."""
        if state in _OVER:
            self._over.set()
        elif state == "paused":
            self._since = math.inf
        elif state == "playing":
            played = played_ms if isinstance(played_ms, int) else 0
            self._since = time.monotonic() - (played / 1000 if 0 < played < _LONGEST_MS else 0.0)

    async def over_before(self, until: float) -> bool:
        """Sleep until then; True as soon as the utterance is over."""
        delay = until - time.monotonic()
        if delay > 0.0 and not self.over:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(delay):
                    await self._over.wait()
        return self.over

    async def unless_over(self, coming: asyncio.Future[Result]) -> Result | None:
        """What is to come, or None as soon as the utterance is over."""
        over = asyncio.ensure_future(self._over.wait())
        try:
            both: tuple[asyncio.Future[Any], ...] = (coming, over)
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        finally:
            over.cancel()
        return None if self.over else coming.result()

    async def to_the_end(self) -> None:
        """Wait until all that was sent is over, or must be."""
        # Reports move the time at which it must be over, so look again every now and then.
        while (now := time.monotonic()) < (end := self._since + self.seconds + _LATE_REPORT_S):
            if await self.over_before(min(end, now + _LOOK_AGAIN_S)):
                return
