# SPDX-License-Identifier: Apache-2.0
"""What is to be said goes to the endpoint, and its answer back.

A text that is still being made goes on piece by piece. Where it stalls or its client leaves, the
connection to the endpoint ends amid the text: that is how the endpoint learns of it, and it says
what has come to the last whole clause.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
from aiohttp import web

from driving_client.address import origin, without_secrets
from driving_client.link.http_answers import read_answer
from driving_client.link.http_client import uncompressed
from driving_client.link.network import NetworkSettings, by_way_of
from driving_client.serving import BODY_S, pieces
from driving_client.texts import excerpt
from kioskd.http.access import refuse

logger = logging.getLogger(__name__)

MAX_ANSWER = 64 * 1024
MAX_TEXT_BYTES = 64 * 1024
SAY_TIMEOUT_S = 15.0
LONGEST_TEXT_S = 900.0
_CONNECT_S = 3.0
_TOLD_AS_IT_IS = (400, 409, 413, 415)
"""What the endpoint says about the text, and not about itself."""


async def forward(url: str, body: dict[str, Any], network: NetworkSettings) -> web.Response:
    """Post to the endpoint and pass its answer on; its failures become 502 and 504.

    What it says about the text (400, 409, 413, 415) is told as it is.
    A redirect is a failure: what is said goes to the origin that is configured and nowhere else.
    """
    timeout = aiohttp.ClientTimeout(total=SAY_TIMEOUT_S, connect=_CONNECT_S)
    return await _post(url, network, timeout, json=body)


async def forward_text(
    url: str, request: web.Request, said: dict[str, str], network: NetworkSettings
) -> web.Response:
    """The same for a text that is still being made, which is the body; `said` is in the address."""
    coming = _Coming(request)
    # The time to read is that of the answer: it begins when the text is whole
    timeout = aiohttp.ClientTimeout(total=None, connect=_CONNECT_S, sock_read=SAY_TIMEOUT_S)
    answer = await _post(
        url,
        network,
        timeout,
        data=coming.pieces(),
        params=said,
        headers={"Content-Type": request.headers["Content-Type"]},
    )
    return coming.fault or answer


class _Coming:
    """The text on its way, and why the rest of it did not come."""

    def __init__(self, request: web.Request) -> None:
        self._request = request
        self.fault: web.Response | None = None

    async def pieces(self) -> AsyncIterator[bytes]:
        size = 0
        try:
            async with asyncio.timeout(LONGEST_TEXT_S):
                async for piece in pieces(self._request, BODY_S):
                    size += len(piece)
                    if size > MAX_TEXT_BYTES:
                        told = f"at most {MAX_TEXT_BYTES} bytes at once"
                        self._fail(413, "text_too_long", told)
                    yield piece
        except TimeoutError:
            told = f"no text came for {BODY_S:g} s, or it took longer than {LONGEST_TEXT_S:.0f} s"
            self._fail(408, "body_too_slow", told)
        except ConnectionResetError as error:
            self._fail(400, "text_cut_off", f"the connection ended before the text: {error}")

    def _fail(self, status: int, code: str, told: str) -> None:
        """Break the text off at the endpoint as well."""
        if self.fault is None:
            logger.warning("a text broke off: %s", told, extra={"code": code})
            self.fault = refuse(status, code, told)
        raise ConnectionError(told)


async def _post(
    url: str, network: NetworkSettings, timeout: aiohttp.ClientTimeout, **sent: Any
) -> web.Response:
    shown = without_secrets(url)
    try:
        async with (
            uncompressed(network, timeout) as session,
            session.post(url, allow_redirects=False, **sent) as answer,
        ):
            raw = await read_answer(answer, MAX_ANSWER)
            status, location = answer.status, answer.headers.get("Location", "")
    except TimeoutError:
        told = f"{shown} did not answer in {SAY_TIMEOUT_S:.0f} s{by_way_of(network, url)}"
        return refuse(504, "endpoint_timeout", told)
    # ValueError: a name that no resolver takes (UnicodeError), an address that yarl refuses
    except (aiohttp.ClientError, OSError, ValueError) as error:
        told = excerpt(str(error))
        logger.warning("%s: %s", shown, told, extra={"code": "say_failed"})
        return refuse(502, "endpoint_unreachable", f"{shown} cannot be reached: {told}")
    try:
        document = json.loads(raw)
    except (ValueError, RecursionError):
        document = {"message": raw.decode("utf-8", "replace").strip()[:500]}
        raw = json.dumps(document).encode()
    if 200 <= status <= 299:
        # As it came: what can just be read may be nested too deeply to be written
        return web.Response(body=raw, content_type="application/json")
    if 300 <= status <= 399:
        told = f"it redirects to {origin(location)}; set endpoint.say_url to the final address"
    else:
        known = document if isinstance(document, dict) else {}
        message = known.get("message") or known.get("error")
        told = excerpt(str(message or document), 500)
    logger.warning("%s answers %d: %s", shown, status, told, extra={"code": "say_failed"})
    shown_status = status if status in _TOLD_AS_IT_IS else 502
    return refuse(shown_status, "endpoint_refused", f"the endpoint says ({status}): {told}")
