# SPDX-License-Identifier: Apache-2.0
"""Session tokens from the console or from one's own backend."""

from __future__ import annotations

import asyncio
import json

import pytest
from aiohttp import web
from scripted_endpoint import ConfirmingEndpoint, linked, until, websocket_app

ASKED = web.AppKey("asked", list)


def token_app(endpoint: ConfirmingEndpoint, replies: list[tuple[int, object]]) -> web.Application:
    app = websocket_app(endpoint)
    app[ASKED] = []

    async def tokens(request: web.Request) -> web.Response:
        app[ASKED].append((dict(request.headers), await request.json()))
        status, document = replies.pop(0)
        return web.Response(status=status, body=json.dumps(document))

    app.router.add_post("/session-tokens", tokens)
    return app


def test_every_connection_has_a_fresh_token() -> None:
    async def story() -> None:
        endpoint = ConfirmingEndpoint()
        replies: list[tuple[int, object]] = [
            (503, {"errors": [{"status": 503, "title": "busy", "detail": "soon"}]}),
            (200, {"sessionToken": "one"}),
            (200, {"session_token": "two"}),
        ]
        app = token_app(endpoint, replies)
        async with linked(app, token_path="/session-tokens", api_key="secret") as rig:
            await until(lambda: rig.ups)
            assert endpoint.socket is not None
            await endpoint.socket.close(code=4010)
            await until(lambda: len(rig.ups) == 2)
            keys = [request.headers["X-Session-Key"] for request in endpoint.requests]
            assert keys == ["one", "two"]
            headers, body = app[ASKED][0]
            assert headers["X-Api-Key"] == "secret"
            assert list(body) == ["expireAt"]
            assert "busy" in rig.downs[0].reason
            assert "secret" not in repr(rig.downs)

    asyncio.run(story())


def test_ones_own_backend_is_asked_for_a_token_without_a_key() -> None:
    async def story() -> None:
        endpoint = ConfirmingEndpoint()
        app = token_app(endpoint, [(200, {"sessionToken": "one"})])
        async with linked(app, token_path="/session-tokens", avatar_id="a", app_id="b") as rig:
            await until(lambda: rig.ups)
            headers, body = app[ASKED][0]
            assert "X-Api-Key" not in headers
            assert body == {"app_id": "b", "avatar_id": "a"}

    asyncio.run(story())


REFUSALS = [
    (401, {"errors": [{"status": 401, "code": "denied", "detail": "no such key"}]}, "no such key"),
    (403, {"message": "forbidden"}, "forbidden"),
    (200, {"errors": [{"detail": "flat refusal"}]}, "flat refusal"),
    (200, {}, "token_missing"),
    (200, {"sessionToken": ""}, "token_missing"),
    (200, {"sessionToken": "a\r\nX-Evil: b"}, "token_missing"),
    (200, ["no object"], "token_missing"),
    (500, "oops", "token_http_500"),
]


@pytest.mark.parametrize(("status", "document", "told"), REFUSALS)
def test_a_refused_token_is_told_in_its_own_words(status: int, document: object, told: str) -> None:
    async def story() -> None:
        app = token_app(ConfirmingEndpoint(), [(status, document)] * 9)
        async with linked(app, token_path="/session-tokens", api_key="secret") as rig:
            await until(lambda: rig.downs)
            assert told in rig.downs[0].reason
            assert rig.downs[0].fatal == (status in (401, 403))

    asyncio.run(story())
