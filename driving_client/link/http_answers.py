# SPDX-License-Identifier: Apache-2.0
"""HTTP answers at the upgrade and at the token service: redirects, Retry-After, refusals.

No redirect is followed: the request holds a key, and what answers for a moment with "over
there" is a captive portal or a proxy that is restarting. Time mends both.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Final

import aiohttp
from aiohttp import ClientHandlerType

from driving_client.address import origin
from driving_client.link.retry import Rule, SessionError, redirect_fault, rule_for_status
from driving_client.link.server_clock import unix_seconds

_ASKS_TO_WAIT: Final = (429, 503)


async def no_redirects(
    request: aiohttp.ClientRequest, handler: ClientHandlerType
) -> aiohttp.ClientResponse:
    """aiohttp middleware: raises SessionError instead of following a redirect."""
    response = await handler(request)
    if 300 <= response.status <= 399:
        response.close()
        raise redirect_fault(
            f"{request.url.origin()} answers {response.status} and leads to "
            f"{origin(response.headers.get('Location', ''))}"
        )
    return response


async def read_answer(reply: aiohttp.ClientResponse, most: int) -> bytes:
    """The first bytes of a body, at most `most` and a piece: nobody needs a longer answer."""
    body = b""
    while len(body) < most and (more := await reply.content.read(4096)):
        body += more
    return body


def refused(
    code: str,
    table: Mapping[int, Rule],
    status: int,
    headers: Mapping[str, str] | None,
    detail: str,
) -> SessionError:
    """The fault that a status other than the hoped-for one is; `code` is its prefix."""
    asked = (headers or {}).get("Retry-After", "") if status in _ASKS_TO_WAIT else ""
    return SessionError(
        f"{code}_{status}",
        rule_for_status(table, status),
        detail,
        retry_after_s=retry_after(asked, (headers or {}).get("Date", "")),
    )


def retry_after(asked: str, date: str) -> float:
    """Seconds that a Retry-After asks for, in either of its forms; 0 for nonsense.

    A moment is counted from the answer's own `date`, whatever this board's clock says.
    """
    asked = asked.strip()
    if asked.isascii() and asked.isdigit():
        return float(asked[:9])
    until = unix_seconds(asked)
    if until is None:
        return 0.0
    since = unix_seconds(date)
    return max(until - (time.time() if since is None else since), 0.0)
