# SPDX-License-Identifier: Apache-2.0
"""What clients send to the embedded endpoint: both dialects, and requests for tokens."""

from __future__ import annotations

import json
import time
from functools import cache
from types import SimpleNamespace
from typing import Final, cast

import numpy as np
from aiohttp import WSMessage, WSMsgType, web

from driving_client.endpoint.driveningress_session import DrivingIngressSession
from driving_client.endpoint.relay_session import RelaySession
from driving_client.endpoint.session_tokens import grant
from driving_client.endpoint.speaker import Speaker
from driving_client.link.flood import FloodGuard
from driving_client.link.frame_reader import FrameReader
from driving_client.link.meter import Meter
from driving_client.retarget import Retarget, load_retarget
from driving_client.sample_rates import SAMPLE_RATES
from driving_client.voices.choice import Voices
from driving_client.voices.wish import read_wish
from driving_client.wire.codec import (
    AudioInput,
    ConfigureSession,
    Interrupt,
    Pause,
    WireMessage,
    encode_message,
)
from driving_client.wire.relay_frames import MAX_JSON_BYTES
from fuzzing.frames import BINARY, TEXT, frames_in, sequence
from fuzzing.target import Target, finish, header, join, split

_CLOSED: Final = WSMessage(WSMsgType.CLOSED, None, None)
_MOST_FRAMES: Final = 8
"""Each may cost the motion of some seconds."""


class _Socket:
    """A WebSocket of the server whose client has sent everything already."""

    def __init__(self, messages: list[WSMessage]) -> None:
        self.closed = False
        self.sent: list[bytes | str] = []
        self.left = iter(messages)

    async def receive(self) -> WSMessage:
        return _CLOSED if self.closed else next(self.left, _CLOSED)

    async def pong(self, message: bytes = b"") -> None:
        self.sent.append(message)

    async def send_bytes(self, data: bytes) -> None:
        self.sent.append(data)

    async def send_str(self, data: str) -> None:
        self.sent.append(data)

    async def close(self, *, code: int = 1000, message: bytes = b"") -> bool:
        assert len(message) <= 123, "a close frame takes no more"
        assert 1000 <= code < 5000
        self.closed = True
        return True


def _socket(messages: list[WSMessage]) -> tuple[_Socket, web.WebSocketResponse]:
    socket = _Socket(messages)
    return socket, cast(web.WebSocketResponse, socket)


def _reader(socket: web.WebSocketResponse) -> FrameReader:
    return FrameReader(socket, FloodGuard(), Meter())


@cache
def _retarget() -> Retarget:
    return load_retarget(None)


@cache
def _speaker() -> Speaker:
    return Speaker(_retarget())


def endpoint_relay(data: bytes) -> None:
    """The texts of a kiosk on `/relay`: start, and reports of what it plays."""
    socket, as_response = _socket(frames_in(data)[:_MOST_FRAMES])
    session = RelaySession(as_response, _reader(as_response), _speaker(), Voices().choose, 4.0)
    if not finish(session._start()):
        return
    assert type(session._sample_rate) is int
    assert session._sample_rate in SAMPLE_RATES
    assert read_wish(session.voice.document()) == session.voice
    session._current = "r"
    for message in socket.left:
        if message.type is WSMsgType.TEXT:
            session._text(message.data)


def endpoint_driveningress(data: bytes) -> None:
    """A whole session of a client on `/websocket`."""
    _, as_response = _socket(frames_in(data)[:_MOST_FRAMES])
    reader = _reader(as_response)
    finish(DrivingIngressSession(as_response, reader, _retarget(), 1000.0).serve())


class _TokenRequest(SimpleNamespace):
    async def read(self) -> bytes:
        body: bytes = self.body
        return body


def token_request(data: bytes) -> None:
    """API key and body of a request for a session token; NOW in it is a moment from now."""
    key, body = split(data, 2)
    body = body.replace(b"NOW", str(int(time.time()) + 60).encode())
    request = _TokenRequest(headers={"X-Api-Key": header(key)}, body=body)
    answer = finish(grant(cast(web.Request, request)))
    assert answer.status in (200, 400, 401)


