# SPDX-License-Identifier: Apache-2.0
"""What the service manager is told: ready, status, alive, stopping (sd_notify(3)).

Without systemd (no NOTIFY_SOCKET) everything here does nothing. The watchdog has no timer
of its own: it is fed from the render loop, so that a frozen picture is what gets the daemon
restarted, and only while the other threads beat as well.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping

from systemd import daemon

from driving_client.texts import printable

logger = logging.getLogger(__name__)

STALE_AFTER_S = 8.0
"""A thread that has not beaten for that long counts as stuck."""


def tell_ready(status: str) -> None:
    """The first frame is on screen."""
    daemon.notify(f"READY=1\nSTATUS={_one_line(status)}")


def tell_status(status: str) -> None:
    """The line that `systemctl status` shows; tell it only when it changes."""
    daemon.notify(f"STATUS={_one_line(status)}")


def tell_stopping() -> None:
    """A clean shutdown has begun."""
    daemon.notify("STOPPING=1\nSTATUS=stopping")


def watchdog_interval_s() -> float | None:
    """Half of WatchdogSec, or None where no watchdog is asked of this process."""
    if os.environ.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return None
    try:
        interval = int(os.environ.get("WATCHDOG_USEC", "0")) / 2e6
    except ValueError:
        return None
    return interval if interval > 0 else None


class Watchdog:
    """Feeds the service manager's watchdog; `beats` gives each thread's last sign of life."""

    def __init__(self, beats: Mapping[str, Callable[[], float]]) -> None:
        self._interval = watchdog_interval_s()
        self._beats = beats
        self._last = 0.0
        self._stuck: frozenset[str] = frozenset()

    def feed(self, now: float) -> None:
        """Called by the render loop after every frame; `now` is time.monotonic()."""
        if self._interval is None or now - self._last < min(self._interval, 1.0):
            return
        self._last = now
        stuck = frozenset(n for n, beat in self._beats.items() if now - beat() > STALE_AFTER_S)
        if stuck == self._stuck == frozenset():
            daemon.notify("WATCHDOG=1")
            return
        if stuck - self._stuck:
            logger.error(
                "threads stuck: %s; the watchdog is no longer fed",
                ", ".join(sorted(stuck)),
                extra={"code": "thread_stuck"},
            )
        elif not stuck:
            daemon.notify("WATCHDOG=1")
        self._stuck = stuck


def _one_line(text: str) -> str:
    return printable(" ".join(text.split()))
