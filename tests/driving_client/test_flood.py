# SPDX-License-Identifier: Apache-2.0
"""A peer that sends too much is cut off with a reason, and meanwhile nothing else waits for it."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import socket
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from aiohttp import WSMessage, WSMsgType, web
from scripted_endpoint import (
    Backend,
    ConfirmingEndpoint,
    link_settings,
    linked,
    relay,
    until,
    websocket_app,
)

from driving_client import Backoff, make_link
from driving_client.link import flood
from driving_client.link.flood import FloodGuard
from driving_client.link.frame_reader import FrameReader
from driving_client.link.interface import LinkDown, LinkEvent
from driving_client.link.meter import IN_SESSION, Meter
from driving_client.link.retry import FloodError
from driving_client.small_reads import PIECE_BYTES
from driving_client.wire.codec import ServerError
from driving_client.wire.relay_frames import (
    AudioFrame,
    MetadataFrame,
)


class Clock:
    """Seconds that a test winds on."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def taken(step: Callable[[], None], most: int = 10**6) -> int:
    """How many a guard takes before it cuts off."""
    for count in range(most):
        try:
            step()
        except FloodError:
            return count
    return most


def test_the_longest_utterance_in_the_smallest_pieces_is_no_flood() -> None:
    guard = FloodGuard(Clock())
    for _ in range(600 * 50 + 600 * 25):
        guard.frame()
    for _ in range(600 * 25):
        guard.keyframes(1)


def test_what_is_beyond_use_is_cut_off_and_slowly_allowed_again() -> None:
    clock = Clock()
    guard = FloodGuard(clock)
    assert taken(guard.frame) == 50_000
    assert taken(guard.request) == 200
    assert taken(guard.bad_frame) == 100
    assert taken(lambda: guard.keyframes(3000)) == 15
    clock.now += 10.0
    assert taken(guard.frame) == 10_000
    assert taken(guard.request) == 200
    assert taken(guard.bad_frame) == 10
    assert taken(lambda: guard.keyframes(1000)) == 5


class ReadySocket:
    """Frames without end that lie ready, as a flood's do: receive() never waits."""

    def __init__(self, kinds: Iterator[WSMsgType], each: Callable[[], None]) -> None:
        self._kinds = kinds
        self._each = each
        self.pongs = 0

    async def receive(self) -> WSMessage:
        self._each()
        return WSMessage(next(self._kinds), b"x", None)

    async def pong(self, message: bytes = b"") -> None:
        self.pongs += 1


@pytest.mark.parametrize("kind", [WSMsgType.BINARY, WSMsgType.PING, WSMsgType.PONG])
def test_a_flood_lets_every_other_task_have_its_turn(kind: WSMsgType) -> None:
    async def story() -> None:
        clock = Clock()
        frames = 0
        longest = since = 0

        def each() -> None:  # a frame costs a millisecond
            nonlocal frames, longest, since
            clock.now += 0.001
            frames += 1
            since += 1
            longest = max(longest, since)

        async def other() -> None:
            nonlocal since
            while True:
                await asyncio.sleep(0)
                since = 0

        kinds = itertools.chain(itertools.repeat(kind, 3000), [WSMsgType.TEXT])
        socket = ReadySocket(kinds, each)
        reader = FrameReader(socket, FloodGuard(clock), Meter(), clock)
        beside = asyncio.create_task(other())
        while (await reader.next()).type is not WSMsgType.TEXT:
            pass
        beside.cancel()
        assert frames == 3001
        # Two slices of 4 ms at most: the other task needs one turn to begin
        assert longest <= 10, "frames between two turns of another task"
        assert socket.pongs == (3000 if kind is WSMsgType.PING else 0)

    asyncio.run(story())


ONCE = Backoff(slow_s=600.0)
"""Cut off, a link does not come back within a test."""


@pytest.fixture
def no_refill(monkeypatch: pytest.MonkeyPatch) -> None:
    """However long it takes on a busy machine, no more than what is allowed at once is allowed."""
    for name in ("_REQUESTS", "_BAD_FRAMES"):
        at_once, _ = getattr(flood, name)
        monkeypatch.setattr(flood, name, (at_once, 0.0))


