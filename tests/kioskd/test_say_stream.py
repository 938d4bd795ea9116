# SPDX-License-Identifier: Apache-2.0
"""`POST /v1/say` with a text that is still being made: it goes on to the endpoint as it comes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from test_health import ask, endpoint, overridden, running, story

PLAIN = {"Content-Type": "text/plain; charset=utf-8"}
GENEROUS_S = 60.0


def test_a_text_reaches_the_endpoint_while_it_is_being_made() -> None:
    heard: list[str] = []
    begun = asyncio.Event()

    async def say(request: web.Request) -> web.Response:
        assert request.headers["Content-Type"] == PLAIN["Content-Type"]
        heard.append("&".join(f"{key}={value}" for key, value in request.query.items()))
        async for piece in request.content.iter_any():
            heard.append(piece.decode())
            begun.set()
        return web.json_response({"req_id": "r"})

    async def tokens() -> AsyncIterator[bytes]:
        yield b"Well, good morning, "
        await asyncio.wait_for(begun.wait(), GENEROUS_S)
        yield "und grüß Gott.".encode()

    async def test() -> None:
        async with endpoint(say) as url, running(overridden(f"endpoint.say_url={url}")) as setup:
            status, body, _ = await ask(
                setup, "v1/say?interrupt=false&language=de", "POST", data=tokens(), headers=PLAIN
            )
            assert (status, body) == (200, b'{"req_id": "r"}')
            status, _, _ = await ask(setup, "console/say", "POST", data=b"Hi.", headers=PLAIN)
            assert status == 200

    story(test)
    assert (heard[0], "".join(heard[1:-2])) == (
        "interrupt=false&language=de",
        "Well, good morning, und grüß Gott.",
    )
    assert heard[-2:] == ["interrupt=true", "Hi."]


def test_a_text_that_stalls_breaks_off_at_the_endpoint_as_well(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("kioskd.http.forwarding.BODY_S", 0.3)
    heard = bytearray()
    broken = asyncio.Event()

    async def say(request: web.Request) -> web.Response:
        try:
            async for piece in request.content.iter_any():
                heard.extend(piece)
        except ConnectionError:
            broken.set()
            raise
        return web.json_response({})

    async def tokens() -> AsyncIterator[bytes]:
        yield b"One. Tw"
        await asyncio.sleep(GENEROUS_S)

    async def test() -> None:
        async with endpoint(say) as url, running(overridden(f"endpoint.say_url={url}")) as setup:
            status, body, _ = await ask(setup, "v1/say", "POST", data=tokens(), headers=PLAIN)
            assert (status, b"body_too_slow" in body) == (408, True)
            await asyncio.wait_for(broken.wait(), GENEROUS_S)

    story(test)
    assert heard == b"One. Tw"


def test_a_client_that_leaves_breaks_the_text_off_at_the_endpoint_as_well() -> None:
    begun, broken = asyncio.Event(), asyncio.Event()

    async def say(request: web.Request) -> web.Response:
        try:
            async for _ in request.content.iter_any():
                begun.set()
        except ConnectionError:
            broken.set()
            raise
        return web.json_response({})

    async def test() -> None:
        async with endpoint(say) as url, running(overridden(f"endpoint.say_url={url}")) as setup:
            port = int(setup.server.url.rstrip("/").rpartition(":")[2])
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(
                b"POST /v1/say HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\n"
                b"Transfer-Encoding: chunked\r\n\r\n4\r\nOne.\r\n"
            )
            await asyncio.wait_for(begun.wait(), GENEROUS_S)
            writer.transport.abort()
            await asyncio.wait_for(broken.wait(), GENEROUS_S)

    story(test)


@pytest.mark.parametrize("status", [400, 409, 413, 415, 503])
def test_what_the_endpoint_says_amid_a_text_is_told_at_once(status: int) -> None:
    async def say(_request: web.Request) -> web.Response:
        return web.json_response({"error": "POST /say: no more of it"}, status=status)

    async def test() -> None:
        answered = asyncio.Event()

        async def tokens() -> AsyncIterator[bytes]:
            yield b"One. "
            await asyncio.wait_for(answered.wait(), GENEROUS_S)

        async with endpoint(say) as url, running(overridden(f"endpoint.say_url={url}")) as setup:
            code, body, _ = await ask(setup, "v1/say", "POST", data=tokens(), headers=PLAIN)
            answered.set()
            assert code == (502 if status == 503 else status)
            assert b"no more of it" in body

    story(test)


@pytest.mark.parametrize(
    ("query", "size", "status", "told"),
    [
        ("?interrupt=maybe", 1, 400, b"neither true nor false"),
        ("?interupt=true", 1, 400, b"did you mean interrupt?"),
        ("", 70_000, 413, b"at most 65536 bytes"),
    ],
)
def test_a_bad_text_that_is_being_made_is_told(
    query: str, size: int, status: int, told: bytes
) -> None:
    async def say(request: web.Request) -> web.Response:
        await request.content.read()
        return web.json_response({})

    async def test() -> None:
        async with endpoint(say) as url, running(overridden(f"endpoint.say_url={url}")) as setup:
            body = b"x" * size
            code, answer, _ = await ask(setup, f"v1/say{query}", "POST", data=body, headers=PLAIN)
            assert (code, told in answer) == (status, True)

    story(test)


def test_without_an_address_to_say_it_a_text_is_refused() -> None:
    async def test() -> None:
        async with running() as setup:
            code, body, _ = await ask(setup, "v1/say", "POST", data=b"Hi.", headers=PLAIN)
            assert (code, b"no_say_url" in body) == (501, True)

    story(test)
