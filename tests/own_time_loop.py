# SPDX-License-Identifier: Apache-2.0
"""Runs a coroutine by a clock of its own: where all tasks sleep, the time of the next has come.

For what waits by the loop's clock and speaks with nobody outside the loop.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class _OwnTime(selectors.DefaultSelector):
    """A selector that does not wait: it moves the hands of the clock instead."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 100.0

    def select(self, timeout: float | None = None) -> Any:
        ready = super().select(0)
        if not ready:
            assert timeout is not None, "nothing will ever happen"
            self.now += max(timeout, 0.0)
        return ready


def run_in_own_time(main: Coroutine[Any, Any, T]) -> T:
    """Like `asyncio.run`; `asyncio.get_running_loop().time()` is the clock."""
    selector = _OwnTime()
    loop = asyncio.SelectorEventLoop(selector)
    loop.time = lambda: selector.now  # type: ignore[method-assign]
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        return runner.run(main)
