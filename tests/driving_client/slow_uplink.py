# SPDX-License-Identifier: Apache-2.0
"""A way to an endpoint that carries what a kiosk sends only as far as the test lets it."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable

_IN_THE_WAY = 4096
"""Bytes of the proxy's own buffer: a slow line holds little, unlike this machine's loopback."""


class Uplink:
    """Downwards everything passes at once; upwards while `open`, in small pieces."""

    def __init__(self) -> None:
        self.open = asyncio.Event()
        self.open.set()
        self.address = ""

    async def serve(
        self, kiosk: asyncio.StreamReader, back: asyncio.StreamWriter, address: str
    ) -> None:
        host, _, port = address.partition(":")
        endpoint, onwards = await asyncio.open_connection(host, int(port))
        with contextlib.suppress(ConnectionError):
            await asyncio.gather(
                _carry(endpoint, back, lambda: asyncio.sleep(0)),
                _carry(kiosk, onwards, self.open.wait),
            )


async def _carry(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, wait: Callable
) -> None:
    try:
        while True:
            await wait()
            if not (data := await reader.read(1024)):
                return
            await wait()
            writer.write(data)
            await writer.drain()
    finally:
        writer.close()


@contextlib.asynccontextmanager
async def uplink_to(address: str) -> AsyncIterator[Uplink]:
    """Listens on loopback before the endpoint at `address`; the uplink's own is in `address`."""
    uplink = Uplink()
    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _IN_THE_WAY)
    listening.bind(("127.0.0.1", 0))

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await uplink.serve(reader, writer, address)

    server = await asyncio.start_server(accept, sock=listening, limit=1024)
    uplink.address = f"127.0.0.1:{listening.getsockname()[1]}"
    try:
        yield uplink
    finally:
        uplink.open.set()
        server.close()
