# SPDX-License-Identifier: Apache-2.0
"""Reads one WebSocket, the client's or the server's side, without starving its event loop.

`receive()` of aiohttp does not wait while frames lie ready, and with its own pings it does not
even return; so a peer that sends fast enough would keep every other task of the loop waiting.
Here the loop gets its turn after a few milliseconds of work, and pings count as frames.
A meter cuts off what never becomes a frame.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Final, Protocol

import aiohttp

from driving_client.link.flood import FloodGuard
from driving_client.link.meter import Meter
from driving_client.link.retry import FloodError

_SLICE_S: Final = 0.004
_WITH_DATA: Final = (
    aiohttp.WSMsgType.TEXT,
    aiohttp.WSMsgType.BINARY,
    aiohttp.WSMsgType.PING,
    aiohttp.WSMsgType.PONG,
)


class Socket(Protocol):
    """What aiohttp's two kinds of WebSocket have in common; made with autoping=False."""

    async def receive(self) -> aiohttp.WSMessage:
        """The next frame of any kind."""

    async def pong(self, message: bytes = b"") -> None:
        """Answer a ping."""


class FrameReader:
    """One connection's frames; `guard` cuts a peer off that floods."""

    def __init__(
        self,
        socket: Socket,
        guard: FloodGuard,
        meter: Meter,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._socket = socket
        self._guard = guard
        self._meter = meter
        self._clock = clock
        self._turn_began = clock()

    async def next(self) -> aiohttp.WSMessage:
        """The next frame but pings and pongs; text and binary frames, or the connection's end.

        Raises FloodError where the peer floods.
        """
        while True:
            if self._clock() - self._turn_began > _SLICE_S:
                await asyncio.sleep(0)
                self._turn_began = self._clock()
            message = await self._socket.receive()
            self._guard.frame()
            if message.type in _WITH_DATA:
                self._meter.frame(_bytes_of(message.data))
            elif self._meter.exceeded:
                raise FloodError("flood", "fragments without end")
            if message.type is aiohttp.WSMsgType.PING:
                await self._socket.pong(message.data)
            elif message.type is not aiohttp.WSMsgType.PONG:
                return message


def _bytes_of(data: str | bytes) -> int:
    """As they were sent."""
    return len(data.encode()) if isinstance(data, str) else len(data)
