# SPDX-License-Identifier: Apache-2.0
"""SIGTERM and SIGINT end the daemon, SIGHUP reloads; also when the main thread is stuck.

Python runs signal handlers on the main thread only, which may hang in a graphics driver. So
the signals are blocked in every thread and one thread waits for them. It also sees to it
that the end comes: after GRACE_S, or at a second signal, the process exits at once.
"""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Callable
from typing import Final

logger = logging.getLogger(__name__)

GRACE_S: Final = 1.8
_ENDING: Final = (signal.SIGTERM, signal.SIGINT)
_ALL: Final = (*_ENDING, signal.SIGHUP)


def block_signals() -> None:
    """Call once in the main thread before any other thread starts: threads inherit it."""
    signal.pthread_sigmask(signal.SIG_BLOCK, _ALL)


class SignalThread:
    """Waits for signals. `stop` is set at the first that ends; `reload` is called at SIGHUP."""

    def __init__(self, stop: threading.Event, reload: Callable[[], None]) -> None:
        self._stop = stop
        self._reload = reload
        self._thread = threading.Thread(target=self._run, name="signals", daemon=True)

    def start(self) -> None:
        """Start waiting."""
        self._thread.start()

    def _run(self) -> None:
        while True:
            number = signal.sigwait(_ALL)
            if number == signal.SIGHUP:
                self._reload()
                continue
            if self._stop.is_set():
                logger.warning("a second signal: exiting now", extra={"code": "exit_forced"})
                _exit_now(128 + number)
            logger.info("%s: stopping", signal.Signals(number).name, extra={"code": "stopping"})
            end_within(GRACE_S)
            self._stop.set()


def end_within(seconds: float, status: int = 0) -> None:
    """Exit the process with `status` after `seconds`, if it still lives then."""

    def give_up() -> None:
        logger.error(
            "not stopped within %.1f s, a thread is stuck: exiting now",
            seconds,
            extra={"code": "exit_forced"},
        )
        _exit_now(status)

    timer = threading.Timer(seconds, give_up)
    timer.daemon = True
    timer.start()


def _exit_now(status: int) -> None:
    logging.shutdown()
    os._exit(status)
