# SPDX-License-Identifier: Apache-2.0
"""Signs of life during one long call into a driver, which nobody can interrupt or look into.

Some drivers compile shaders for 20 s. The watchdog is fed by the render loop, which stands still
meanwhile, and a start that takes too long is ended as well; so a thread asks the service manager to
wait. Only for so long: a call that never returns is what the watchdog is for.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from systemd import daemon

logger = logging.getLogger(__name__)

PATIENCE_S: Final = 120.0
EVERY_S: Final = 2.0
_SLOW_S: Final = 5.0
_EXTENSION_US: Final = 15_000_000


@contextmanager
def patient(what: str, alive: Callable[[], None]) -> Iterator[None]:
    """While the block does `what`, the service manager is asked for time, and `alive` is called.

    The latter on a thread of its own, every EVERY_S, for PATIENCE_S at most.
    """
    over = threading.Event()
    thread = threading.Thread(
        target=_ask_for_time, args=(over, what, alive), name="patience", daemon=True
    )
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _ask_for_time(over: threading.Event, what: str, alive: Callable[[], None]) -> None:
    began, told = time.monotonic(), False
    while not over.wait(EVERY_S):
        took_s = time.monotonic() - began
        if took_s > PATIENCE_S:
            logger.error(
                "%s has not ended within %g s: the watchdog decides",
                what,
                PATIENCE_S,
                extra={"code": "patience_over"},
            )
            return
        if took_s > _SLOW_S and not told:
            told = True
            logger.warning(
                "%s takes long; it is waited for, %g s at most",
                what,
                PATIENCE_S,
                extra={"code": "slow_driver"},
            )
        daemon.notify(f"WATCHDOG=1\nEXTEND_TIMEOUT_USEC={_EXTENSION_US}")
        alive()
