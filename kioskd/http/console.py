# SPDX-License-Identifier: Apache-2.0
"""The console page and what its text box and Stop button ask for.

The page is one file without anything from elsewhere; its policy allows just the script and the
styles that are in it, by hash. Text goes to the endpoint's `say` address: speech is the endpoint's
work.
"""

from __future__ import annotations

import base64
import hashlib
import json
import logging
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from driving_client.address import origin, without_secrets
from driving_client.link.http_answers import read_answer
from driving_client.link.http_client import uncompressed
from driving_client.link.network import NetworkSettings, by_way_of
from driving_client.texts import excerpt
from kioskd.config import Config
from kioskd.http.access import json_object, refuse

logger = logging.getLogger(__name__)

MAX_TEXT = 2000
MAX_ANSWER = 64 * 1024
SAY_TIMEOUT_S = 15.0
_VOICE = ("voice", "language")
"""Passed on where given: which there are, the endpoint knows."""
_PAGE = Path(__file__).with_name("console.html")


class Console:
    """Routes of the page; `interrupt` silences the avatar at once and says whether it spoke.

    `network` gives the way to the endpoint.
    """

    def __init__(
        self,
        config: Callable[[], Config],
        network: Callable[[], NetworkSettings],
        interrupt: Callable[[], bool],
    ) -> None:
        self._config = config
        self._network = network
        self._interrupt = interrupt
        self._page = _PAGE.read_text("utf-8")
        # data: is the icon, without which a browser asks for /favicon.ico
        self._policy = (
            "default-src 'none'; img-src 'self' data:; connect-src 'self'; "
            f"style-src {_hash_of('style', self._page)}; "
            f"script-src {_hash_of('script', self._page)}; "
            "frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
        )

    def add_routes(self, app: web.Application) -> None:
        """Add the page, if it is switched on, and its two requests."""
        if self._config().health.console:
            app.router.add_get("/", self._show)
        for prefix in ("/console", "/v1"):
            app.router.add_post(f"{prefix}/say", self._say)
            app.router.add_post(f"{prefix}/interrupt", self._stop)

    async def _show(self, _request: web.Request) -> web.Response:
        return web.Response(
            text=self._page,
            content_type="text/html",
            headers={"Content-Security-Policy": self._policy},
        )

    async def _stop(self, request: web.Request) -> web.Response:
        body = await json_object(request, empty=True)
        if isinstance(body, web.Response):
            return body
        spoke = self._interrupt()
        logger.info("interrupted by %s", request.remote, extra={"code": "interrupt_requested"})
        return web.json_response({"interrupted": spoke})

    async def _say(self, request: web.Request) -> web.Response:
        body = await json_object(request, "text", "interrupt", *_VOICE)
        if isinstance(body, web.Response):
            return body
        text = body.get("text")
        if not isinstance(text, str) or not text.strip():
            return refuse(400, "no_text", 'send {"text": "what to say"}')
        if len(text) > MAX_TEXT:
            return refuse(400, "text_too_long", f"at most {MAX_TEXT} characters at once")
        interrupt = body.get("interrupt", True)
        if not isinstance(interrupt, bool):
            return refuse(400, "bad_interrupt", '"interrupt" is neither true nor false')
        voice = {key: body[key] for key in _VOICE if key in body}
        if not all(isinstance(value, str) for value in voice.values()):
            return refuse(400, "bad_voice", '"voice" and "language" are strings')
        url = self._config().endpoint.say_url
        if not url:
            return refuse(501, "no_say_url", "endpoint.say_url is not set: nothing can make speech")
        said = {"text": text.strip(), "interrupt": interrupt, **voice}
        return await forward(url, said, self._network())


def _hash_of(tag: str, page: str) -> str:
    """The policy's word for the one element of that name."""
    (text,) = re.findall(f"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


async def forward(url: str, body: dict[str, Any], network: NetworkSettings) -> web.Response:
    """Post to the endpoint and pass its answer on; its failures become 502 and 504.

    What it calls a bad request (400) is one here too: it is about the text.
    A redirect is a failure: what is said goes to the origin that is configured and nowhere else.
    """
    timeout = aiohttp.ClientTimeout(total=SAY_TIMEOUT_S, connect=3.0)
    shown = without_secrets(url)
    try:
        async with (
            uncompressed(network, timeout) as session,
            session.post(url, json=body, allow_redirects=False) as answer,
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
    shown_status = 400 if status == 400 else 502
    return refuse(shown_status, "endpoint_refused", f"the endpoint says ({status}): {told}")