def _sequence(*frames: bytes | WireMessage) -> bytes:
    return sequence(
        *(
            (TEXT, frame) if isinstance(frame, bytes) else (BINARY, encode_message(frame))
            for frame in frames
        )
    )


def _json(**document: object) -> bytes:
    return json.dumps(document).encode()


_START: Final = _json(action="start", avatar_id="a", sample_rate=16000)
_SOUND: Final = np.ones(1600, "<i2").tobytes()
_WORDS: Final = (
    b"action", b"start", b"sample_rate", b"event", b"playback", b"played_ms", b"state", b"paused",
    b"playing", b"ended", b"req_id", b"expireAt", b"16000", b"16000.0", b"voice", b"name",
    b"language", b"sex", b"pitch", b"female", b"male", b"de+f2",
)  # fmt: skip

TARGETS: Final = (
    Target(
        "endpoint_relay",
        endpoint_relay,
        (),
        (
            "driving_client.endpoint.relay_session:RelaySession._start",
            "driving_client.endpoint.relay_session:RelaySession._refuse",
            "driving_client.endpoint.relay_session:RelaySession._text",
            "driving_client.endpoint.relay_session:_object",
            "driving_client.voices.wish:",
        ),
        (
            *(
                _sequence(_START, _json(event="playback", req_id="r", state=state, played_ms=40))
                for state in ("playing", "paused", "ended")
            ),
            _sequence(_json(action="start", voice={"language": "de", "sex": "male", "pitch": 99})),
            _sequence(_json(action="start", voice={"name": "nobody"})),
            _sequence(_json(action="start", voice="slt")),
            _sequence(_START, b"[]", _json(event="playback", req_id="other")),
            _sequence(_json(action="start", sample_rate=1)),
            _sequence(Interrupt("r")),
            b"",
        ),
        200,
        12000,
        _WORDS,
        (_sequence(_START, b"x" * (MAX_JSON_BYTES + 1)),),
    ),
    Target(
        "endpoint_driveningress",
        endpoint_driveningress,
        (),
        (
            "driving_client.endpoint.driveningress_session:DrivingIngressSession.serve",
            "driving_client.endpoint.driveningress_session:DrivingIngressSession._agreed_rate",
            "driving_client.endpoint.driveningress_session:DrivingIngressSession._handle",
            "driving_client.endpoint.driveningress_session:DrivingIngressSession._audio",
            "driving_client.endpoint.driveningress_session:_Request.pieces",
        ),
        (
            _sequence(ConfigureSession(16000), AudioInput("r", _SOUND), AudioInput("r", b"", True)),
            _sequence(ConfigureSession(0), AudioInput("r", b"a")),
            _sequence(ConfigureSession(16000), AudioInput("r", b"", True), AudioInput("r", b"")),
            _sequence(ConfigureSession(16000), AudioInput("r", _SOUND), Interrupt("r")),
            _sequence(ConfigureSession(16000), AudioInput("", b"")),
            _sequence(ConfigureSession(16000), Interrupt("r"), Pause("r"), ConfigureSession(8000)),
            _sequence(ConfigureSession(16000, audio_format=1), AudioInput("r", b"OggS", True)),
            _sequence(ConfigureSession(16000, audio_format=1), AudioInput("r", b"OggS")),
            _sequence(ConfigureSession(16000, audio_format=1)).replace(b"\x18\1", b"\x18\2"),
            _sequence(ConfigureSession(16000), Interrupt("r"), AudioInput("r", _SOUND), b"text"),
            _sequence(ConfigureSession(16000), AudioInput("r", b"", True), Interrupt("r")),
            _sequence(ConfigureSession(17)),
            _sequence(ConfigureSession(16000, egress_type=1)),
            _sequence(b"text", ConfigureSession(16000)),
            _sequence(Pause("r")),
        ),
        10,
        60,
        _WORDS,
    ),
    Target(
        "token_request",
        token_request,
        (),
        ("driving_client.endpoint.session_tokens:grant",),
        (
            join(b"key", _json(expireAt=1)),
            join(b"key", _json(expireAt="1")),
            join(b"key", b"["),
            join(b"key", b"{}"),
            join(b"key", b'{"expireAt": NOW}'),
            join(b"", b"{}"),
        ),
        200,
        40000,
        _WORDS,
    ),
)
