# SPDX-License-Identifier: Apache-2.0
"""The relay link against a scripted backend, over real sockets."""

from __future__ import annotations

import asyncio
import contextlib
import json

import numpy as np
import pytest
from aiohttp import WSMsgType, web
from scripted_endpoint import Rig, linked, ramp, until, websocket_app

from driving_client.link import Control, ControlRequested, LinkUp, PlaybackState
from driving_client.wire.codec import Animation, Pause
from driving_client.wire.relay_frames import (
    AudioFrame,
    ErrorFrame,
    MetadataFrame,
    MotionFrame,
    RelayFrame,
    encode_frame,
)


class Backend:
    """Takes texts and, once somebody is connected, sends what the test wants."""

    def __init__(self) -> None:
        self.texts: list[dict[str, object]] = []
        self.sockets: list[web.WebSocketResponse] = []

    async def __call__(self, socket: web.WebSocketResponse, request: web.Request) -> None:
        self.sockets.append(socket)
        async for frame in socket:
            assert frame.type is WSMsgType.TEXT
            self.texts.append(json.loads(frame.data))

    async def send(self, *frames: RelayFrame | dict[str, str]) -> None:
        for frame in frames:
            if isinstance(frame, dict):
                await self.sockets[-1].send_str(json.dumps(frame))
            else:
                await self.sockets[-1].send_bytes(encode_frame(frame))


def motion(request_id: str, count: int, start: int = 0, *, end: bool = False) -> MotionFrame:
    return MotionFrame((Animation(request_id, ramp(count, start), end),))


def relay(backend: Backend, **settings: object):
    return linked(websocket_app(backend), dialect="relay", **settings)


async def settled(rig: Rig) -> None:
    """Everything that was sent before has been seen."""
    seen = rig.link.counters.messages_received
    await asyncio.sleep(0.03)
    while rig.link.counters.messages_received != seen:
        seen = rig.link.counters.messages_received
        await asyncio.sleep(0.03)


def test_a_backend_speaks_and_hears_what_became_of_it(tone: np.ndarray) -> None:
    async def story() -> None:
        backend = Backend()
        async with relay(backend, avatar_id="anna", sample_rate=24000) as rig:
            await until(lambda: backend.texts)
            assert backend.texts == [{"action": "start", "avatar_id": "anna", "sample_rate": 24000}]
            await until(lambda: rig.ups)
            assert rig.ups == [LinkUp("")]
            await backend.send(
                MetadataFrame(16000, "one", "anna", "c"),
                motion("one", 10),
                AudioFrame(tone[:1600]),
                MotionFrame(
                    (Pause("ignored"), Animation("one", ramp(15, 10), end=True)), last=True
                ),
                AudioFrame(tone[1600:]),
                AudioFrame(tone[:0], last=True),
            )
            await until(lambda: rig.utterances and rig.utterances[0].audio_ended)
            (utterance,) = rig.utterances
            assert utterance.request_id == "one"
            assert utterance.sample_rate == 16000
            assert (utterance.audio(0, 99999) == tone).all()
            assert (utterance.motion_frames() == ramp(25)).all()
            assert utterance.motion_ended
            for state, at in ((PlaybackState.PLAYING, 0), (PlaybackState.ENDED, 1000)):
                rig.link.report_playback("one", state, at)
            await until(lambda: len(backend.texts) == 3)
            assert backend.texts[1:] == [
                {"event": "playback", "req_id": "one", "state": "playing", "played_ms": 0},
                {"event": "playback", "req_id": "one", "state": "ended", "played_ms": 1000},
            ]

    asyncio.run(story())


def test_texts_of_the_backend_become_requests() -> None:
    async def story() -> None:
        backend = Backend()
        async with relay(backend) as rig:
            await until(lambda: rig.ups)
            await backend.send(
                {"action": "pause", "req_id": "one"},
                {"action": "resume"},
                {"action": "dance"},
                {"event": "whatever"},
                {"action": "state", "req_id": ""},
                {"action": "interrupt"},
            )
            await settled(rig)
            assert [e for e in rig.events if isinstance(e, ControlRequested)] == [
                ControlRequested(Control.PAUSE, "one"),
                ControlRequested(Control.RESUME),
                ControlRequested(Control.STATE),
                ControlRequested(Control.INTERRUPT),
            ]
            assert rig.link.counters.failures == {}

    asyncio.run(story())


def test_what_comes_late_of_an_interrupted_utterance_is_dropped(tone: np.ndarray) -> None:
    async def story() -> None:
        backend = Backend()
        async with relay(backend) as rig:
            await until(lambda: rig.ups)
            await backend.send(
                MetadataFrame(16000, "one"),
                AudioFrame(tone[:160]),
                motion("one", 5),
                {"action": "interrupt", "req_id": "one"},
                AudioFrame(tone),
                motion("one", 5, 5),
                MetadataFrame(16000, "two"),
                motion("one", 5, 10),
                AudioFrame(tone),
                motion("two", 5),
                motion("three", 5),
            )
            await settled(rig)
            first, second = rig.utterances
            assert (first.audio_length, first.motion_length) == (160, 5)
            assert first.audio_ended
            assert (second.audio_length, second.motion_length) == (16000, 5)
            assert rig.link.counters.late_messages == 4

    asyncio.run(story())


