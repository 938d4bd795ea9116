# SPDX-License-Identifier: Apache-2.0
"""An HTTP proxy as companies have them, that knows CONNECT and nothing else, and faults of it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator


class ConnectProxy:
    """Leads every host to one address of this machine; `heads` is all that it could read."""

    def __init__(self, leads_to: str) -> None:
        self._host, _, port = leads_to.rpartition(":")
        self._port = int(port)
        self.heads: list[str] = []
        self.answer: bytes | None = b"HTTP/1.1 200 Connection established\r\n\r\n"
        self.url = ""

    @property
    def asked(self) -> list[str]:
        """The first line of each head."""
        return [head.partition("\r\n")[0] for head in self.heads]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            self.heads.append((await reader.readuntil(b"\r\n\r\n")).decode())
            if self.answer is None:
                await reader.read()
            else:
                writer.write(self.answer)
                if self.answer.startswith(b"HTTP/1.1 200 "):
                    await self._lead(reader, writer)
        writer.close()

    async def _lead(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection(self._host, self._port)
        await asyncio.gather(_copy(reader, far_writer), _copy(far_reader, writer))


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()


@contextlib.asynccontextmanager
async def proxying(leads_to: str) -> AsyncIterator[ConnectProxy]:
    """A proxy that leads to `host:port`, whatever it is asked for."""
    proxy = ConnectProxy(leads_to)
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    proxy.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield proxy
    finally:
        server.close()