FLOODS: dict[str, tuple[str | bytes, str]] = {
    "damaged frames": (b"\x01\x00a", "bad_frames"),
    "text that is not JSON": ("{", "bad_frames"),
    "controls": ('{"action": "state"}', "flood"),
    "texts of another kind": ('{"action": {"type": "heartbeat"}}', "flood"),
    "errors": (b'\x04\x00{"error": "x"}', "flood"),
}


@pytest.mark.usefixtures("no_refill")
@pytest.mark.parametrize(("frame", "code"), FLOODS.values(), ids=FLOODS)
def test_a_backend_that_floods_is_cut_off_with_few_lines_of_log(
    frame: str | bytes, code: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def story() -> None:
        sent = 0

        async def flood(socket: web.WebSocketResponse, _: web.Request) -> None:
            nonlocal sent
            await socket.receive()
            with contextlib.suppress(ConnectionError):
                for _ in range(20_000):
                    sent += 1
                    if isinstance(frame, str):
                        await socket.send_str(frame)
                    else:
                        await socket.send_bytes(frame)

        with caplog.at_level(logging.INFO):
            async with linked(websocket_app(flood), dialect="relay", backoff=ONCE) as rig:
                await until(lambda: rig.downs, 60)
                assert rig.downs[0].reason.startswith(f"{code}: ")
                assert rig.downs[0].retry_in_s is not None
                assert rig.link.counters.messages_received <= 202
                lines = len(caplog.records)
        assert lines <= 250

    asyncio.run(story())


@pytest.mark.usefixtures("no_refill")
def test_utterances_without_end_are_cut_off() -> None:
    async def story() -> None:
        backend = Backend()
        async with relay(backend, backoff=ONCE) as rig:
            await until(lambda: rig.ups)
            with contextlib.suppress(ConnectionError):
                for number in range(300):
                    await backend.send(MetadataFrame(16000, f"r{number}"))
            await until(lambda: rig.downs)
            assert rig.downs[0].reason.startswith("flood: ")
            assert len(rig.utterances) <= 201
            assert all(utterance.audio_ended for utterance in rig.utterances), "nothing hangs"

    asyncio.run(story())


@pytest.mark.usefixtures("no_refill")
def test_errors_of_requests_without_end_are_cut_off_and_few_codes_are_counted() -> None:
    async def story() -> None:
        endpoint = ConfirmingEndpoint()
        async with linked(websocket_app(endpoint), backoff=ONCE) as rig:
            await until(lambda: rig.ups)
            with contextlib.suppress(ConnectionError):
                for number in range(300):
                    await endpoint.send(ServerError(10_000 + number, "x", request_id="r"))
            await until(lambda: rig.downs)
            assert rig.downs[0].reason.startswith("flood: ")
            assert len(rig.link.counters.failures) <= 65

    asyncio.run(story())


def test_a_voice_of_ones_own_is_taken_amid_a_flood(tone: np.ndarray) -> None:
    """The frames that lie ready do not keep the loop: the voice comes between two of them."""

    async def story() -> None:
        backend = Backend()
        async with relay(backend) as rig:
            await until(lambda: rig.ups)

            async def flood() -> None:
                with contextlib.suppress(ConnectionError):
                    for _ in range(2000):
                        await backend.send(AudioFrame(tone[:2]))

            flooding = asyncio.create_task(flood())
            await until(lambda: rig.utterances)
            rig.link.begin_voice(16000).write(tone)
            at = rig.link.counters.messages_received
            assert rig.utterances[-1].audio_length == len(tone)
            await flooding
            assert at < 2000

    asyncio.run(story())


def test_a_link_ends_in_time_while_its_peer_floods() -> None:
    async def story() -> None:
        async def flood(socket: web.WebSocketResponse, _: web.Request) -> None:
            await socket.receive()
            with contextlib.suppress(ConnectionError):
                while True:
                    await socket.send_bytes(b"\x77\x00")
                    await asyncio.sleep(0)

        async with linked(websocket_app(flood), dialect="relay") as rig:
            await until(lambda: rig.link.counters.messages_received > 100)
            rig.task.cancel()
            done, _ = await asyncio.wait({rig.task}, timeout=30)
            assert done

    asyncio.run(story())


async def endless(writer: asyncio.StreamWriter, data: bytes, most: int) -> None:
    """Send the same again and again, at most so many bytes, however slowly they are taken."""
    for _ in range(most // len(data)):
        writer.write(data)
        await writer.drain()


@pytest.mark.parametrize(
    "path", ["relay", "session-tokens"], ids=["before the upgrade", "before a token"]
)
def test_interim_answers_without_end_are_cut_off(path: str) -> None:
    """Each is a message of its own to the parser, and none is the answer."""

    async def story() -> None:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            with contextlib.suppress(ConnectionError):
                await endless(writer, b"HTTP/1.1 100 Continue\r\n\r\n" * 1000, 64 << 20)
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        events: list[LinkEvent] = []
        settings = link_settings(
            url=f"ws://127.0.0.1:{port}/relay",
            token_url=f"http://127.0.0.1:{port}/{path}" if path != "relay" else "",
            connect_timeout_s=600.0,
        )
        link = asyncio.create_task(make_link(settings, events.append).run())
        async with server:
            await until(lambda: events)
            link.cancel()
        [down] = events[:1]
        assert isinstance(down, LinkDown)
        assert "too much was sent that completes no frame or answer" in down.reason

    asyncio.run(story())


def test_fragments_without_end_are_a_flood() -> None:
    """They are no frames, so nothing but their bytes can be counted."""

    async def story() -> None:
        async def fragments(socket: web.WebSocketResponse, request: web.Request) -> None:
            await socket.receive()
            transport = request.transport
            assert transport is not None
            transport.write(b"\x02\x00")  # a message begins
            with contextlib.suppress(ConnectionError):
                while not transport.is_closing():
                    transport.write(b"\x00\x00" * 10_000)
                    await asyncio.sleep(0)

        async with linked(websocket_app(fragments), dialect="relay", backoff=ONCE) as rig:
            await until(lambda: rig.downs)
            assert rig.downs[0].reason.startswith("flood: ")

    asyncio.run(story())


def test_honest_frames_account_for_what_they_bring() -> None:
    meter = Meter()
    meter.session_begins()
    for length in (0, 3200, 1 << 20) * 1000:
        meter.received(length + length // 20 + 50)
        meter.frame(length)
    assert not meter.exceeded


@pytest.mark.parametrize("text", ["ü" * 1000, "話" * 1000, "\U0001f642" * 1000])
def test_texts_account_for_the_bytes_that_their_characters_took(text: str) -> None:
    """A relay may talk for months in a script whose characters take three bytes."""
    meter = Meter()
    meter.session_begins()

    class Talkative:
        async def receive(self) -> WSMessage:
            meter.received(len(text.encode()) + 4)
            return WSMessage(WSMsgType.TEXT, text, None)

        async def pong(self, message: bytes = b"") -> None:
            raise AssertionError

    async def story() -> None:
        clock = Clock()
        for _ in range(2 * IN_SESSION // len(text)):
            clock.now += 1.0
            await FrameReader(Talkative(), FloodGuard(clock), meter, clock).next()

    asyncio.run(story())
    assert not meter.exceeded


def test_a_socket_is_read_in_small_pieces() -> None:
    meter = Meter()
    ours = meter.socket((socket.AF_INET, socket.SOCK_STREAM, 0, "", ("", 0)))
    with socket.create_server(("127.0.0.1", 0)) as listener, ours:
        ours.connect(listener.getsockname())
        theirs, _ = listener.accept()
        with theirs:
            theirs.sendall(bytes(100_000))
            assert len(ours.recv(1 << 18)) <= PIECE_BYTES
            assert ours.recv_into(bytearray(1 << 18)) <= PIECE_BYTES
