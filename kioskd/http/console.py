# SPDX-License-Identifier: Apache-2.0
"""The console page and what its text box and Stop button ask for.

The page is one file without anything from elsewhere; its policy allows just the script and the
styles that are in it, by hash. Text goes to the endpoint's `say` address, also while it is still
being made: speech is the endpoint's work.
"""

from __future__ import annotations

import base64
import hashlib
import logging
import re
from collections.abc import Callable
from pathlib import Path

from aiohttp import web

from driving_client.link.network import NetworkSettings
from driving_client.serving import media_type, read_off
from driving_client.texts import did_you_mean
from kioskd.config import Config
from kioskd.http.access import json_object, refuse
from kioskd.http.forwarding import forward, forward_text

logger = logging.getLogger(__name__)

MAX_TEXT = 20_000
"""As at the embedded endpoint."""
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
        if media_type(request) == "text/plain":
            return await self._say_as_it_comes(request)
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
            return _nowhere()
        said = {"text": text.strip(), "interrupt": interrupt, **voice}
        return await forward(url, said, self._network())

    async def _say_as_it_comes(self, request: web.Request) -> web.Response:
        known = ("interrupt", *_VOICE)
        for name in request.query:
            if name not in known:
                told = f"?{name:.80} is unknown{did_you_mean(name, known)}"
                return refuse(400, "unknown_key", told)
        interrupt = request.query.get("interrupt", "true").lower()
        if interrupt not in ("true", "false"):
            return refuse(400, "bad_interrupt", "?interrupt= is neither true nor false")
        url = self._config().endpoint.say_url
        if not url:
            return _nowhere()
        voice = {key: request.query[key] for key in _VOICE if key in request.query}
        said = {"interrupt": interrupt, **voice}
        answer = await forward_text(url, request, said, self._network())
        if answer.status != web.HTTPOk.status_code:
            await read_off(request)
        return answer


def _nowhere() -> web.Response:
    return refuse(501, "no_say_url", "endpoint.say_url is not set: nothing can make speech")


def _hash_of(tag: str, page: str) -> str:
    """The policy's word for the one element of that name."""
    (text,) = re.findall(f"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
