# SPDX-License-Identifier: Apache-2.0
"""The driveningress link against a scripted endpoint, over real sockets."""

from __future__ import annotations

import asyncio
import json
import re

import numpy as np
import pytest
from aiohttp import WSMsgType, web
from scripted_endpoint import linked, ramp, until, websocket_app

from driving_client.link import LinkDown, LinkUp, PlaybackState
from driving_client.wire.codec import (
    Animation,
    AudioInput,
    ConfigureSession,
    ConfirmSession,
    Interrupt,
    Pause,
    PlaybackStateMessage,
    Resume,
    ServerError,
    WireMessage,
    decode_message,
    encode_message,
)

ASKED = web.AppKey("asked", list)


class Endpoint:
    """Confirms sessions, while `confirming` is set, and keeps what it is sent."""

    def __init__(self, capabilities: tuple[str, ...] = ()) -> None:
        self.capabilities = capabilities
        self.sessions: list[list[WireMessage]] = []
        self.requests: list[web.Request] = []
        self.socket: web.WebSocketResponse | None = None
        self.confirming = asyncio.Event()
        self.confirming.set()

    async def __call__(self, socket: web.WebSocketResponse, request: web.Request) -> None:
        received: list[WireMessage] = []
        self.sessions.append(received)
        self.requests.append(request)
        self.socket = socket
        async for frame in socket:
            assert frame.type is WSMsgType.BINARY
            message = decode_message(frame.data)
            received.append(message)
            if isinstance(message, ConfigureSession):
                await self.confirming.wait()
                confirm = ConfirmSession(f"connection-{len(self.sessions)}", self.capabilities)
                await socket.send_bytes(encode_message(confirm))

    @property
    def received(self) -> list[WireMessage]:
        return self.sessions[-1] if self.sessions else []

    def audio(self, session: int = -1) -> list[AudioInput]:
        return [m for m in self.sessions[session] if isinstance(m, AudioInput)]

    async def send(self, message: WireMessage) -> None:
        assert self.socket is not None
        await self.socket.send_bytes(encode_message(message))


def test_a_local_voice_goes_up_and_its_motion_comes_back(tone: np.ndarray) -> None:
    async def story() -> None:
        endpoint = Endpoint()
        async with linked(
            websocket_app(endpoint), avatar_id="anna", app_id="app", session_key="key"
        ) as rig:
            await until(lambda: rig.ups)
            assert rig.ups[0] == LinkUp("connection-1")
            request = endpoint.requests[0]
            assert request.path == "/websocket"
            assert request.query["id"] == "anna"
            assert request.headers["X-App-ID"] == "app"
            assert request.headers["X-Session-Key"] == "key"
            assert endpoint.received == [ConfigureSession(16000)]

            voice = rig.link.begin_voice(16000)
            assert rig.utterances == [voice.utterance]
            for piece in np.array_split(tone, 7):
                voice.write(piece)
                await asyncio.sleep(0)
            voice.end()
            await until(lambda: endpoint.audio() and endpoint.audio()[-1].end)
            pieces = endpoint.audio()
            assert b"".join(p.audio for p in pieces) == tone.tobytes()
            assert [p.end for p in pieces] == [False] * (len(pieces) - 1) + [True]
            assert max(len(p.audio) for p in pieces) <= 3200
            request_id = pieces[0].request_id
            assert {p.request_id for p in pieces} == {request_id}
            assert re.fullmatch(r"\d{14}_[\w-]{12}", request_id)
            assert voice.utterance.request_id == request_id

            await endpoint.send(Animation(request_id, ramp(10)))
            await endpoint.send(Animation(request_id, ramp(15, 10), end=True))
            await until(lambda: voice.utterance.motion_ended)
            assert (voice.utterance.motion_frames() == ramp(25)).all()
            assert rig.link.counters.bytes_sent > len(tone) * 2
            assert rig.link.counters.bytes_received > 25 * 400

    asyncio.run(story())


def test_a_voice_of_another_rate_is_resampled_for_the_session_only() -> None:
    async def story() -> None:
        endpoint = Endpoint()
        samples = (np.sin(2 * np.pi * 440 * np.arange(44100) / 44100) * 9000).astype(np.int16)
        async with linked(websocket_app(endpoint)) as rig:
            await until(lambda: rig.ups)
            voice = rig.link.begin_voice(44100)
            voice.write(samples)
            voice.end()
            await until(lambda: endpoint.audio() and endpoint.audio()[-1].end)
            sent = np.frombuffer(b"".join(p.audio for p in endpoint.audio()), "<i2")
            assert abs(len(sent) - 16000) <= 1
            peak = np.argmax(np.abs(np.fft.rfft(sent[:16000])))
            assert abs(int(peak) - 440) <= 1
            assert voice.utterance.sample_rate == 44100
            assert voice.utterance.audio_length == 44100

    asyncio.run(story())


