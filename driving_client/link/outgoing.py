# SPDX-License-Identifier: Apache-2.0
"""What goes out over one WebSocket: at once where the sender can wait, else through a queue.

The queue is bounded: a peer that stops reading costs reports, never memory.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Final

import aiohttp

from driving_client.link.interface import LinkCounters

logger = logging.getLogger(__name__)

_QUEUE_LENGTH: Final = 256


class Outgoing:
    """Sends text and binary frames; `counters` hears how much and what is dropped."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse, counters: LinkCounters) -> None:
        self._socket = socket
        self._counters = counters
        self._queue: asyncio.Queue[bytes | str] = asyncio.Queue(_QUEUE_LENGTH)

    async def send(self, data: bytes | str) -> None:
        """Send one frame, waiting while the peer does not read."""
        if isinstance(data, str):
            await self._socket.send_str(data)
        else:
            await self._socket.send_bytes(data)
        self._counters.bytes_sent += len(data)

    def put(self, data: bytes | str) -> None:
        """Queue one frame for `run`."""
        try:
            self._queue.put_nowait(data)
        except asyncio.QueueFull:
            self._counters.fail("upstream_full")
            logger.warning(
                "the endpoint does not read: a message to it is dropped",
                extra={"code": "upstream_full"},
            )

    async def run(self) -> None:
        """Send what is queued, until cancelled or the connection ends."""
        while True:
            data = await self._queue.get()
            try:
                await self.send(data)
            except (aiohttp.ClientError, OSError) as error:
                # The receiving side meets the same end and reports it
                logger.debug("cannot send: %s", error, extra={"code": "send_failed"})
                return
