# SPDX-License-Identifier: Apache-2.0
"""/v1/listen: software beside the kiosk hears what its ears do, and nobody else does."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any

import aiohttp
import numpy as np
import pytest
from aiohttp import WSMsgType
from test_health import overridden

from driving_client.link import flood
from driving_client.link.heard import HeardSound, VisitorBargedIn, VisitorBegan, VisitorPresent
from kioskd.config.secrets import Secrets
from kioskd.ears.events import BargedIn, EarsEvent, SomebodyThere, SpeechBegan, SpeechEnded
from kioskd.ears.frames import CleanFrame
from kioskd.ears.outlets import told_to
from kioskd.health.status import Report
from kioskd.http import listen
from kioskd.http.listen import MOST_LISTENERS, ListenOutput
from kioskd.http.server import HttpServer, View
from kioskd.metrics import Metrics
from kioskd.screen.pictures import PictureDesk

ANOTHER_MACHINE = "127.0.0.9"
TOKEN = "a" * 32


class Stand:
    """A server whose ears are the test."""

    def __init__(self, *, enabled: bool = True, token: str = "") -> None:
        self.secrets = Secrets({"health.token_file": token} if token else {})
        self.remote = False
        self.metrics = Metrics()
        self.output = ListenOutput(
            enabled, lambda: self.remote, lambda: self.secrets.token, self.metrics
        )
        view = View(
            overridden,
            lambda: self.secrets,
            lambda: Report(()),
            dict,
            lambda: True,
            self.metrics,
            PictureDesk(),
        )
        self.server = HttpServer(view, self.output.add_routes)

    @property
    def url(self) -> str:
        return f"{self.server.url}v1/listen"

    def metric(self, name: str) -> float:
        return self.metrics.registry.get_sample_value(name) or 0.0


@contextlib.asynccontextmanager
async def standing(**options: Any) -> AsyncIterator[Stand]:
    stand = Stand(**options)
    await stand.server.start()
    try:
        yield stand
    finally:
        await stand.server.stop()


@contextlib.asynccontextmanager
async def asking(address: str = "127.0.0.1") -> AsyncIterator[aiohttp.ClientSession]:
    connector = aiohttp.TCPConnector(local_addr=(address, 0))
    async with aiohttp.ClientSession(connector=connector) as session:
        yield session


class Client:
    """A connected listener, and all that came."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket
        self.texts: list[dict[str, Any]] = []
        self.sound = b""
        self.order: list[str] = []
        self.reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        async for message in self.socket:
            if message.type is WSMsgType.TEXT:
                self.texts.append(json.loads(message.data))
                self.order.append(self.texts[-1]["event"])
            else:
                self.sound += message.data
                self.order.append("sound")


@contextlib.asynccontextmanager
async def listening(stand: Stand, **headers: str) -> AsyncIterator[Client]:
    async with asking() as session, session.ws_connect(stand.url, headers=headers) as socket:
        client = Client(socket)
        await until(lambda: client.texts)
        yield client
        client.reading.cancel()


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(60):
        while not condition():
            await asyncio.sleep(0.005)


def story(test: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(test(), 120))


def clean(number: int, position: int | None = None, own: bool = False) -> CleanFrame:
    at = 160 * number if position is None else position
    return CleanFrame(np.full(160, number + 1, np.int16), at, 100 + at / 16000, own, None)


