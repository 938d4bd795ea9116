# SPDX-License-Identifier: Apache-2.0
"""Reports of playback leave in the order of what happened, from whichever thread is first."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

from driving_client.link.interface import PlaybackState

Report = Callable[[str, PlaybackState, int], None]
"""Called with the request id, its state after the change and the milliseconds heard."""


class Reports:
    """A queue between the player's lock and the receiver, who may call the player back."""

    def __init__(self, receiver: Report) -> None:
        self._receiver = receiver
        self._waiting: deque[tuple[str, PlaybackState, int]] = deque()
        self._sending = threading.RLock()

    def add(self, request_id: str, state: PlaybackState, heard_ms: int) -> None:
        """Queue a report; call it where the change is made, under the lock that guards it."""
        self._waiting.append((request_id, state, heard_ms))

    def send(self) -> None:
        """Deliver what waits; call it without the player's lock."""
        with self._sending:
            while self._waiting:
                self._receiver(*self._waiting.popleft())
