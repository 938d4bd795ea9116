# SPDX-License-Identifier: Apache-2.0
"""A thread with an asyncio loop of its own: one for link and checks, one for the HTTP server.

Not asyncio.run(): a shutdown must be over in a bounded time whatever a task does, so the
thread is a daemon and stopping waits only so long.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

logger = logging.getLogger(__name__)

T = TypeVar("T")
BEAT_S = 0.5
LAST_WORDS_S = 0.05
"""At the end, what was posted before still leaves: the report of what the end interrupts."""


class LoopThread:
    """Runs coroutines; `beat` is time.monotonic() of the loop's last sign of life."""

    def __init__(self, name: str) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._tasks: set[asyncio.Task[Any]] = set()
        self.beat = time.monotonic()

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()
        self.spawn(self._keep_beating(), f"{self._thread.name}_beat")

    def call(self, coroutine: Coroutine[Any, Any, T], timeout_s: float) -> T:
        """Run it there and wait for its result; raises what it raises, or TimeoutError."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(timeout_s)

    async def ask(self, function: Callable[[], T]) -> T:
        """Call a function there; for coroutines of another loop, which wait for its result."""

        async def answer() -> T:
            return function()

        return await self.run(answer())

    async def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run it there; for coroutines of another loop, which wait for its result."""
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(coroutine, self._loop))

    def post(self, function: Callable[[], None]) -> None:
        """Call a function there, soon."""
        self._loop.call_soon_threadsafe(function)

    def spawn(
        self,
        coroutine: Coroutine[Any, Any, None],
        name: str,
        failed: Callable[[BaseException], None] | None = None,
    ) -> None:
        """Run it there in the background; an error is logged, and told to `failed`."""

        def begin() -> None:
            task = self._loop.create_task(coroutine, name=name)
            self._tasks.add(task)
            task.add_done_callback(lambda done: self._ended(done, failed))

        self.post(begin)

    def begin_stop(
        self, cleanup: Callable[[], Awaitable[None]] | None = None
    ) -> Callable[[float], bool]:
        """Cancel what runs, clean up, end the thread; all of it there, this returns at once.

        The answer waits for the end at most so many seconds and says whether it came.
        """
        if not self._thread.is_alive():
            return lambda _timeout_s: True
        done: Future[None] = asyncio.run_coroutine_threadsafe(self._finish(cleanup), self._loop)
        done.add_done_callback(self._finished)

        def ended(timeout_s: float) -> bool:
            self._thread.join(timeout_s)
            return not self._thread.is_alive()

        return ended

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()

    async def _keep_beating(self) -> None:
        while True:
            self.beat = time.monotonic()
            await asyncio.sleep(BEAT_S)

    async def _finish(self, cleanup: Callable[[], Awaitable[None]] | None) -> None:
        await asyncio.sleep(LAST_WORDS_S)
        running = list(self._tasks)
        for task in running:
            task.cancel()
        # At once: an endpoint that does not answer the close takes as long as the server's end
        ending = asyncio.gather(*running, return_exceptions=True)
        if cleanup is not None:
            await cleanup()
        await ending

    def _finished(self, done: Future[None]) -> None:
        error = None if done.cancelled() else done.exception()
        if error is not None:
            logger.error(
                "%s thread: %s",
                self._thread.name,
                error,
                exc_info=error,
                extra={"code": "cleanup_failed"},
            )
        self._loop.call_soon_threadsafe(self._loop.stop)

    def _ended(
        self, task: asyncio.Task[Any], failed: Callable[[BaseException], None] | None
    ) -> None:
        self._tasks.discard(task)
        if task.cancelled():
            return
        error = task.exception()
        if error is None:
            return
        logger.error(
            "%s ended: %s", task.get_name(), error, exc_info=error, extra={"code": "task_failed"}
        )
        if failed is not None:
            failed(error)
