# SPDX-License-Identifier: Apache-2.0
"""POST /v1/speak: a voice is spoken while it is made, anything else is refused in words."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator

import aiohttp
import numpy as np
import pytest
from aiohttp import web

from driving_client.link.interface import LinkEvent, UtteranceStarted
from driving_client.utterance import Utterance
from kioskd.http.speak import VoiceInput
from kioskd.link.local_links import NoLink
from kioskd.loop_thread import LoopThread

TONE = (8000 * np.sin(np.arange(2000) / 7)).astype(np.int16)


async def _end(link: LoopThread) -> None:
    assert link.begin_stop()(5.0)


class Kiosk:
    """A server with the route, and the utterances that it began."""

    def __init__(self) -> None:
        self.utterances: list[Utterance] = []
        self.enabled = True
        self.url = ""

    def sink(self, event: LinkEvent) -> None:
        assert isinstance(event, UtteranceStarted)
        self.utterances.append(event.utterance)

    async def serve(self) -> web.AppRunner:
        app = web.Application()
        self.link = link = LoopThread("link")
        link.start()
        app.on_cleanup.append(lambda _app: _end(link))
        begin = NoLink(self.sink).begin_voice
        VoiceInput(begin, link.ask, lambda: self.enabled).add_routes(app)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1/speak"
        return runner


def test_a_voice_is_spoken_while_it_is_still_being_made() -> None:
    async def test() -> None:
        kiosk = Kiosk()
        runner = await kiosk.serve()
        heard: list[int] = []

        async def voice() -> AsyncIterator[bytes]:
            for number, part in enumerate(np.split(TONE, 4)):
                yield part.tobytes()
                while not (kiosk.utterances and kiosk.utterances[0].audio_length > 500 * number):
                    await asyncio.sleep(0.005)
                heard.append(kiosk.utterances[0].audio_length)

        async with (
            aiohttp.ClientSession() as session,
            session.post(kiosk.url + "?sample_rate=16000", data=voice()) as answer,
        ):
            assert answer.status == 200
            told = await answer.json()
        [utterance] = kiosk.utterances
        assert heard == [500, 1000, 1500, 2000]
        assert told == {"req_id": utterance.request_id, "seconds": 0.125}
        assert utterance.audio_ended
        assert utterance.motion_failure == "no_endpoint"
        np.testing.assert_array_equal(utterance.audio(0, 5000), TONE)
        await runner.cleanup()

    asyncio.run(asyncio.wait_for(test(), 60))


def test_refusals_start_no_utterance_and_a_cut_voice_ends(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def test() -> None:
        kiosk = Kiosk()
        runner = await kiosk.serve()
        async with aiohttp.ClientSession() as session:

            async def post(query: str, data: bytes) -> tuple[int, str]:
                async with session.post(kiosk.url + query, data=data) as answer:
                    return answer.status, await answer.text()

            for query, data in (
                ("", b"\0\0"),
                ("?sample_rate=x", b"\0\0"),
                ("?sample_rate=7999", b"\0\0"),
                ("?sample_rate=16000", b""),
                ("?sample_rate=16000", b"\0"),
            ):
                status, text = await post(query, data)
                assert (status, "bad_voice" in text) == (400, True), (query, data)
            assert not kiosk.utterances
            kiosk.enabled = False
            assert (await post("?sample_rate=16000", TONE.tobytes()))[0] == 403
            kiosk.enabled = True
        host, port = kiosk.url.split("/")[2].split(":")
        _, writer = await asyncio.open_connection(host, int(port))
        request = "POST /v1/speak?sample_rate=16000 HTTP/1.1\r\nHost: x\r\nContent-Length: 9999\r\n"
        writer.write(request.encode() + b"\r\n" + TONE.tobytes())
        await writer.drain()
        while not kiosk.utterances or not kiosk.utterances[0].audio_length:
            await asyncio.sleep(0.01)
        writer.transport.abort()
        while not kiosk.utterances[0].audio_ended:
            await asyncio.sleep(0.01)
        assert kiosk.utterances[0].audio_length == len(TONE)
        while not caplog.records:
            await asyncio.sleep(0.01)
        await runner.cleanup()

    asyncio.run(asyncio.wait_for(test(), 60))
    told = [(record.levelname, getattr(record, "code", record.msg)) for record in caplog.records]
    assert told[-1] == ("WARNING", "voice_cut_off")
    assert {level for level, _ in told} == {"WARNING"}, "a sender that leaves is no fault of ours"


def test_a_voice_waits_while_the_link_is_busy_and_then_goes_on_in_order() -> None:
    voice = np.arange(10_000_000, dtype=np.uint32).astype(np.int16)

    async def test() -> None:
        kiosk = Kiosk()
        runner = await kiosk.serve()
        sent = 0

        async def pieces() -> AsyncIterator[bytes]:
            nonlocal sent
            for part in np.split(voice, 1000):
                sent += len(part)
                yield part.tobytes()

        go_on = threading.Event()

        def be_busy() -> None:
            go_on.wait(60)

        kiosk.link.post(be_busy)
        async with aiohttp.ClientSession() as session:
            post = session.post(kiosk.url + "?sample_rate=48000", data=pieces())
            asking = asyncio.ensure_future(post)
            before = -1
            while before != sent or not sent:
                before = sent
                await asyncio.sleep(0.5)
            assert 0 < sent < len(voice) // 2, "the sender is held back"
            go_on.set()
            assert (await asking).status == 200
        [utterance] = kiosk.utterances
        np.testing.assert_array_equal(utterance.audio(0, len(voice)), voice)
        await runner.cleanup()

    asyncio.run(asyncio.wait_for(test(), 60))


def test_a_voice_longer_than_allowed_is_refused() -> None:
    async def test() -> None:
        kiosk = Kiosk()
        runner = await kiosk.serve()
        silence = b"\0" * (8000 * 2 * 601)
        async with (
            aiohttp.ClientSession() as session,
            session.post(kiosk.url + "?sample_rate=8000", data=silence) as answer,
        ):
            assert answer.status == 400
            assert "split the speech" in await answer.text()
        assert kiosk.utterances[0].audio_ended
        await runner.cleanup()

    asyncio.run(asyncio.wait_for(test(), 60))


def test_a_voice_that_stops_coming_is_ended_and_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kioskd.http.speak.PAUSE_S", 0.1)

    async def test() -> None:
        kiosk = Kiosk()
        runner = await kiosk.serve()
        answered = asyncio.Event()

        async def pieces() -> AsyncIterator[bytes]:
            yield TONE.tobytes()
            await answered.wait()

        async with (
            aiohttp.ClientSession() as session,
            session.post(kiosk.url + "?sample_rate=8000", data=pieces()) as answer,
        ):
            assert answer.status == 408
            assert "no sound came" in await answer.text()
            answered.set()
        assert kiosk.utterances[0].audio_ended
        await runner.cleanup()

    asyncio.run(asyncio.wait_for(test(), 60))