def test_an_interrupt_by_the_player_drops_the_rest_as_well(tone: np.ndarray) -> None:
    async def story() -> None:
        backend = Backend()
        async with relay(backend) as rig:
            await until(lambda: rig.ups)
            await backend.send(MetadataFrame(16000, "one"), AudioFrame(tone[:160]))
            await until(lambda: rig.utterances)
            rig.link.report_playback("one", PlaybackState.INTERRUPTED, 10)
            await until(lambda: backend.texts[-1].get("state") == "interrupted")
            # The backend has not read that yet: the rest of it, then something new
            await backend.send(AudioFrame(tone), AudioFrame(tone, last=True), AudioFrame(tone[:80]))
            await until(lambda: len(rig.utterances) == 2)
            await settled(rig)
            assert [u.audio_length for u in rig.utterances] == [160, 80]

    asyncio.run(story())


def test_a_new_utterance_while_one_is_open_replaces_it(tone: np.ndarray) -> None:
    async def story() -> None:
        backend = Backend()
        async with relay(backend) as rig:
            await until(lambda: rig.ups)
            await backend.send(
                MetadataFrame(16000, "one"),
                AudioFrame(tone),
                MetadataFrame(48000, "two"),
                MetadataFrame(48000, "two"),
                motion("one", 5),
                AudioFrame(tone[:480]),
            )
            await until(lambda: len(rig.utterances) == 2 and rig.utterances[1].audio_length)
            first, second = rig.utterances
            assert first.audio_ended
            assert first.motion_failure == "superseded"
            assert (second.sample_rate, second.audio_length) == (48000, 480)

    asyncio.run(story())


def test_a_published_relay_without_request_ids_in_its_metadata(tone: np.ndarray) -> None:
    async def story() -> None:
        backend = Backend()
        async with relay(backend) as rig:
            await until(lambda: rig.ups)
            await backend.send(
                MetadataFrame(24000, connection_id="c"),
                AudioFrame(tone[:240]),
                motion("a", 3),
                AudioFrame(tone[:240], last=True),
                motion("a", 2, 3, end=True),
                motion("b", 4),
                AudioFrame(tone[:480], last=True),
                motion("a", 9, end=True),
                motion("b", 0, end=True),
                AudioFrame(tone[:24]),
            )
            await until(lambda: len(rig.utterances) == 3)
            first, second, third = rig.utterances
            assert (first.audio_length, first.motion_length) == (480, 5)
            assert (second.audio_length, second.motion_length) == (480, 4)
            assert third.audio_length == 24
            assert {u.sample_rate for u in rig.utterances} == {24000}
            rig.link.report_playback(first.request_id, PlaybackState.ENDED, 20)
            await until(lambda: backend.texts[-1].get("event"))
            assert backend.texts[-1]["req_id"] == "a"

    asyncio.run(story())


def test_damaged_frames_cost_nothing_else(tone: np.ndarray) -> None:
    async def story() -> None:
        backend = Backend()
        async with relay(backend) as rig:
            await until(lambda: rig.ups)
            await backend.send(MetadataFrame(16000, "one"), AudioFrame(tone[:160]))
            for damaged in (b"", b"\x01\x00a", b"\x02\x00\x00", b"\x03\x00{}", b"\x04\x00x"):
                await backend.sockets[-1].send_bytes(damaged)
            for nonsense in ("no JSON", "[]", '{"action": 7}', '{"action": "state", "req_id": 1}'):
                await backend.sockets[-1].send_str(nonsense)
            await backend.sockets[-1].send_bytes(b"\x77\x00newer")
            await backend.send(MetadataFrame(16000, "one"), AudioFrame(tone[160:], last=True))
            await until(lambda: rig.utterances and rig.utterances[0].audio_ended)
            assert rig.utterances[0].audio_length == len(tone)
            assert rig.link.counters.failures == {"protocol_error": 7}
            assert not rig.downs
            # A used id is refused, and its audio is not mistaken for somebody else's
            await backend.send(MetadataFrame(16000, "two"), AudioFrame(tone[:10], last=True))
            await backend.send(MetadataFrame(16000, "one"), AudioFrame(tone))
            await settled(rig)
            assert [u.audio_length for u in rig.utterances] == [len(tone), 10]

    asyncio.run(story())


def test_an_error_frame_fails_the_motion_or_is_told() -> None:
    async def story() -> None:
        backend = Backend()
        async with relay(backend) as rig:
            await until(lambda: rig.ups)
            await backend.send(
                MetadataFrame(16000, "one"),
                ErrorFrame("no avatar today"),
                ErrorFrame("no motion for this", "one", 14),
            )
            await until(lambda: rig.link.counters.failures.get("backend_error") == 2)
            assert rig.utterances[0].motion_failure == "backend_error"
            assert not rig.downs
            await backend.send(ErrorFrame("credits", code=4001))
            await asyncio.wait_for(rig.task, 5)
            assert rig.downs[-1].fatal

    asyncio.run(story())