def test_a_client_hears_pure_sound_events_and_where_sound_is_missing() -> None:
    async def test() -> None:
        async with standing() as stand, listening(stand) as client:
            hear = told_to(lambda: "barge_in", stand.output.hear)
            assert client.texts == [
                {"event": "listening", "codec": "pcm_s16le", "sample_rate": 16000}
            ]
            for number in range(4):
                await asyncio.to_thread(hear, clean(number, own=True), ())
            await until(lambda: len(client.sound) == 4 * 320)
            assert (np.frombuffer(client.sound, "<i2") == np.repeat([1, 2, 3, 4], 160)).all()
            assert client.order == ["listening", "position", "sound", "sound"], "20 ms each"
            events: Sequence[EarsEvent] = [
                SomebodyThere(100.0, "wake"),
                SpeechBegan(32000, 102.0, over=True),
                BargedIn(32000, 102.1, "20261130_x", 480),
                SpeechEnded(40000, 51200, 103.2),
            ]
            hear(clean(9, 48000), events)
            hear(clean(10, 48160), ())
            await until(lambda: len(client.sound) == 6 * 320)
            await until(lambda: len(client.texts) == 7)
            assert [text for text in client.texts if text["event"] == "position"] == [
                {"event": "position", "position": 0},
                {"event": "position", "position": 48000},
            ]
            assert [text for text in client.texts[1:] if text["event"] != "position"] == [
                {"event": "present", "source": "wake"},
                {"event": "speech", "state": "began", "position": 32000, "over": True},
                {
                    "event": "speech",
                    "state": "barge_in",
                    "position": 32000,
                    "req_id": "20261130_x",
                    "heard_ms": 480,
                },
                {"event": "speech", "state": "ended", "position": 40000, "noticed": 51200},
            ]
            await client.socket.send_str("what a client says is not looked at")
            await client.socket.send_bytes(bytes(100))
            hear(clean(11, 48320), ())
            hear(clean(12, 48480), ())
            await until(lambda: len(client.sound) == 8 * 320)

    story(test)


def test_a_kiosk_that_takes_turns_hears_nothing_while_it_speaks() -> None:
    heard: list[object] = []
    policy = ["half_duplex"]
    hear = told_to(lambda: policy[0], heard.append)
    hear(clean(1), [SpeechBegan(160, 100.0)])
    hear(clean(2, own=True), ())
    policy[0] = "barge_in"
    hear(clean(3, own=True), [BargedIn(480, 100.0, "r", 20)])
    assert heard[0] == VisitorBegan(160)
    assert heard[3] == VisitorBargedIn(480, "r", 20)
    sounds = [each for each in heard if isinstance(each, HeardSound)]
    assert [(each.position, set(each.samples.tolist())) for each in sounds] == [
        (160, {2}),
        (320, {0}),
        (480, {4}),
    ]


def test_without_ears_it_says_how_to_get_some() -> None:
    async def test() -> None:
        async with standing(enabled=False) as stand, asking() as session:
            async with session.get(stand.url) as answer:
                assert answer.status == 409
                told = await answer.json()
            assert told["error"] == "ears_disabled"
            assert "ears.enabled: true" in told["message"]

    story(test)


def test_whoever_asks_without_a_websocket_is_told() -> None:
    async def test() -> None:
        async with standing() as stand, asking() as session:
            async with session.get(stand.url) as answer:
                assert answer.status == 426
                assert answer.headers["Upgrade"] == "websocket"
                assert (await answer.json())["error"] == "not_a_websocket"
            headers = {"Upgrade": "websocket", "Connection": "Upgrade"}
            async with session.get(stand.url, headers=headers) as answer:
                assert answer.status == 426
            async with session.post(stand.url) as answer:
                assert answer.status == 405
            assert stand.output.listeners == 0

    story(test)


def test_another_machine_listens_only_where_that_is_switched_on_and_no_longer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(listen, "is_loopback", lambda address: address != ANOTHER_MACHINE)

    async def test() -> None:
        async with standing() as stand, asking(ANOTHER_MACHINE) as session:
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await session.ws_connect(stand.url)
            assert refused.value.status == 403
            async with session.get(stand.url) as answer:
                told = await answer.json()
            assert told["error"] == "listen_remote"
            assert "ears.listen_remote: true" in told["message"]
            stand.remote = True
            async with session.ws_connect(stand.url) as socket, listening(stand) as here:
                await until(lambda: stand.output.listeners == 2)
                assert stand.metric("kiosk_listeners") == 2
                stand.remote = False
                while (await socket.receive()).type is WSMsgType.TEXT:
                    pass
                assert socket.close_code == 1001
                await until(lambda: stand.output.listeners == 1)
                stand.output.hear(VisitorPresent("touch"))
                await until(lambda: here.texts[-1]["event"] == "present")

    story(test)