def test_late_motion_of_a_replaced_or_interrupted_utterance_is_dropped(tone: np.ndarray) -> None:
    async def story() -> None:
        endpoint = Endpoint()
        async with linked(websocket_app(endpoint)) as rig:
            await until(lambda: rig.ups)
            first = rig.link.begin_voice(16000)
            first.write(tone)
            await until(lambda: endpoint.audio())
            second = rig.link.begin_voice(16000)
            second.write(tone)
            first.write(tone)  # somebody goes on speaking into the old one
            await until(lambda: Interrupt(first.utterance.request_id) in endpoint.received)
            assert first.utterance.audio_length == len(tone)
            await until(lambda: endpoint.audio()[-1].request_id == second.utterance.request_id)

            rig.link.report_playback(second.utterance.request_id, PlaybackState.INTERRUPTED, 40)
            await until(lambda: Interrupt(second.utterance.request_id) in endpoint.received)
            await endpoint.send(Animation(first.utterance.request_id, ramp(5)))
            await endpoint.send(Animation(second.utterance.request_id, ramp(5)))
            await endpoint.send(Animation("never heard of", ramp(5)))
            await until(lambda: rig.link.counters.late_messages == 3)
            assert first.utterance.motion_length == second.utterance.motion_length == 0

    asyncio.run(story())


def test_after_a_lost_link_the_rest_of_the_motion_joins_at_its_place(tone: np.ndarray) -> None:
    async def story() -> None:
        endpoint = Endpoint()
        async with linked(websocket_app(endpoint)) as rig:
            await until(lambda: rig.ups)
            voice = rig.link.begin_voice(16000)
            voice.write(tone)
            utterance = voice.utterance
            await until(lambda: sum(len(a.audio) for a in endpoint.audio()) == 32000)
            await endpoint.send(Animation(utterance.request_id, ramp(10)))
            await until(lambda: utterance.motion_length == 10)
            assert endpoint.socket is not None
            endpoint.confirming.clear()
            await endpoint.socket.close(code=4002)
            await until(lambda: rig.downs)
            assert utterance.motion_failure == "link_lost"
            voice.write(tone)  # the voice goes on without a link
            voice.end()
            assert utterance.audio_length == 32000
            endpoint.confirming.set()

            await until(lambda: len(endpoint.sessions) == 2 and endpoint.audio()[-1:])
            await until(lambda: endpoint.audio()[-1].end)
            rest = endpoint.audio()
            assert rest[0].request_id != utterance.request_id
            whole = np.concatenate([tone, tone])
            assert b"".join(a.audio for a in rest) == whole[10 * 640 :].tobytes()
            assert utterance.motion_failure is None
            # What the old request might still have sent is late now
            await endpoint.send(Animation(utterance.request_id, ramp(7, 900)))
            await endpoint.send(Animation(rest[0].request_id, ramp(40, 10), end=True))
            await until(lambda: utterance.motion_ended)
            assert (utterance.motion_frames() == ramp(50)).all()
            assert rig.link.counters.late_messages == 1

    asyncio.run(story())


def test_motion_that_was_already_heard_is_not_asked_for_again(tone: np.ndarray) -> None:
    async def story() -> None:
        endpoint = Endpoint()
        async with linked(websocket_app(endpoint)) as rig:
            await until(lambda: rig.ups)
            voice = rig.link.begin_voice(16000)
            voice.write(tone)
            voice.end()
            utterance = voice.utterance
            await until(lambda: endpoint.audio() and endpoint.audio()[-1].end)
            await endpoint.send(Animation(utterance.request_id, ramp(5)))
            await until(lambda: utterance.motion_length == 5)
            rig.link.report_playback(utterance.request_id, PlaybackState.PAUSED, 600)
            await asyncio.sleep(0.01)
            assert endpoint.socket is not None
            await endpoint.socket.close(code=1011)
            await until(lambda: len(endpoint.sessions) == 2 and endpoint.audio()[-1:])
            await until(lambda: endpoint.audio()[-1].end)
            assert b"".join(a.audio for a in endpoint.audio()) == tone[15 * 640 :].tobytes()
            await endpoint.send(Animation(endpoint.audio()[0].request_id, ramp(10, 15), end=True))
            await until(lambda: utterance.motion_ended)
            sample = utterance.motion_at(0.7)
            assert sample is not None
            assert sample.values[0] == pytest.approx(0.0175)
            assert sample.overdue_s == 0
            missing = utterance.motion_at(0.4)  # in the break: the last frame before it
            assert missing is not None
            assert missing.values[0] == pytest.approx(0.004)
            assert missing.overdue_s == pytest.approx(0.2)

    asyncio.run(story())


