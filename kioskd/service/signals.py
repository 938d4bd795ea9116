# SPDX-License-Identifier: Apache-2.0
"""SIGTERM and SIGINT end the daemon, SIGHUP reloads; also when the main thread is stuck.

Python runs signal handlers on the main thread only, which may hang in a graphics driver. So
the signals are blocked in every thread and one thread waits for them, from before the large
imports on: a signal that comes while they load ends the process at once, as there is nothing to
close yet. Later it sees to it that the end comes in time: after GRACE_S the process exits, at a
second signal at once, and MARGIN_S later even where some thread does not give the interpreter
back any more (one that never did is left to the service manager's SIGKILL). What is said at the
end is not waited for: a full pipe must not hold the process.
"""

from __future__ import annotations

import faulthandler
import io
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable
from functools import partial
from typing import Final

logger = logging.getLogger(__name__)

GRACE_S: Final = 1.4
MARGIN_S: Final = 0.55
LAST_WORDS_S: Final = 0.2
_ENDING: Final = (signal.SIGTERM, signal.SIGINT)
_ALL: Final = (*_ENDING, signal.SIGHUP)


class SignalThread:
    """Waits for signals, which the main thread has blocked before it starts this.

    `stop` is set at the first that ends, once the daemon has taken over. Before that, a signal that
    ends exits with `status_before`, and SIGHUP has nothing to reload.
    """

    def __init__(self, status_before: int = 0) -> None:
        self.stop = threading.Event()
        self._status_before = status_before
        self._reload: Callable[[], None] | None = None
        self._thread = threading.Thread(target=self._run, name="signals", daemon=True)

    def start(self) -> None:
        """Start waiting."""
        self._thread.start()

    def take_over(self, reload: Callable[[], None]) -> None:
        """From now on there is something to end in order; `reload` is called at SIGHUP."""
        self._reload = reload

    def _run(self) -> None:
        while True:
            number = signal.sigwait(_ALL)
            reload = self._reload
            if number == signal.SIGHUP:
                if reload is not None:
                    reload()
                continue
            name = signal.Signals(number).name
            if reload is None:
                exit_now(self._status_before, partial(_say, f"{name} while it starts: stopping"))
            if self.stop.is_set():
                exit_now(128 + number, partial(_warn, "a second signal: exiting now"))
            end_within(GRACE_S)
            self.stop.set()
            logger.info("%s: stopping", name, extra={"code": "stopping"})


_ending = threading.Lock()


def end_within(seconds: float, status: int = 0) -> None:
    """Exit the process with `status` after `seconds`, if it still lives; the first call holds."""
    if not _ending.acquire(blocking=False):
        return
    text = f"not stopped within {seconds:.1f} s, a thread is stuck: exiting now"
    timer = threading.Timer(seconds, partial(exit_now, status, partial(_warn, text)))
    timer.daemon = True
    timer.start()
    try:
        # A thread of its own in C, which needs no interpreter; its exit status is 1
        faulthandler.dump_traceback_later(seconds + MARGIN_S, exit=True)
    except (OSError, ValueError, RuntimeError, io.UnsupportedOperation):
        logger.debug("there is no standard error to list threads on", extra={"code": "no_stderr"})


def exit_now(status: int, last_words: Callable[[], None] = lambda: None) -> None:
    """Say why if that is possible at once, and exit; nothing else of the process is waited for."""

    def speak() -> None:
        last_words()
        logging.shutdown()

    speaker = threading.Thread(target=speak, name="last words", daemon=True)
    try:
        speaker.start()
        speaker.join(LAST_WORDS_S)
    finally:
        os._exit(status)


def _warn(text: str) -> None:
    logger.error("%s", text, extra={"code": "exit_forced"})


def _say(text: str) -> None:
    # Before logging is set up
    sys.stderr.write(f"kioskd: {text}\n")
