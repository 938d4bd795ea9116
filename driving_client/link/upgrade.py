# SPDX-License-Identifier: Apache-2.0
"""From an address to an open WebSocket, or to the fault that says why there is none;
and its end."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from typing import Final

import aiohttp

from driving_client.link.http_answers import refused
from driving_client.link.retry import UPGRADE_STATUS, network_fault
from driving_client.wire.codec import MAX_MESSAGE_BYTES

_CLOSE_TIMEOUT_S: Final = 0.5
"""A peer that does not answer the close must not hold up the shutdown."""


async def open_websocket(
    http: aiohttp.ClientSession, url: str, headers: Mapping[str, str], heartbeat_s: float
) -> aiohttp.ClientWebSocketResponse:
    """Upgrade; pings are the reader's to answer (`frame_reader`). Raises SessionError."""
    try:
        return await http.ws_connect(
            url,
            headers=headers,
            heartbeat=heartbeat_s,
            autoping=False,
            max_msg_size=MAX_MESSAGE_BYTES + 1024,
            timeout=aiohttp.ClientWSTimeout(ws_close=_CLOSE_TIMEOUT_S),
        )
    except aiohttp.WSServerHandshakeError as error:
        raise refused("http", UPGRADE_STATUS, error.status, error.headers, error.message) from error
    except TimeoutError:
        raise  # the caller's limit
    # ValueError: a name that no resolver takes (UnicodeError), an address that yarl refuses
    except (aiohttp.ClientError, OSError, ValueError) as error:
        raise network_fault("unreachable", str(error)) from error


async def hang_up(
    http: aiohttp.ClientSession, socket: aiohttp.ClientWebSocketResponse, *, politely: bool
) -> None:
    """Close, within about a second whatever the peer does.

    aiohttp reads on until the peer answers the close, which takes what a flood has already sent
    (64,000 frames cost 0.4 s in one go): not politely, the connection goes first.
    """
    if not politely:
        await http.close()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(2 * _CLOSE_TIMEOUT_S):
            await socket.close()