def test_a_lost_link_keeps_what_has_come_and_comes_back(tone: np.ndarray) -> None:
    async def story() -> None:
        backend = Backend()
        async with relay(backend) as rig:
            await until(lambda: rig.ups)
            await backend.send(MetadataFrame(16000, "one"), AudioFrame(tone), motion("one", 5))
            await until(lambda: rig.utterances and rig.utterances[0].motion_length == 5)
            await backend.sockets[0].close(code=1012)
            await until(lambda: len(rig.ups) == 2)
            utterance = rig.utterances[0]
            assert utterance.motion_failure == "link_lost"
            assert utterance.audio_ended
            assert utterance.audio_length == len(tone)
            assert utterance.motion_length == 5
            await backend.send(motion("one", 5, 5), MetadataFrame(16000, "two"))
            await until(lambda: len(rig.utterances) == 2)
            assert utterance.motion_length == 5
            assert [text["action"] for text in backend.texts] == ["start", "start"]

    asyncio.run(story())


def test_a_local_voice_on_a_relay_is_audio_only(tone: np.ndarray) -> None:
    async def story() -> None:
        backend = Backend()
        async with relay(backend) as rig:
            voice = rig.link.begin_voice(22050)
            assert voice.utterance.motion_failure == "link_down"
            await until(lambda: rig.ups)
            voice = rig.link.begin_voice(22050)
            voice.write(tone)
            voice.end()
            assert voice.utterance.motion_failure == "relay_takes_no_voice"
            assert (voice.utterance.audio(0, 99999) == tone).all()
            assert len(rig.utterances) == 2

    asyncio.run(story())


def test_an_oversized_frame_ends_the_session_only() -> None:
    async def story() -> None:
        backend = Backend()
        async with relay(backend) as rig:
            await until(lambda: rig.ups)
            with contextlib.suppress(ConnectionError):  # the kiosk hangs up amid the frame
                await backend.sockets[0].send_bytes(bytes(5 * 1024 * 1024))
            await until(lambda: len(rig.ups) == 2)
            assert "1009" in rig.downs[0].reason

    asyncio.run(story())


def test_shutting_down_is_quick_even_if_the_backend_does_not_answer() -> None:
    async def story() -> None:
        release = asyncio.Event()

        async def deaf(socket: web.WebSocketResponse, _: web.Request) -> None:
            await release.wait()

        async with linked(websocket_app(deaf), dialect="relay") as rig:
            await until(lambda: rig.ups)
            before = asyncio.get_running_loop().time()
            rig.task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await rig.task
            assert asyncio.get_running_loop().time() - before < 1.5
            release.set()

    asyncio.run(story())


def test_a_backend_that_falls_silent_is_noticed_by_its_missing_pongs() -> None:
    async def story() -> None:
        async def mute(request: web.Request) -> web.WebSocketResponse:
            socket = web.WebSocketResponse(autoping=False)
            await socket.prepare(request)
            async for _ in socket:  # reads the pings and answers none
                pass
            return socket

        app = web.Application()
        app.router.add_get("/relay", mute)
        async with linked(app, dialect="relay", heartbeat_s=0.1) as rig:
            await until(lambda: len(rig.ups) == 2)
            assert rig.downs[0].retry_in_s is not None

    asyncio.run(story())


def test_reports_may_come_from_any_thread_and_are_lost_without_a_link() -> None:
    async def story() -> None:
        backend = Backend()
        async with relay(backend) as rig:
            rig.link.report_playback("early", PlaybackState.PLAYING, 0)
            await until(lambda: rig.ups)
            await asyncio.gather(
                *(
                    asyncio.to_thread(
                        rig.link.report_playback, f"r{number}", PlaybackState.ENDED, number
                    )
                    for number in range(20)
                )
            )
            await until(lambda: len(backend.texts) == 21)
            named = {text["req_id"]: text["played_ms"] for text in backend.texts[1:]}
            assert named == {f"r{number}": number for number in range(20)}

    asyncio.run(story())


def test_a_backend_that_does_not_read_costs_reports_and_no_memory() -> None:
    async def story() -> None:
        async def unread(socket: web.WebSocketResponse, request: web.Request) -> None:
            assert request.transport is not None
            request.transport.pause_reading()  # type: ignore[attr-defined]
            await asyncio.sleep(30)

        async with linked(websocket_app(unread), dialect="relay") as rig:
            await until(lambda: rig.ups)
            for _ in range(20):
                for _ in range(200):
                    rig.link.report_playback("x" * 4000, PlaybackState.PLAYING, 0)
                await asyncio.sleep(0.005)
            await until(lambda: rig.link.counters.failures.get("upstream_full"))
            sent = rig.link.counters.bytes_sent
            assert sent < 16e6

    asyncio.run(story())
