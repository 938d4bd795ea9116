# SPDX-License-Identifier: Apache-2.0
"""Session tokens from the console or from one's own backend."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from email.utils import formatdate

import pytest
from aiohttp import web
from aiohttp.typedefs import Handler
from scripted_endpoint import ConfirmingEndpoint, link_settings, linked, until, websocket_app

from driving_client.link.http_client import uncompressed
from driving_client.link.network import NetworkSettings
from driving_client.link.server_clock import ServerClock
from driving_client.link.session import ReconnectingLink
from driving_client.link.session_token import credentials

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


def test_any_success_with_a_token_is_a_token() -> None:
    async def story() -> None:
        endpoint = ConfirmingEndpoint()
        replies: list[tuple[int, object]] = [
            (201, {"sessionToken": "one"}),
            (202, {"session_token": "two", "errors": ["a warning"]}),
            (299, {"sessionToken": "three", "message": "welcome"}),
        ]
        async with linked(token_app(endpoint, replies), token_path="/session-tokens") as rig:
            for ups in (1, 2, 3):
                await until(lambda ups=ups: len(rig.ups) == ups)
                assert endpoint.socket is not None
                await endpoint.socket.close(code=1012)
            keys = [request.headers["X-Session-Key"] for request in endpoint.requests]
            assert keys[:3] == ["one", "two", "three"]

    asyncio.run(story())


@pytest.mark.parametrize("status", [400, 401, 403, 404])
@pytest.mark.parametrize("where", ["token", "upgrade"])
def test_a_proxy_that_refuses_while_its_service_restarts_is_waited_for(
    where: str, status: int
) -> None:
    async def story() -> None:
        endpoint = ConfirmingEndpoint()
        refusing: list[int] = []

        @web.middleware
        async def proxy(request: web.Request, handler: Handler) -> web.StreamResponse:
            asked = "token" if request.method == "POST" else "upgrade"
            if refusing and asked == where:
                refusing.append(status)
                return web.Response(status=status)
            return await handler(request)

        app = token_app(endpoint, [(200, {"sessionToken": "t"})] * 99)
        app.middlewares.append(proxy)
        async with linked(app, token_path="/session-tokens", api_key="secret") as rig:
            await until(lambda: rig.ups)
            refusing.append(0)
            assert endpoint.socket is not None
            await endpoint.socket.close(code=1012)
            await until(lambda: len(refusing) > 4)
            assert not rig.task.done()
            assert str(status) in rig.downs[-1].reason
            refusing.clear()
            await until(lambda: len(rig.ups) == 2)

    asyncio.run(story())


def clocks(
    monkeypatch: pytest.MonkeyPatch, *, board: float, service: float | None
) -> Callable[[web.Request, web.StreamResponse], Awaitable[None]]:
    """The board's clock, and what sets the Date of the service's answers (None: there is none)."""
    # A default is bound when the class is made
    monkeypatch.setattr(ServerClock.__init__, "__defaults__", (lambda: board, time.monotonic))

    async def date(_: web.Request, response: web.StreamResponse) -> None:
        # aiohttp writes the date of this machine unless there is one
        response.headers["Date"] = "" if service is None else formatdate(service, usegmt=True)

    return date


NOON = 1_800_000_000.0
BOARDS = {
    "has never been set": 0.0,
    "is a year behind": NOON - 365 * 86400,
    "is two hours behind": NOON - 7200,
    "is right": NOON,
    "is two days ahead": NOON + 2 * 86400,
}


@pytest.mark.parametrize(
    ("board", "tells_before"),
    [(name, True) for name in BOARDS] + [(name, False) for name in BOARDS if BOARDS[name]],
)
def test_a_board_whose_clock_is_wrong_asks_by_the_services_clock(
    board: str, tells_before: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[float] = []

    async def tokens(request: web.Request) -> web.Response:
        asked.append((await request.json())["expireAt"])
        if not 0 < asked[-1] - NOON <= 86400:
            return web.json_response({"message": "expired"}, status=400)
        return web.json_response({"sessionToken": "t"})

    async def story() -> None:
        app = websocket_app(ConfirmingEndpoint())
        app.router.add_post("/session-tokens", tokens)
        date = clocks(monkeypatch, board=BOARDS[board], service=NOON)

        async def prepare(request: web.Request, response: web.StreamResponse) -> None:
            if tells_before or request.method == "POST":
                await date(request, response)
            else:
                response.headers["Date"] = ""

        app.on_response_prepare.append(prepare)
        async with linked(app, token_path="/session-tokens", api_key="secret") as rig:
            await until(lambda: rig.ups)
            assert not rig.downs, "our clock is no refusal"
            assert abs(asked[-1] - NOON - 3600) < 60
            if tells_before:
                assert len(asked) == 1, "a token that has expired is never asked for"

    asyncio.run(story())


def test_a_board_that_nobody_tells_the_time_waits_for_its_clock(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[float] = []

    async def tokens(request: web.Request) -> web.Response:
        asked.append((await request.json())["expireAt"])
        return web.json_response({"sessionToken": "t"})

    async def story() -> None:
        app = websocket_app(ConfirmingEndpoint())
        app.router.add_post("/session-tokens", tokens)
        app.on_response_prepare.append(clocks(monkeypatch, board=86400.0, service=None))
        async with linked(app, token_path="/session-tokens", api_key="secret") as rig:
            await until(lambda: len(rig.downs) > 3)
            assert all("clock_not_set" in down.reason for down in rig.downs)
            assert not any(down.fatal for down in rig.downs)
            assert asked == []
            assert isinstance(rig.link, ReconnectingLink)
            rig.link._clock._wall = lambda: NOON
            await until(lambda: rig.ups)
            assert asked == [NOON + 3600]

    asyncio.run(story())


def test_a_service_that_hangs_up_after_the_question_for_the_time_is_asked_all_the_same() -> None:
    """It tells no time either, so the question comes before every token."""

    async def story() -> None:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            asked = await reader.readuntil(b"\r\n\r\n")
            if asked.startswith(b"POST /session-tokens"):
                await reader.readuntil(b"}")
                writer.write(b'HTTP/1.1 200 OK\r\nContent-Length: 22\r\n\r\n{"sessionToken":"one"}')
            else:  # neither a Date nor a word that the connection ends
                writer.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
            await writer.drain()
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/session-tokens"
        settings = link_settings(url="ws://127.0.0.1:9", token_url=url, api_key="secret")
        async with server, uncompressed(NetworkSettings()) as http:
            headers = await credentials(http, settings, ServerClock())
        assert headers == {"X-Session-Key": "one"}

    asyncio.run(story())


def test_a_service_that_can_compress_is_asked_not_to() -> None:
    async def tokens(_: web.Request) -> web.Response:
        reply = web.json_response({"sessionToken": "t" * 1000})
        reply.enable_compression()  # where the client takes it
        return reply

    async def story() -> None:
        app = websocket_app(ConfirmingEndpoint())
        app.router.add_post("/session-tokens", tokens)
        async with linked(app, token_path="/session-tokens") as rig:
            await until(lambda: rig.ups)
            assert not rig.downs

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
