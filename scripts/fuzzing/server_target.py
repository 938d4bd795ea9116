# SPDX-License-Identifier: Apache-2.0
"""Whole requests to the kiosk's HTTP server, as bytes: aiohttp's parser, middleware, handlers.

The real server without its socket: a transport that keeps what is written stands in, and so a
thousand requests a second are tried. A request fails the kiosk when a handler raises (aiohttp
answers 500 then) or when anything is left over for the loop to complain about.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from functools import cache
from typing import Any, Final, NoReturn

from driving_client.link.local_voice import LocalVoice
from driving_client.link.network import NetworkSettings
from driving_client.small_reads import SmallReads
from driving_client.utterance import Utterance
from fuzzing.target import Target, finish, loop
from kioskd.config.secrets import Secrets
from kioskd.config.table import Config
from kioskd.health.status import Monitor
from kioskd.http.console import MAX_TEXT, Console
from kioskd.http.gesture import GestureInput
from kioskd.http.listen import ListenOutput
from kioskd.http.server import HttpServer, View
from kioskd.http.speak import VoiceInput
from kioskd.metrics import Metrics
from kioskd.playback.gestures import GestureError
from kioskd.screen.pictures import PictureDesk, PictureError

_TURNS: Final = 16
"""Turns of the loop that a request gets before its client leaves; none needs ten."""

_FAULT: Final = re.compile(rb"^HTTP/1\.[01] 500 ", re.MULTILINE)


class _Transport(asyncio.Transport):
    """A client on this machine that reads everything and answers nothing."""

    def __init__(self) -> None:
        super().__init__({"peername": ("127.0.0.1", 50000), "sockname": ("127.0.0.1", 8080)})
        self.written = bytearray()
        self._closing = False

    def write(self, data: bytes | bytearray | memoryview[Any]) -> None:
        self.written += data

    def is_closing(self) -> bool:
        return self._closing

    def close(self) -> None:
        self._closing = True

    abort = close

    def pause_reading(self) -> None:
        return

    resume_reading = pause_reading


class _NoPictures(PictureDesk):
    async def take(self) -> NoReturn:
        raise PictureError("nothing is drawn here")


class _Server:
    """The kiosk's server on a loop that runs only while a request is tried."""

    def __init__(self) -> None:
        self.complaints: list[dict[str, Any]] = []
        loop().set_exception_handler(lambda _, context: self.complaints.append(context))
        config = Config()
        metrics = Metrics()
        monitor = Monitor([], metrics)
        view = View(
            lambda: config,
            Secrets,
            lambda: monitor.report,
            dict,
            lambda: True,
            metrics,
            _NoPictures(),
        )
        adders = (
            Console(lambda: config, NetworkSettings, lambda: False),
            GestureInput(_show),
            VoiceInput(_begin, _at_once, lambda: True),
            ListenOutput(True, lambda: False, lambda: "", metrics),
        )
        server = HttpServer(view, *(adder.add_routes for adder in adders))
        self._factory = finish(_listening(server))

    def ask(self, data: bytes) -> bytes:
        """What a client is answered that sends these bytes and leaves."""
        return finish(self._ask(data))

    async def _ask(self, data: bytes) -> bytes:
        protocol = self._factory()
        transport = _Transport()
        protocol.connection_made(transport)
        protocol.data_received(data)
        for _ in range(_TURNS):
            await asyncio.sleep(0)
        protocol.connection_lost(None)
        for _ in range(_TURNS):
            await asyncio.sleep(0)
        return bytes(transport.written)


def _show(name: str) -> bool:
    if name != "listen":
        raise GestureError(f"no clip {name!r}")
    return True


def _begin(sample_rate: int) -> LocalVoice:
    return LocalVoice(Utterance("r", sample_rate), lambda: None)


async def _at_once(call: Callable[[], Any]) -> Any:
    return call()


async def _listening(server: HttpServer) -> Callable[[], asyncio.Protocol]:
    """What makes a protocol for each connection; the socket itself is not needed."""
    await server.start()
    assert server._server is not None
    listener = server._server._listener
    assert listener is not None
    listener.close()
    unused = SmallReads()
    return lambda: listener._make_protocol(unused, lambda: None)[0]


@cache
def _server() -> _Server:
    return _Server()


def http_request(data: bytes) -> None:
    """Bytes that somebody sends to the port."""
    server = _server()
    answer = server.ask(data)
    assert not _FAULT.search(answer), answer[:500]
    assert not server.complaints, server.complaints.pop()


def _request(line: str, *headers: str, body: bytes = b"") -> bytes:
    lines = [f"{line} HTTP/1.1", "Host: 127.0.0.1:8080", *headers]
    if body and "Transfer-Encoding: chunked" not in headers:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + body


