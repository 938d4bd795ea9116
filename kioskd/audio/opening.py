# SPDX-License-Identifier: Apache-2.0
"""Opens a sound device again and again until there is one, without anybody waiting for it.

Opening can hang (a sound server that does not answer), so every attempt runs in a short thread of
its own. One attempt is under way at a time; one that never ends keeps its thread and nothing else.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Final, Generic, Protocol, TypeVar

from kioskd.errors import AudioError

REOPEN_S: Final = 3.0
"""Seconds between the ends of two attempts."""


class Device(Protocol):
    """What can be opened."""

    def close(self) -> None:
        """Let go of the device."""


D = TypeVar("D", bound=Device)


class Opening(Generic[D]):
    """All methods but `open_device` run on the thread that owns this."""

    def __init__(
        self,
        open_device: Callable[[], D],
        thread_name: str,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._open_device = open_device
        self._thread_name = thread_name
        self._clock = clock
        self._attempt: threading.Thread | None = None
        self._opened: D | None = None
        self._given_up = False
        self._lock = threading.Lock()
        self._next = 0.0
        self.began: float | None = None
        self.error: AudioError | None = None

    def retry(self) -> None:
        """Begin an attempt, unless one is under way or the last has only just ended.

        So at once for a device that had long been open: a sound server that was restarted is back.
        """
        if self._attempt is None and self._clock() >= self._next:
            self.began = self._clock()
            self._attempt = threading.Thread(target=self._try, name=self._thread_name, daemon=True)
            self._attempt.start()

    def wait(self, timeout_s: float) -> None:
        """Until the attempt under way has ended, at most so long."""
        if self._attempt is not None:
            self._attempt.join(timeout_s)

    def ended(self) -> bool:
        """Whether an attempt has ended, told once; `take` gives what it opened, `error` why not."""
        if self._attempt is None or self._attempt.is_alive():
            return False
        self._attempt = self.began = None
        self._next = self._clock() + REOPEN_S
        return True

    def take(self) -> D | None:
        """The device that the last attempt has opened, or None; the caller's from now on."""
        opened, self._opened = self._opened, None
        return opened

    def give_up(self) -> None:
        """Nobody takes a device any more: one that is opened later is closed at once."""
        with self._lock:
            self._given_up = True
            opened = self.take()
        if opened is not None:
            opened.close()

    def _try(self) -> None:
        try:
            opened = self._open_device()
        except AudioError as error:
            self.error = error
            return
        with self._lock:
            if not self._given_up:
                self._opened = opened
                return
        opened.close()
