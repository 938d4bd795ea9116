# SPDX-License-Identifier: Apache-2.0
"""Whatever an endpoint sends, the link bears it: dropped, or an end of the session by the rules."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections.abc import Callable

import hostile
import numpy as np
import pytest
from aiohttp import WSMessage, WSMsgType, web
from hypothesis import given, settings
from hypothesis import strategies as st
from scripted_endpoint import (
    Backend,
    ConfirmingEndpoint,
    Rig,
    link_settings,
    linked,
    relay,
    until,
    websocket_app,
)

from driving_client import Backoff, make_link
from driving_client.errors import ProtocolError
from driving_client.link.interface import LinkEvent, PlaybackState
from driving_client.link.retry import SessionError
from driving_client.link.session import ReconnectingLink
from driving_client.wire.codec import AudioInput
from driving_client.wire.relay_frames import AudioFrame, MetadataFrame

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda below: st.lists(below, max_size=3) | st.dictionaries(st.text(), below, max_size=3),
    max_leaves=8,
)


@pytest.fixture(autouse=True)
def unlimited(monkeypatch: pytest.MonkeyPatch) -> None:
    """These tests ask what one frame does; too many of them have tests of their own."""
    for name in ("_FRAMES", "_REQUESTS", "_BAD_FRAMES"):
        monkeypatch.setattr(f"driving_client.link.flood.{name}", (1e9, 1e9))


def receive(rig: Rig, data: str | bytes) -> None:
    """Hand a frame to a link that stands, as its receiving does; only its own errors may come."""
    assert isinstance(rig.link, ReconnectingLink)
    kind = WSMsgType.TEXT if isinstance(data, str) else WSMsgType.BINARY
    with contextlib.suppress(ProtocolError, SessionError):
        rig.link._received(WSMessage(kind, data, None))


async def hang_up(rig: Rig) -> None:
    """The connection ends from this side."""
    assert isinstance(rig.link, ReconnectingLink)
    if rig.link._socket is not None:
        await rig.link._socket.close()


def on_a_relay(do: Callable[[Rig], None]) -> None:
    async def story() -> None:
        async with relay(Backend()) as rig:
            await until(lambda: rig.ups)
            do(rig)
            rig.link.report_playback("x", PlaybackState.ENDED, 0)
            await asyncio.sleep(0)
            assert not rig.link.counters.failures.get("link_fault")

    asyncio.run(story())


def test_a_text_of_every_shape_is_borne() -> None:
    def send(rig: Rig) -> None:
        for text in (*hostile.NOT_JSON, *hostile.objects("action", "req_id")):
            receive(rig, text)

    on_a_relay(send)


@pytest.mark.parametrize("kind", [3, 4], ids=["metadata", "error"])
def test_metadata_and_errors_of_every_shape_are_borne(kind: int) -> None:
    keys = ("sample_rate", "channels", "avatar_id", "connection_id", "req_id", "error", "code")

    def send(rig: Rig) -> None:
        for text in (*hostile.NOT_JSON, *hostile.objects(*keys)):
            receive(rig, bytes([kind, 0]) + text.encode("utf-8", "surrogatepass"))
            receive(rig, bytes([1, 1]))
        receive(rig, bytes([kind, 0, 0xFF]))

    on_a_relay(send)


@settings(max_examples=100)
@given(
    st.lists(
        st.builds(json.dumps, json_values)
        | st.builds(
            lambda action, request: json.dumps({"action": action, "req_id": request}),
            json_values | st.sampled_from(["interrupt", "pause", "resume", "state"]),
            json_values,
        ),
        max_size=20,
    )
)
def test_texts_of_any_json_are_borne(texts: list[str]) -> None:
    async def story() -> None:
        rig = bare_relay()
        for text in texts:
            receive(rig, text)

    asyncio.run(story())


def bare_relay() -> Rig:
    """A relay link without a connection: texts and frames can be handed to it all the same."""
    events: list[LinkEvent] = []
    link = make_link(link_settings(), events.append)
    return Rig(link, events, asyncio.ensure_future(asyncio.sleep(0)))


def test_every_field_with_every_wire_type_is_borne_by_both_dialects() -> None:
    async def story() -> None:
        endpoint = ConfirmingEndpoint()
        async with linked(websocket_app(endpoint)) as rig:
            await until(lambda: rig.ups)
            rig.link.begin_voice(16000)
            for message in hostile.messages():
                receive(rig, message)
            for text in (*hostile.NOT_JSON, *hostile.objects("action", "req_id")):
                receive(rig, text)
            assert not rig.link.counters.failures.get("link_fault")

    asyncio.run(story())

    def send(rig: Rig) -> None:
        for message in hostile.messages():
            receive(rig, hostile.frames_with(message))

    on_a_relay(send)


def test_a_handshake_of_every_kind_is_borne() -> None:
    some = list(hostile.messages())[::120]

    async def handler(socket: web.WebSocketResponse, _: web.Request) -> None:
        await socket.receive()
        if some:
            await socket.send_bytes(some.pop())
        await asyncio.sleep(0)

    async def story() -> None:
        async with linked(websocket_app(handler), connect_timeout_s=60.0) as rig:
            await until(lambda: not some or rig.task.done())
            assert not rig.link.counters.failures.get("link_fault")
            assert not rig.task.done() or rig.downs[-1].fatal

    asyncio.run(story())


def token_app(answers: list[str | bytes], status: int = 200) -> web.Application:
    app = websocket_app(ConfirmingEndpoint())

    async def tokens(_: web.Request) -> web.Response:
        answer = answers.pop() if answers else "{}"
        body = answer.encode("utf-8", "surrogatepass") if isinstance(answer, str) else answer
        return web.Response(status=status, body=body)

    app.router.add_post("/session-tokens", tokens)
    return app


@pytest.mark.parametrize("status", [200, 503])
def test_a_token_answer_of_every_shape_is_borne(status: int) -> None:
    keys = ("sessionToken", "session_token", "errors", "code", "title", "detail", "message")
    answers: list[str | bytes] = [b"\xff", *hostile.NOT_JSON, *hostile.objects(*keys)]
    answers += [json.dumps({"errors": [{"code": shape}, shape]}) for shape in hostile.SHAPES]

    async def story() -> None:
        app = token_app(answers, status)
        hasty = Backoff(first_s=0.001, ceiling_s=0.001)
        async with linked(app, token_path="/session-tokens", avatar_id="a", backoff=hasty) as rig:
            while answers:
                await until(lambda: len(rig.downs) + len(rig.ups) > 0 or rig.task.done())
                if rig.ups:
                    app_socket = rig.ups.pop()
                    assert app_socket.connection_id
                    assert isinstance(rig.link, ReconnectingLink)
                    await hang_up(rig)
                rig.events.clear()
                assert not rig.task.done()
            assert not rig.link.counters.failures.get("link_fault")

    asyncio.run(story())


class OddError(Exception):
    """What nobody had thought of."""


PLACES = ["sink", "received", "report", "forward", "lost"]


@pytest.mark.parametrize("place", PLACES)
def test_an_exception_that_nobody_thought_of_is_a_link_fault_and_the_link_comes_back(
    place: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, tone: np.ndarray
) -> None:
    def odd(*_: object) -> None:
        raise OddError(place)

    async def story() -> None:
        endpoint = ConfirmingEndpoint()
        async with linked(websocket_app(endpoint)) as rig:
            await until(lambda: rig.ups)
            voice = rig.link.begin_voice(16000)
            assert isinstance(rig.link, ReconnectingLink)
            with monkeypatch.context() as broken:
                match place:
                    case "sink":
                        broken.setattr(rig.link, "_sink", odd)
                        await hang_up(rig)
                    case "received":
                        broken.setattr(rig.link, "_received", odd)
                        await endpoint.send(AudioInput("x", b""))
                    case "report":
                        broken.setattr(rig.link, "_reported", odd)
                        rig.link.report_playback("x", PlaybackState.ENDED, 0)
                    case "forward":
                        broken.setattr("driving_client.link.forwarding.encode_message", odd)
                        voice.write(tone)
                    case "lost":
                        broken.setattr(rig.link, "_lost", odd)
                        await hang_up(rig)
                await until(lambda: rig.link.counters.failures.get("link_fault"))
            connects = rig.link.counters.connects
            await until(lambda: rig.link.connected and rig.link.counters.connects >= connects)
            assert not rig.task.done()
            if place in ("received", "report", "forward"):
                assert "link_fault: " in rig.downs[0].reason
                assert rig.downs[0].retry_in_s is not None

    with caplog.at_level(logging.ERROR):
        asyncio.run(story())
    faults = [r for r in caplog.records if getattr(r, "code", "") == "link_fault"]
    assert faults[0].exc_info is not None
    assert sum(record.exc_info is not None for record in faults) == 1, "one traceback of a kind"


def test_the_backend_that_ended_the_daemon_is_borne(tone: np.ndarray) -> None:
    async def story() -> None:
        backend = Backend()
        async with relay(backend) as rig:
            await until(lambda: rig.ups)
            await backend.sockets[-1].send_str('{"action": {"type": "heartbeat"}, "ts": 1}')
            await backend.sockets[-1].send_str('{"action": ["state"]}')
            await backend.send(MetadataFrame(16000, "one"), AudioFrame(tone, last=True))
            await until(lambda: rig.utterances and rig.utterances[0].audio_ended)
            assert rig.link.counters.failures == {}

    asyncio.run(story())