_JSON: Final = "Content-Type: application/json"
_UPGRADE: Final = (
    "Upgrade: websocket",
    "Connection: Upgrade",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
)
_MASKED: Final = b"\0\0\0\0"
_SEEDS: Final = (
    *(_request(f"GET /{path}") for path in ("", "livez", "readyz", "healthz", "screenshot.png")),
    _request("GET /metrics", "Accept: application/openmetrics-text;version=1.0.0;q=0.5,*/*;q=0.1"),
    _request("GET /metrics", "Accept: application/openmetrics-text;version=1.x"),
    _request("POST /v1/say", _JSON, body=b'{"text": "Hello."}'),
    _request("POST /v1/gesture", _JSON, body=b'{"name": "listen"}'),
    _request("POST /v1/gesture", _JSON, body=b'{"name": 1}'),
    _request("POST /v1/gesture", _JSON, body=b'{"name": "wave"}'),
    _request("POST /v1/gesture", "Content-Type: text/plain", body=b"{}"),
    _request("POST /v1/say", _JSON, body=b'{"text": ""}'),
    _request("POST /v1/say", _JSON, body=b'{"text": "%s"}' % (b"x" * (MAX_TEXT + 1))),
    _request("POST /v1/say", _JSON, body=b'{"text": "Hello.", "interrupt": 1}'),
    _request("POST /v1/say", _JSON, body=b'{"text": "Hello.", "voice": 1}'),
    _request("POST /v1/say", _JSON, body=b'{"words": "Hello."}'),
    _request("POST /v1/say", _JSON, body=b"[]"),
    _request("POST /v1/say", "Content-Type: text/plain", body=b"Hello."),
    _request("POST /v1/say", _JSON, "Sec-Fetch-Site: cross-site", body=b"{}"),
    _request("POST /v1/interrupt", _JSON, "Origin: http://["),
    _request("POST /v1/interrupt"),
    _request("POST /v1/say", _JSON, body=b"{"),
    _request("POST /v1/interrupt", _JSON, "Origin: http://127.0.0.1:8080"),
    _request("POST /v1/speak?sample_rate=16000", body=bytes(64)),
    _request(
        "POST /v1/speak?sample_rate=16000",
        "Transfer-Encoding: chunked",
        body=b"4\r\nabcd\r\n0\r\n\r\n",
    ),
    _request("POST /v1/say", _JSON, "Content-Encoding: gzip", body=b"\x1f\x8b\x08"),
    _request("GET /v1/listen"),
    _request("GET /v1/listen", *_UPGRADE, "Origin: http://evil.example"),
    # What a WebSocket may say: a text, a ping, fragments, a close
    *(
        _request("GET /v1/listen", *_UPGRADE) + frame
        for frame in (
            b"\x81\x82" + _MASKED + b"hi",
            b"\x89\x81" + _MASKED + b"p",
            b"\x02\x81" + _MASKED + b"a" + b"\x80\x81" + _MASKED + b"b",
            b"\x88\x82" + _MASKED + b"\x03\xe8",
            b"\x82\xff" + bytes(8),
        )
    ),
    _request("GET /livez") + _request("HEAD /healthz", "Connection: close"),
)

TARGETS: Final = (
    Target(
        "http_request",
        http_request,
        (),
        (
            "kioskd.http.server:_accepted",
            "kioskd.http.access:json_object",
            "kioskd.http.access:_from_another_site",
            "kioskd.http.access:_host_name",
            "kioskd.http.access:_acts",
            "kioskd.http.gesture:GestureInput._gesture",
            "kioskd.http.listen:ListenOutput._listen",
            "kioskd.http.console:Console._stop",
            "kioskd.http.console:Console._say",
            "driving_client.serving.bodies:plain_bodies",
        ),
        _SEEDS,
        40,
        5000,
        (
            b"\r\n",
            b"\r\n\r\n",
            b"Host: ",
            b"Origin: ",
            b"Content-Type: ",
            b"application/json",
            b"Content-Length: ",
            b"Transfer-Encoding: chunked",
            b"Content-Encoding: deflate",
            b"Expect: 100-continue",
            b"Upgrade: websocket",
            b"Connection: Upgrade",
            b"/v1/listen",
            b"Connection: close",
            b"charset=utf-7",
            b"Authorization: ",
            b"Sec-Fetch-Site: cross-site",
            b"Accept: ",
            b"escaping=",
            b"q=",
            b"application/openmetrics-text",
            b"version=",
            b"/v1/say",
            b"OPTIONS ",
            b"HTTP/1.0",
        ),
    ),
)
