# SPDX-License-Identifier: Apache-2.0
"""Session tokens, as a console hands them out: clients of the service ask for one first.

This endpoint is open to anyone who reaches it, so any API key is accepted, and the token is a word
that `/websocket` does not look at. What is checked is what the service checks about the
request itself, so that a client that works here asks rightly there.
"""

from __future__ import annotations

import json
import time
from typing import Any, Final

from aiohttp import web

from driving_client.endpoint.identifiers import new_identifier
from driving_client.serving import BODY_S, read_body

PATHS: Final = ("/session-tokens", "/v1/console/session-tokens", "/v1/auth/session-token")
"""Where the published clients ask, after the console's address that they are given."""

LONGEST_S: Final = 24 * 3600.0
_CLOCKS_DIFFER_S: Final = 60.0


async def grant(request: web.Request) -> web.Response:
    """`{"expireAt": unix seconds}` and the header `X-Api-Key` get a token under both names."""
    if not request.headers.get("X-Api-Key"):
        return _refused(
            401, "unauthorized", "the header X-Api-Key is missing; any value is accepted"
        )
    try:
        document: Any = json.loads(await read_body(request))
    except TimeoutError:
        return _refused(408, "request_timeout", f"the body did not come within {BODY_S:g} s")
    except (ValueError, RecursionError, web.HTTPRequestEntityTooLarge):
        document = None
    expires = document.get("expireAt") if isinstance(document, dict) else None
    if isinstance(expires, bool) or not isinstance(expires, int):
        return _refused(400, "bad_request", 'send {"expireAt": whole seconds of Unix time}')
    seconds = expires - int(time.time())  # a whole number: one of any length may come
    if not 0 < seconds <= LONGEST_S + _CLOCKS_DIFFER_S:
        return _refused(400, "bad_request", "expireAt must lie within the next 24 hours")
    token = new_identifier()
    return web.json_response({"sessionToken": token, "session_token": token})


def _refused(status: int, code: str, detail: str) -> web.Response:
    error = {"status": status, "code": code, "title": code.replace("_", " "), "detail": detail}
    return web.json_response({"errors": [error]}, status=status)