def test_a_voice_begun_without_a_link_is_audio_only_until_the_link_is_there(
    tone: np.ndarray,
) -> None:
    async def story() -> None:
        endpoint = Endpoint()
        async with linked(websocket_app(endpoint)) as rig:
            voice = rig.link.begin_voice(16000)
            voice.write(tone)
            assert voice.utterance.motion_failure == "link_down"
            await until(lambda: rig.ups and endpoint.audio())
            assert voice.utterance.motion_failure is None
            assert endpoint.audio()[0].request_id == voice.utterance.request_id

    asyncio.run(story())


def test_pause_and_resume_go_up_only_where_the_endpoint_can(tone: np.ndarray) -> None:
    async def story(capabilities: tuple[str, ...]) -> list[WireMessage]:
        endpoint = Endpoint(capabilities)
        async with linked(websocket_app(endpoint)) as rig:
            await until(lambda: rig.ups)
            voice = rig.link.begin_voice(16000)
            voice.write(tone)
            await until(lambda: endpoint.audio())
            name = voice.utterance.request_id
            for state, at in (("playing", 0), ("paused", 200), ("playing", 200)):
                rig.link.report_playback(name, PlaybackState(state), at)
            await endpoint.send(PlaybackStateMessage(name, 1, 200))
            rig.link.report_playback(name, PlaybackState.ENDED, 1000)
            await until(lambda: Interrupt(name) in endpoint.received)
            return [m for m in endpoint.received if isinstance(m, Pause | Resume)]

    with_control = asyncio.run(story(("playback_control",)))
    assert [type(m) for m in with_control] == [Pause, Resume]
    assert asyncio.run(story(())) == []


def test_an_error_of_one_request_costs_its_motion_and_not_the_session(tone: np.ndarray) -> None:
    async def story() -> None:
        endpoint = Endpoint()
        async with linked(websocket_app(endpoint)) as rig:
            await until(lambda: rig.ups)
            voice = rig.link.begin_voice(16000)
            voice.write(tone)
            name = voice.utterance.request_id
            await until(lambda: endpoint.audio())
            await endpoint.send(ServerError(3, "bad audio", request_id=name))
            await until(lambda: voice.utterance.motion_failure)
            assert voice.utterance.motion_failure == "server_error_3"
            assert voice.utterance.audio_length == len(tone)
            assert not rig.downs
            other = rig.link.begin_voice(16000)
            other.write(tone)
            await until(lambda: endpoint.audio()[-1].request_id == other.utterance.request_id)

    asyncio.run(story())


def test_damaged_frames_are_dropped_and_counted_and_the_session_stays(tone: np.ndarray) -> None:
    async def story() -> None:
        endpoint = Endpoint()
        async with linked(websocket_app(endpoint)) as rig:
            await until(lambda: rig.ups)
            voice = rig.link.begin_voice(16000)
            voice.write(tone)
            name = voice.utterance.request_id
            await until(lambda: endpoint.audio())
            assert endpoint.socket is not None
            await endpoint.socket.send_bytes(b"\xff\xff\xff")
            await endpoint.socket.send_str("a text frame is ignored")
            frames = ramp(4)
            frames[1, 50] = np.nan
            await endpoint.send(Animation(name, frames))
            await until(lambda: voice.utterance.motion_length == 4)
            assert rig.link.counters.failures == {"protocol_error": 1}
            assert rig.link.counters.frames_dropped == 1
            assert voice.utterance.motion_frames()[:, 0] == pytest.approx([0, 0, 0.002, 0.003])
            assert not rig.downs

    asyncio.run(story())


CLOSES = [
    (4001, "fatal"),
    (4002, "again"),
    (4003, "again"),
    (4010, "fatal"),  # it comes again with the fresh token: twice in a row
    (4099, "fatal"),
    (4503, "again"),
    (1011, "again"),
]


