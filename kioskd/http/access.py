# SPDX-License-Identifier: Apache-2.0
"""Who may ask what of the HTTP server.

Three dangers, one rule each. Another machine: the token (`Bearer`, or as the password that
a browser asks for), compared in constant time. A web page in a browser on this machine that
posts here behind its user's back: requests that change anything, or open a WebSocket, must not
come from another site, and JSON must be declared as such, which a foreign page cannot do
without asking. A name that is made to point at this machine (DNS rebinding): on loopback, the
Host header must name loopback. How often one machine may ask is in
`driving_client.serving.rate_limit`.
"""

from __future__ import annotations

import base64
import hmac
import json
import math
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler, Middleware

from driving_client.address import is_loopback
from driving_client.serving import BODY_S, media_type, read_body
from driving_client.serving.rate_limit import RateLimit
from driving_client.texts import did_you_mean

OPEN_ON_LOOPBACK = frozenset({"/livez"})
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def guard(
    address: str, token_now: Callable[[], str], clock: Callable[[], float] = time.monotonic
) -> Middleware:
    """Middleware for a server that listens on `address`; an empty token asks for none.

    The token is asked for at each request: one that has been replaced opens nothing any more.
    """
    loopback = is_loopback(address)
    limit = RateLimit()

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        remote = request.remote or ""
        now = clock()
        wait_s = 0.0 if is_loopback(remote) else limit.take(remote, now)
        if wait_s:
            answer = refuse(429, "too_many_requests", "ask less often")
            answer.headers["Retry-After"] = str(math.ceil(wait_s))
            answer.force_close()  # the next try costs a connection, which are limited as well
            return answer
        if loopback and not is_loopback(_host_name(request.headers.get("Host", ""))):
            return refuse(403, "host_not_local", "the Host header must name this machine itself")
        token = token_now()
        needs_token = bool(token) and not (loopback and request.path in OPEN_ON_LOOPBACK)
        if needs_token and not carries_token(request.headers.get("Authorization", ""), token):
            answer = refuse(401, "token_missing", "send Authorization: Bearer TOKEN")
            answer.headers["WWW-Authenticate"] = 'Basic realm="kiosk, password = token"'
            if "Authorization" in request.headers and not is_loopback(remote):
                limit.punish(remote, now)
            return answer
        if _acts(request) and _from_another_site(request):
            return refuse(403, "cross_site", "requests from other web sites are refused")
        try:
            return await handler(request)
        except web.HTTPClientError as error:
            code = (error.reason or "refused").lower().replace(" ", "_")
            told = f"{request.method} {request.path}: {error.reason}"
            if allowed := error.headers.get(hdrs.ALLOW):
                told += f"; send {' or '.join(sorted(allowed.split(',')))}"
            answer = refuse(error.status, code, told)
            if allowed:
                answer.headers[hdrs.ALLOW] = allowed
            return answer

    return check


def carries_token(authorization: str, token: str) -> bool:
    """Whether an Authorization header carries the token, as Bearer or as Basic's password."""
    scheme, _, given = authorization.strip().partition(" ")
    if scheme.lower() == "basic":
        try:
            given = base64.b64decode(given, validate=True).decode("utf-8").partition(":")[2]
        except ValueError:  # not base64, ASCII or UTF-8
            return False
    elif scheme.lower() != "bearer":
        return False
    # Bytes that are not UTF-8 come as lone surrogates in aiohttp's headers
    return hmac.compare_digest(given.strip().encode("utf-8", "surrogateescape"), token.encode())


def refuse(status: int, code: str, text: str) -> web.Response:
    """An error as JSON: `{"error": code, "message": text}`."""
    return web.json_response({"error": code, "message": text}, status=status)


async def json_object(
    request: web.Request, *known: str, empty: bool = False
) -> dict[str, Any] | web.Response:
    """The JSON object that the request carries, or the refusal: it may have the `known` keys only.

    With `empty`, no body is taken for an empty object. The declared character set is not looked
    at: JSON has UTF-8, or tells the other forms of Unicode by its first bytes.
    """
    if media_type(request) != "application/json":
        return refuse(415, "not_json", "send Content-Type: application/json")
    try:
        raw = await read_body(request)
        body = json.loads(raw) if raw or not empty else {}
    except TimeoutError:
        return refuse(408, "body_too_slow", f"the body did not come within {BODY_S:g} s")
    except (ValueError, LookupError, RecursionError) as error:
        return refuse(400, "bad_json", f"the body is not JSON in UTF-8: {error}")
    if not isinstance(body, dict):
        return refuse(
            400, "bad_json", 'the body is JSON but not an object such as {"key": "value"}'
        )
    for name in body:
        if name not in known:
            hint = did_you_mean(name, known) if known else "; send {}"
            return refuse(400, "unknown_key", f'"{name:.80}" is unknown{hint}')
    return body


def _acts(request: web.Request) -> bool:
    """Whether it does more than ask for what browsers keep from foreign pages anyway.

    A WebSocket they keep from none.
    """
    return request.method not in ("GET", "HEAD") or hdrs.UPGRADE in request.headers


def _from_another_site(request: web.Request) -> bool:
    if request.headers.get("Sec-Fetch-Site", "none") not in ("same-origin", "none"):
        return True
    origin = request.headers.get("Origin")
    if origin is None:
        return False  # not a browser: those send it with every request that changes something
    try:
        site = urlsplit(origin).netloc
    except ValueError:
        return True
    return site.lower() != request.headers.get("Host", "").lower()


def _host_name(host: str) -> str:
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""
