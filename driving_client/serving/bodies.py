# SPDX-License-Identifier: Apache-2.0
"""Bodies of requests: unpacked ones only, and within a time."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Final

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler

BODY_S: Final = 10.0
"""For a body that is read whole: those are small."""
READ_OFF_BYTES: Final = 16 << 20
READ_OFF_S: Final = 3.0


@web.middleware
async def plain_bodies(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Middleware that refuses packed bodies: 600 KB may hold 600 MB, and nobody needs them."""
    if request.headers.get(hdrs.CONTENT_ENCODING, "identity").lower() != "identity":
        told = {"error": "compressed_body", "message": "send the body without Content-Encoding"}
        return web.json_response(told, status=415)
    return await handler(request)


async def read_body(request: web.Request) -> bytes:
    """The whole body; raises TimeoutError for one that takes longer than BODY_S."""
    async with asyncio.timeout(BODY_S):
        return await request.read()


async def pieces(request: web.Request, pause_s: float) -> AsyncIterator[bytes]:
    """The body as it comes; raises TimeoutError when nothing comes for `pause_s`."""
    while True:
        async with asyncio.timeout(pause_s):
            piece = await request.content.readany()
        if not piece:
            return
        yield piece


async def read_off(request: web.Request) -> None:
    """Take and forget the rest of a body that is refused, within limits.

    A connection that is closed with bytes unread is reset, and the reset may overtake the answer:
    whoever sends a long file of the wrong format would never learn what is wrong with it.
    """
    left = READ_OFF_BYTES
    with contextlib.suppress(TimeoutError, ConnectionError):
        async with asyncio.timeout(READ_OFF_S):
            while left > 0 and (piece := await request.content.readany()):
                left -= len(piece)


def media_type(request: web.Request) -> str:
    """The declared type of the body in small letters, without parameters; empty without one."""
    return request.headers.get(hdrs.CONTENT_TYPE, "").partition(";")[0].strip().lower()
