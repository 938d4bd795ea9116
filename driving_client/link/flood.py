# SPDX-License-Identifier: Apache-2.0
"""How much a peer may send: beyond any use it is cut off, with a reason.

The limits are far above what real endpoints send at their fastest, which is everything at once:
ten minutes of speech, the longest utterance there is, in pieces of 20 ms with its motion frame
by frame, is 45,000 frames with 15,000 keyframes. Bytes need no limit: a slow reader is sent to
slowly.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from driving_client.link.retry import FloodError

_FRAMES: Final = (50_000.0, 1000.0)
_REQUESTS: Final = (200.0, 20.0)
_BAD_FRAMES: Final = (100.0, 1.0)
_KEYFRAMES: Final = (45_000.0, 500.0)
"""At once, and then a second."""


class FloodGuard:
    """Counts one connection's frames; every method raises FloodError at its limit."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._frames = _Bucket(*_FRAMES, clock)
        self._requests = _Bucket(*_REQUESTS, clock)
        self._bad_frames = _Bucket(*_BAD_FRAMES, clock)
        self._keyframes = _Bucket(*_KEYFRAMES, clock)

    def frame(self) -> None:
        """A frame has come, of any kind, also a ping."""
        if not self._frames.take():
            raise FloodError("flood", f"more than {_FRAMES[0]:.0f} frames at once")

    def request(self) -> None:
        """Something that the player acts on: an utterance, a control, an error."""
        if not self._requests.take():
            raise FloodError(
                "flood", f"more than {_REQUESTS[0]:.0f} utterances, errors or texts at once"
            )

    def keyframes(self, count: int) -> None:
        """Motion has come, for whatever utterance."""
        if not self._keyframes.take(count):
            raise FloodError("flood", f"more than {_KEYFRAMES[0]:.0f} keyframes at once")

    def bad_frame(self) -> None:
        """A frame was damaged."""
        if not self._bad_frames.take():
            raise FloodError("bad_frames", f"more than {_BAD_FRAMES[0]:.0f} damaged frames")


class _Bucket:
    """A token bucket: `size` at once, `per_s` a second from then on."""

    def __init__(self, size: float, per_s: float, clock: Callable[[], float]) -> None:
        self._size = self._left = size
        self._per_s = per_s
        self._clock = clock
        self._at = clock()

    def take(self, count: int = 1) -> bool:
        now = self._clock()
        self._left = min(self._left + (now - self._at) * self._per_s, self._size)
        self._at = now
        if self._left < count:
            return False
        self._left -= count
        return True
