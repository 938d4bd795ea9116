# SPDX-License-Identifier: Apache-2.0
"""The HTTP server on a thread of its own, and another thread when that one is stuck.

Strangers reach the server, so nothing else lives on its loop: link, checks and watchdog go on
whatever it is asked. The watchdog does not count its beat either, else a flood could restart
the kiosk. A stuck loop (no thread can be ended from outside) is left behind with
its connections, its port taken from it, and a new one begins.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Final

from kioskd.http.server import HttpServer, ListenError
from kioskd.http.snapshot import HttpSnapshot
from kioskd.loop_thread import LoopThread
from kioskd.metrics import Metrics

logger = logging.getLogger(__name__)

LISTEN_TIMEOUT_S: Final = 10.0
LOOK_EVERY_S: Final = 1.0
STUCK_S: Final = 10.0
"""A loop that has not beaten for that long is left behind."""


class HttpService:
    """Makes servers and keeps one of them running; `snapshot` may be read from any thread.

    `make_server` takes the port (None: the configured one), for a new one listens where the
    old one did.
    """

    def __init__(self, make_server: Callable[[int | None], HttpServer], metrics: Metrics) -> None:
        self._make_server = make_server
        self._metrics = metrics
        self._thread = LoopThread("http")
        self._server: HttpServer | None = None
        self._port: int | None = None
        self._snapshot = HttpSnapshot()

    @property
    def snapshot(self) -> HttpSnapshot:
        """How it is."""
        server = self._server
        return replace(self._snapshot, connections=server.connections if server else 0)

    def start(self) -> HttpServer:
        """Listen; raises ListenError."""
        self._thread.start()
        try:
            server = self._thread.call(self._listen(None), LISTEN_TIMEOUT_S)
        except TimeoutError as error:
            raise ListenError(
                f"health.port: still not listening after {LISTEN_TIMEOUT_S:g} s; the machine is "
                "too busy, or health.address is a name that does not resolve"
            ) from error
        self._use(server)
        return server

    async def keep(self) -> None:
        """Until cancelled: begin anew when the loop is stuck. On another thread's loop."""
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            if time.monotonic() - self._thread.beat > STUCK_S:
                self._leave_behind()
            if self._server is None:
                await self._begin_anew()

    def begin_stop(self) -> Callable[[float], bool]:
        """End it; the answer waits for that and says whether it came in so many seconds."""
        return self._thread.begin_stop(_stop_of(self._server))

    async def _listen(self, port: int | None) -> HttpServer:
        server = self._make_server(port)
        await server.start()
        return server

    def _use(self, server: HttpServer) -> None:
        self._server = server
        self._port = server.port
        self._snapshot = replace(self._snapshot, url=server.url, trouble="")

    def _leave_behind(self) -> None:
        logger.error(
            "the HTTP server's thread has been stuck for %g s: a new one is started",
            STUCK_S,
            extra={"code": "http_restarted"},
        )
        self._metrics.http_restarts.inc()
        self._snapshot = HttpSnapshot(restarts=self._snapshot.restarts + 1)
        server, self._server = self._server, None
        if server is not None:
            server.abandon()
        # Should it ever go on, it ends itself and its connections
        self._thread.begin_stop(_stop_of(server))
        self._thread = LoopThread("http")
        self._thread.start()

    async def _begin_anew(self) -> None:
        try:
            async with asyncio.timeout(LISTEN_TIMEOUT_S):
                self._use(await self._thread.run(self._listen(self._port)))
        except (ListenError, TimeoutError) as error:
            trouble = str(error) or "the new thread has not begun to listen"
            logger.error("%s", trouble, extra={"code": "http_down"})
            self._snapshot = replace(self._snapshot, trouble=trouble)


def _stop_of(server: HttpServer | None) -> Callable[[], Awaitable[None]]:
    async def stop() -> None:
        if server is not None:
            await server.stop()

    return stop
