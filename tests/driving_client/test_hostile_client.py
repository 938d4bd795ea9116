# SPDX-License-Identifier: Apache-2.0
"""Whatever a client sends, the embedded endpoint answers or hangs up, and serves the others on."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections.abc import AsyncIterator

import aiohttp
import hostile
import numpy as np
import pytest
from endpoint_rig import endpoint, kiosk, utterance, wav
from hypothesis import given, settings
from hypothesis import strategies as st
from wire_strategies import messages

from driving_client.wire.codec import ConfigureSession, encode_message

CLOSED = (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.CLOSING)


@contextlib.asynccontextmanager
async def beside_a_kiosk() -> AsyncIterator[tuple[str, aiohttp.ClientSession]]:
    """An endpoint with a well-behaved kiosk that is served as ever at the end."""
    async with endpoint() as (url, client):
        other = await kiosk(client, url)
        yield url, client
        voice = wav(np.full(8000, 900, np.int16), 16000)
        async with client.post(f"{url}/say", data=voice) as answer:
            assert answer.status == 200
        metadata, audio, _ = await utterance(other)
        assert metadata is not None
        assert sum(map(len, audio)) == 8000


async def ended(socket: aiohttp.ClientWebSocketResponse) -> int | None:
    """The close code, once the endpoint has hung up."""
    async with asyncio.timeout(30):
        while (await socket.receive()).type not in CLOSED:
            pass
    return socket.close_code


@pytest.fixture(autouse=True)
def no_fault(caplog: pytest.LogCaptureFixture) -> AsyncIterator[None]:
    """No test of this file may end in an exception that nobody had thought of."""
    with caplog.at_level(logging.WARNING):
        yield
    assert not [record for record in caplog.records if record.exc_info]


def test_a_start_of_every_shape_is_taken_or_refused() -> None:
    texts = [*hostile.NOT_JSON]
    for key in ("action", "sample_rate", "avatar_id"):
        usual = {"action": "start", "sample_rate": 16000, "avatar_id": "a"}
        texts += [json.dumps(usual | {key: shape}) for shape in hostile.SHAPES]
    texts += [json.dumps(shape) for shape in hostile.SHAPES]

    async def story() -> None:
        async with beside_a_kiosk() as (url, client):
            for text in texts:
                socket = await client.ws_connect(f"{url}/relay")
                await socket.send_str(text)
                await socket.close()
            socket = await client.ws_connect(f"{url}/relay")
            await socket.send_str('{"action": "start", "sample_rate": {"a": "\\ud800"}}')
            assert await ended(socket) == 4400

    asyncio.run(story())


def test_playback_events_of_every_shape_are_borne() -> None:
    async def story() -> None:
        async with endpoint() as (url, client):
            socket = await kiosk(client, url)
            voice = wav(np.full(8000, 900, np.int16), 16000)
            async with client.post(f"{url}/say", data=voice) as answer:
                request_id = (await answer.json())["req_id"]
            for key in ("event", "req_id", "state", "played_ms"):
                for shape in hostile.SHAPES:
                    event = {"event": "playback", "req_id": request_id, "state": "playing"}
                    await socket.send_str(json.dumps({**event, "played_ms": 1, key: shape}))
            for text in hostile.NOT_JSON[:-1]:
                await socket.send_str(text)
            await socket.send_bytes(b"\x01\x00\x00")
            metadata, _, _ = await utterance(socket)
            assert metadata is not None
            assert not socket.closed

    asyncio.run(story())


@pytest.mark.parametrize("path", ["relay", "websocket"])
def test_a_client_whose_fragments_never_become_a_frame_is_cut_off(
    path: str, caplog: pytest.LogCaptureFixture
) -> None:
    """They are no frames, so nothing but their bytes can be counted."""
    fragments = 10_000 * b"\x00\x80\x00\x00\x00\x00"

    async def story() -> int:
        sent = 0
        async with beside_a_kiosk() as (url, client):
            async with asyncio.timeout(120):
                socket = await (kiosk if path == "relay" else session)(client, url)
                transport = socket._writer.transport  # its own methods send whole frames only
                transport.write(b"\x02\x80\x00\x00\x00\x00")  # a message begins
                while not transport.is_closing() and sent < 64 << 20:
                    transport.write(fragments)
                    sent += len(fragments)
                    while transport.get_write_buffer_size() and not transport.is_closing():
                        await asyncio.sleep(0)
        return sent

    assert asyncio.run(story()) < 32 << 20
    assert "a client is cut off: fragments without end" in caplog.text


async def session(client: aiohttp.ClientSession, url: str) -> aiohttp.ClientWebSocketResponse:
    """A confirmed driveningress session."""
    socket = await client.ws_connect(f"{url}/websocket")
    await socket.send_bytes(encode_message(ConfigureSession(16000)))
    await socket.receive_bytes(timeout=30)
    return socket


def test_every_field_with_every_wire_type_is_answered_or_ends_that_session_alone() -> None:
    async def story() -> None:
        async with beside_a_kiosk() as (url, client):
            socket = await session(client, url)
            for number, message in enumerate(hostile.messages()):
                if number % 15:
                    continue
                if socket.closed:
                    socket = await session(client, url)
                with contextlib.suppress(ConnectionError):
                    await socket.send_bytes(message)
                with contextlib.suppress(TimeoutError):
                    await socket.receive(timeout=0.001)

    asyncio.run(story())


@settings(max_examples=25)
@given(st.lists(messages, max_size=4), st.booleans())
def test_messages_of_any_kind_in_any_order_are_answered_or_end_the_session(
    sent: list[object], configured: bool
) -> None:
    async def story() -> None:
        async with endpoint() as (url, client):
            socket = await client.ws_connect(f"{url}/websocket")
            if configured:
                await socket.send_bytes(encode_message(ConfigureSession(16000)))
            with contextlib.suppress(ConnectionError):
                for message in sent:
                    await socket.send_bytes(encode_message(message))  # type: ignore[arg-type]
            await socket.close()

    asyncio.run(story())


@pytest.mark.parametrize("path", ["session-tokens", "say"])
def test_bodies_of_every_shape_get_an_answer(path: str) -> None:
    async def story() -> None:
        async with endpoint() as (url, client):
            await kiosk(client, url)
            bodies = [*hostile.NOT_JSON, *hostile.objects("expireAt")]
            bodies += [
                json.dumps({"text": "Hi.", key: shape})
                for key in ("text", "interrupt", "connection_id")
                for shape in hostile.SHAPES
            ]
            for body in bodies:
                data = body.encode("utf-8", "surrogatepass")
                async with client.post(
                    f"{url}/{path}", data=data, headers={"X-Api-Key": "k"}
                ) as answer:
                    assert answer.status < 500 or answer.status == 503, body[:100]

    asyncio.run(story())


@pytest.mark.parametrize("path", ["session-tokens", "say"])
def test_bodies_that_are_packed_or_do_not_come_are_refused(
    path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("driving_client.endpoint.say_request.BODY_S", 0.1)
    monkeypatch.setattr("driving_client.serving.bodies.BODY_S", 0.1)

    async def story() -> None:
        answered = asyncio.Event()

        async def begun() -> AsyncIterator[bytes]:
            yield b'{"text": "H'
            await answered.wait()

        async with endpoint() as (url, client):
            packed = {"X-Api-Key": "k", "Content-Encoding": "gzip"}
            async with client.post(f"{url}/{path}", data=b"\x1f\x8b", headers=packed) as answer:
                assert answer.status == 415
            plain = {"X-Api-Key": "k"}
            async with client.post(f"{url}/{path}", data=begun(), headers=plain) as answer:
                assert answer.status == 408
                answered.set()

    asyncio.run(asyncio.wait_for(story(), 60))


@pytest.mark.parametrize("kind", ["pings", "texts", "audio"])
def test_a_client_that_floods_is_cut_off(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("driving_client.link.flood._FRAMES", (2000.0, 1.0))

    async def story() -> None:
        async with beside_a_kiosk() as (url, client):
            socket = await kiosk(client, url)
            with contextlib.suppress(ConnectionError):
                for _ in range(20_000):
                    match kind:
                        case "pings":
                            await socket.ping(b"x")
                        case "texts":
                            await socket.send_str("{")
                        case "audio":
                            await socket.send_bytes(b"\x01\x00")
            code = await ended(socket)
            assert code in (None, 1006)

    asyncio.run(story())