def test_the_token_is_asked_for_and_what_it_opened_ends_with_it() -> None:
    async def test() -> None:
        async with standing(token=TOKEN) as stand, asking() as session:
            for headers in ({}, {"Authorization": "Bearer wrong"}):
                with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                    await session.ws_connect(stand.url, headers=headers)
                assert refused.value.status == 401
            async with listening(stand, Authorization=f"Bearer {TOKEN}") as client:
                stand.secrets = Secrets({"health.token_file": "b" * 32})
                await until(lambda: client.reading.done())
                assert client.socket.close_code == 1001
            assert stand.output.listeners == 0

    story(test)


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Host": "evil.example"},
    ],
)
def test_no_web_page_of_another_site_hears_the_room(headers: dict[str, str]) -> None:
    """Browsers let any page open a WebSocket to this machine; they say who asks."""

    async def test() -> None:
        async with standing() as stand, asking() as session:
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await session.ws_connect(stand.url, headers=headers)
            assert refused.value.status == 403
            own = {"Origin": stand.server.url.rstrip("/"), "Sec-Fetch-Site": "same-origin"}
            async with session.ws_connect(stand.url, headers=own):
                await until(lambda: stand.output.listeners == 1)

    story(test)


def test_only_a_few_listen_at_once_and_a_place_is_free_again() -> None:
    async def test() -> None:
        async with standing() as stand, asking() as session:
            sockets = [await session.ws_connect(stand.url) for _ in range(MOST_LISTENERS)]
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await session.ws_connect(stand.url)
            assert refused.value.status == 503
            sockets[0]._response.connection.transport.abort()  # gone without a word
            await until(lambda: stand.output.listeners == MOST_LISTENERS - 1)
            async with session.ws_connect(stand.url):
                assert stand.output.listeners == MOST_LISTENERS

    story(test)


def test_who_does_not_read_loses_the_oldest_sound_and_takes_none_of_another(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def test() -> None:
        async with standing() as stand, listening(stand) as quick, asking() as session:
            stuck = await session.ws_connect(stand.url)
            transport = stuck._response.connection.transport
            transport.pause_reading()
            await until(lambda: stand.output.listeners == 2)
            total = 0
            while not stand.metric("kiosk_listen_dropped_seconds_total"):
                for _ in range(50):
                    stand.output.hear(HeardSound(np.full(160, 7, np.int16), total * 160))
                    total += 1
                await until(lambda total=total: len(quick.sound) == total * 320)
                assert total < 200_000, "nothing is ever dropped"
            assert stand.metric("kiosk_listeners") == 2
            transport.resume_reading()
            positions: list[int] = []
            end = 0
            while end < total * 160:
                message = await stuck.receive(60)
                if message.type is WSMsgType.TEXT:
                    told = json.loads(message.data)
                    if told["event"] == "position":
                        assert told["position"] >= end
                        end = told["position"]
                        positions.append(end)
                else:
                    end += len(message.data) // 2
            assert len(positions) == 2, "where it went on is told"
            lost = positions[1] / 16000
            assert 0 < stand.metric("kiosk_listen_dropped_seconds_total") < lost
            await stuck.close()

    story(test)


def test_who_floods_is_cut_off(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(flood, "_FRAMES", (50.0, 1.0))

    async def test() -> None:
        async with standing() as stand, listening(stand) as client:
            with contextlib.suppress(ConnectionError):
                for _ in range(1000):
                    await client.socket.send_str("let me in")
            await until(lambda: client.reading.done())
            await until(lambda: not stand.output.listeners)
            assert client.socket.close_code == 1006
            async with listening(stand):
                pass

    story(test)
    assert "a listener is cut off: flood" in caplog.text


def test_the_end_of_the_server_ends_them_all_also_who_does_not_read() -> None:
    async def test() -> None:
        async with standing() as stand:
            async with listening(stand) as client, asking() as session:
                stuck = await session.ws_connect(stand.url)
                stuck._response.connection.transport.pause_reading()
                await until(lambda: stand.output.listeners == 2)
                for number in range(20_000):
                    stand.output.hear(HeardSound(np.zeros(160, np.int16), number * 160))
                async with asyncio.timeout(60):
                    await stand.server.stop()
                await until(client.reading.done)
                assert client.socket.close_code == 1001
                await until(lambda: stand.output.listeners == 0)
            stand.output.hear(VisitorPresent("touch"))

    story(test)
