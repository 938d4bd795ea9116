# SPDX-License-Identifier: Apache-2.0
"""POST /v1/speak: every form of voice in any chunking, and every wrong one."""

from __future__ import annotations

import asyncio
import io
import itertools
import struct
import threading
import wave
from collections.abc import AsyncIterator

import aiohttp
import numpy as np
import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from driving_client.link.interface import LinkEvent, UtteranceStarted
from driving_client.sample_rates import SAMPLE_RATES
from driving_client.utterance import Utterance
from driving_client.voice_decoder import VoiceDecoder, VoiceError
from kioskd.http.speak import VoiceInput
from kioskd.link.local_links import NoLink
from kioskd.loop_thread import LoopThread

TONE = (8000 * np.sin(np.arange(2000) / 7)).astype(np.int16)


def wav(samples: np.ndarray, rate: int, channels: int = 1, width: int = 2) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(channels)
        writer.setsampwidth(width)
        writer.setframerate(rate)
        writer.writeframes(samples.tobytes())
    return file.getvalue()


def decode(data: bytes, cuts: list[int], rate: int | None = None) -> tuple[np.ndarray, int | None]:
    decoder = VoiceDecoder(rate)
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    parts = [decoder.feed(data[a:b]) for a, b in itertools.pairwise(edges)]
    decoder.finish()
    return np.concatenate(parts), decoder.sample_rate


@given(st.lists(st.integers(0, 10000), max_size=30), st.sampled_from(SAMPLE_RATES))
def test_chunking_never_matters(cuts: list[int], rate: int) -> None:
    for data, asked in ((wav(TONE, rate), None), (TONE.tobytes(), rate)):
        samples, found = decode(data, cuts, asked)
        np.testing.assert_array_equal(samples, TONE)
        assert found == rate


@given(st.lists(st.integers(0, 10000), max_size=30))
def test_two_channels_become_their_mean(cuts: list[int]) -> None:
    stereo = np.stack([TONE, TONE // 2], axis=1)
    samples, _ = decode(wav(stereo, 24000, 2), cuts)
    expected = (stereo.astype(np.int32).sum(axis=1) // 2).astype(np.int16)
    np.testing.assert_array_equal(samples, expected)


@pytest.mark.parametrize("length", [0, 0xFFFFFFFF, 0x7FFFFFFF])
def test_a_wav_made_while_it_is_sent_has_no_length_yet(length: int) -> None:
    data = bytearray(wav(TONE, 16000))
    struct.pack_into("<I", data, 40, length)
    np.testing.assert_array_equal(decode(bytes(data), [100])[0], TONE)


def test_chunks_before_and_after_the_sound_are_skipped() -> None:
    whole = wav(TONE, 16000)
    extra = b"LIST" + struct.pack("<I", 5) + b"notes\0"
    data = whole[:12] + extra + whole[12:] + extra
    for cut in range(80):
        np.testing.assert_array_equal(decode(data, [cut])[0], TONE)


def test_half_a_frame_at_the_end_keeps_nothing_in_memory() -> None:
    data = bytearray(wav(TONE, 16000))
    struct.pack_into("<I", data, 40, 2 * len(TONE) + 1)
    decoder = VoiceDecoder(None)
    np.testing.assert_array_equal(decoder.feed(bytes(data)), TONE)
    for _ in range(10):
        assert len(decoder.feed(bytes(100_000))) == 0
    assert len(decoder._pending) == 0


def header(kind: int = 1, channels: int = 1, rate: int = 16000, bits: int = 16) -> bytes:
    body = struct.pack("<HHIIHH", kind, channels, rate, rate * 2, 2, bits)
    return b"RIFF\0\0\0\0WAVEfmt " + struct.pack("<I", 16) + body


DATA = b"data" + struct.pack("<I", 4) + b"\0\0\0\0"
WRONG = {
    "no rate": (b"\0" * 100, None, "needs its rate"),
    "empty": (b"", 16000, "ended before any sound"),
    "start of a WAV": (b"RIF", None, "ended before any sound"),
    "cut in the header": (header()[:30], None, "ended before any sound"),
    "no sound in it": (header(), None, "ended before any sound"),
    "RIFF of another kind": (b"RIFF\0\0\0\0AVI LIST", None, "not a WAV"),
    "float": (header(kind=3, bits=32) + DATA, None, "not 16-bit PCM"),
    "8 bits": (header(bits=8) + DATA, None, "not 16-bit PCM"),
    "5.1": (header(channels=6) + DATA, None, "6 channels"),
    "11 kHz": (header(rate=11025) + DATA, None, "11025 Hz is not one of"),
    "no format": (b"RIFF\0\0\0\0WAVE" + DATA, None, "sound before its format"),
    "endless header": (
        header() + b"junk" + struct.pack("<I", 10**6) + b"\0" * 100,
        None,
        "no sound in its first",
    ),
}


@pytest.mark.parametrize(("data", "rate", "expected"), WRONG.values(), ids=WRONG)
def test_what_is_no_voice_is_told(data: bytes, rate: int | None, expected: str) -> None:
    for cuts in ([], [1], [13, 17]):
        with pytest.raises(VoiceError, match=expected):
            decode(data, cuts, rate)


@given(st.binary(max_size=300))
def test_any_bytes_are_a_voice_or_a_named_error(data: bytes) -> None:
    for start in (b"", b"RIFF\0\0\0\0WAVE", header()):
        try:
            samples, _ = decode(start + data, [len(data) // 2])
        except VoiceError as error:
            told = str(error)
        else:
            told = str(samples.dtype)
        assert told


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
                ("?sample_rate=11025", b"\0\0"),
                ("?sample_rate=16000", b""),
                ("?sample_rate=16000", b"\0"),
                ("", b"RIFF\0\0\0\0AVI "),
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
