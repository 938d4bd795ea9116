# SPDX-License-Identifier: Apache-2.0
"""An aiohttp application behind the limits of this package."""

from __future__ import annotations

import asyncio

from aiohttp import web

from driving_client.serving.listener import Listener, Lost, OwesHead, Refused, Tls
from driving_client.serving.places import Limits
from driving_client.serving.protocol import GuardedProtocol
from driving_client.small_reads import SmallReads


class GuardedServer:
    """Serves one application on the running loop; `refused` is told each time and why.

    At the end, requests under way get `shutdown_s`; then whatever is left is cut.
    """

    def __init__(
        self,
        app: web.Application,
        limits: Limits,
        *,
        shutdown_s: float,
        refused: Refused = lambda _why: None,
    ) -> None:
        self._runner = web.AppRunner(app, shutdown_timeout=shutdown_s)
        self._limits = limits
        self._refused = refused
        self._listener: Listener | None = None

    async def start(self, host: str, port: int, tls: Tls | None = None) -> None:
        """Listen; raises OSError. `tls` is asked at each handshake."""
        loop = asyncio.get_running_loop()
        await self._runner.setup()
        server = self._runner.server
        assert server is not None

        def protocol(connection: SmallReads, lost: Lost) -> tuple[GuardedProtocol, OwesHead]:
            made = GuardedProtocol(server, loop, connection, lost, self._refused)
            return made, made.owes_head

        self._listener = Listener(protocol, self._limits, self._refused, tls)
        await self._listener.listen(host, port)

    @property
    def address(self) -> tuple[str, int]:
        """Host and port where it listens."""
        assert self._listener is not None
        return self._listener.addresses[0]

    @property
    def connections(self) -> int:
        """How many there are now."""
        return 0 if self._listener is None else self._listener.connections

    async def stop(self) -> None:
        """Listen no more and end what is under way."""
        if self._listener is not None:
            self._listener.close()
        await self._runner.cleanup()
        if self._listener is not None:
            self._listener.abort()

    def abandon(self) -> None:
        """Free the port; from any thread, also while the server's own is stuck."""
        if self._listener is not None:
            self._listener.abandon()
