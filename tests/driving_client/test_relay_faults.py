# SPDX-License-Identifier: Apache-2.0
"""What a relay link bears: damage, errors, silence, lost connections."""

from __future__ import annotations

import asyncio
import contextlib

import numpy as np
import pytest
from aiohttp import web
from aiohttp.typedefs import Handler
from scripted_endpoint import Backend, linked, motion, relay, settled, until, websocket_app

from driving_client.link.interface import PlaybackState
from driving_client.wire.relay_frames import AudioFrame, ErrorFrame, MetadataFrame


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
            await settled(rig, backend)
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
            await asyncio.wait_for(rig.task, 60)
            assert rig.downs[-1].fatal

    asyncio.run(story())


def test_an_error_without_an_id_fails_nothing(tone: np.ndarray) -> None:
    async def story() -> None:
        backend = Backend()
        async with relay(backend) as rig:
            await until(lambda: rig.ups)
            # This utterance has no name on the wire yet: an empty id must not be taken for it
            await backend.send(AudioFrame(tone[:160]), ErrorFrame("something else"))
            await until(lambda: rig.link.counters.failures.get("backend_error"))
            assert rig.utterances[0].motion_failure is None

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


@pytest.mark.parametrize("greets", [True, False], ids=["by a frame", "by standing"])
def test_a_relay_that_has_worked_is_waited_for_when_it_refuses(
    greets: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("driving_client.link.session.WORKS_AFTER_S", 0.05)

    async def story() -> None:
        backend = Backend()
        refused: list[str] = []

        @web.middleware
        async def proxy(request: web.Request, handler: Handler) -> web.StreamResponse:
            if refused:
                refused.append("again")
                return web.Response(status=404)
            return await handler(request)

        app = websocket_app(backend)
        app.middlewares.append(proxy)
        async with linked(app, dialect="relay") as rig:
            await until(lambda: rig.ups)
            if greets:
                await backend.send(MetadataFrame(16000))
                await settled(rig, backend)
            else:
                await asyncio.sleep(0.1)
            refused.append("now")
            await backend.sockets[-1].close(code=1012)
            await until(lambda: len(refused) > 3)
            assert not rig.task.done()
            refused.clear()
            await until(lambda: len(rig.ups) == 2)

    asyncio.run(story())


def test_a_relay_that_refuses_after_each_upgrade_has_never_worked() -> None:
    async def story() -> None:
        async def refuse(socket: web.WebSocketResponse, _: web.Request) -> None:
            await socket.receive()
            await socket.close(code=4010)

        async with linked(websocket_app(refuse), dialect="relay") as rig:
            await asyncio.wait_for(rig.task, 30)
            assert rig.downs[-1].fatal

    asyncio.run(story())


def test_shutting_down_is_quick_even_if_the_backend_does_not_answer() -> None:
    async def story() -> None:
        release = asyncio.Event()

        async def deaf(socket: web.WebSocketResponse, _: web.Request) -> None:
            await release.wait()

        async with linked(websocket_app(deaf), dialect="relay") as rig:
            await until(lambda: rig.ups)
            rig.task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asyncio.wait_for(rig.task, 8)  # aiohttp by itself would wait for 10 s
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
            await until(lambda: len(rig.ups) >= 2)
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


def test_the_same_fault_again_and_again_is_logged_ever_more_seldom(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """An endpoint that is away for a week must not fill the journal."""

    async def refuse(_request: web.Request) -> web.StreamResponse:
        raise web.HTTPServiceUnavailable

    async def story() -> None:
        app = web.Application()
        app.router.add_get("/relay", refuse)
        async with linked(app, dialect="relay") as rig:
            await until(lambda: len(rig.downs) >= 9)

    asyncio.run(story())
    told = [each.getMessage() for each in caplog.records if each.name.endswith("link.session")]
    assert len(told) == 4, told
    assert "(8 times in a row)" in told[-1]