@pytest.mark.parametrize(
    ("code", "outcome", "how"),
    [(*close, "close") for close in CLOSES]
    + [(code, outcome, "error") for code, outcome in CLOSES if code >= 4000],
)
def test_the_end_of_a_session_is_treated_by_its_code(code: int, outcome: str, how: str) -> None:
    attempts = 0

    async def refuse(socket: web.WebSocketResponse, _: web.Request) -> None:
        nonlocal attempts
        attempts += 1
        await socket.receive()
        if how == "error":
            await socket.send_bytes(encode_message(ServerError(code, "because")))
            await socket.receive()
        await socket.close(code=code)

    async def story() -> None:
        async with linked(websocket_app(refuse)) as rig:
            if outcome == "fatal":
                await asyncio.wait_for(rig.task, 5)
                assert rig.downs[-1].fatal
                assert rig.downs[-1].retry_in_s is None
                assert str(code) in rig.downs[-1].reason
                assert attempts == (2 if code == 4010 else 1)
            else:
                await until(lambda: attempts >= 3)
                assert not any(down.fatal for down in rig.downs)
            assert not rig.ups

    asyncio.run(story())


UPGRADES = [(401, 2), (400, 2), (402, 1), (403, 1), (404, 1), (429, None), (503, None)]


@pytest.mark.parametrize(("status", "attempts_before_the_end"), UPGRADES)
def test_a_refused_upgrade_is_treated_by_its_status(
    status: int, attempts_before_the_end: int | None
) -> None:
    attempts = 0

    async def refuse(_: web.Request) -> web.Response:
        nonlocal attempts
        attempts += 1
        return web.Response(status=status)

    async def story() -> None:
        app = web.Application()
        app.router.add_get("/websocket", refuse)
        async with linked(app) as rig:
            if attempts_before_the_end is None:
                await until(lambda: attempts >= 3)
                assert all(isinstance(e, LinkDown) and not e.fatal for e in rig.events)
            else:
                await asyncio.wait_for(rig.task, 5)
                assert attempts == attempts_before_the_end
                assert rig.downs[-1].fatal
                assert f"http_{status}" in rig.downs[-1].reason

    asyncio.run(story())


def test_a_silent_or_wrong_handshake_is_tried_again() -> None:
    behaviours = ["silent", "empty id", "garbage", "hang up", "ok"]

    async def handler(socket: web.WebSocketResponse, _: web.Request) -> None:
        match behaviours.pop(0):
            case "empty id":
                await socket.send_bytes(encode_message(ConfirmSession("")))
            case "garbage":
                await socket.send_bytes(b"\x08\x02")
            case "hang up":
                return
            case "ok":
                await socket.send_str("texts are ignored")
                await socket.send_bytes(encode_message(PlaybackStateMessage("x", 1)))
                await socket.send_bytes(encode_message(ConfirmSession("at last")))
        await socket.receive()
        await socket.receive()

    async def story() -> None:
        async with linked(websocket_app(handler), connect_timeout_s=0.1) as rig:
            await until(lambda: rig.ups)
            assert rig.ups == [LinkUp("at last")]
            codes = [down.reason.split(":")[0] for down in rig.downs]
            assert codes[:3] == ["confirm_timeout", "handshake_damaged", "handshake_damaged"]
            assert codes[3].startswith("close_")

    asyncio.run(story())


def test_an_endpoint_that_is_not_there_yet_is_found_later() -> None:
    async def story() -> None:
        endpoint = Endpoint()
        async with linked(websocket_app(endpoint)) as rig:
            await until(lambda: rig.ups)
            socket = endpoint.socket
            assert socket is not None
            assert socket._req is not None
            transport = socket._req.transport
            assert transport is not None
            transport.abort()  # as if a cable was pulled: no close frame
            await until(lambda: len(rig.ups) == 2)
            assert rig.link.counters.connects == 2

    asyncio.run(story())


def token_app(endpoint: Endpoint, replies: list[tuple[int, object]]) -> web.Application:
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
        endpoint = Endpoint()
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
        endpoint = Endpoint()
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
        app = token_app(Endpoint(), [(status, document)] * 9)
        async with linked(app, token_path="/session-tokens", api_key="secret") as rig:
            await until(lambda: rig.downs)
            assert told in rig.downs[0].reason
            assert rig.downs[0].fatal == (status in (401, 403))

    asyncio.run(story())
