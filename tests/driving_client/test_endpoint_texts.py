# SPDX-License-Identifier: Apache-2.0
"""Texts at `POST /say`: heard from their first phrase on, whole or while they are being made."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Callable
from typing import Any

import aiohttp
import numpy as np
import pytest
from aiohttp import WSMsgType
from endpoint_rig import endpoint, kiosk, receive, utterance

from driving_client.endpoint.relay_stream import RelayStream
from driving_client.endpoint.say_request import MAXIMUM_CHARACTERS
from driving_client.speakable.phrases import FIRST_LONGEST, FIRST_WORDS, LONGEST
from driving_client.voices.choice import Voices
from driving_client.voices.speech import Phoneme, Speech
from driving_client.wire.relay_frames import AudioFrame, decode_frame

RATE = 16000
GENEROUS_S = 60.0
PLAIN = {"Content-Type": "text/plain; charset=utf-8"}


class CountingVoice:
    """Says a tone of 50 ms for each character, and remembers what it said."""

    name, language = "tone", "en-us"

    def __init__(self) -> None:
        self.said: list[str] = []
        self.before: Callable[[int], None] = lambda _count: None

    def speak(self, text: str) -> Speech:
        self.before(len(self.said))
        self.said.append(text)
        count = round(len(text) * 0.05 * RATE)
        tone = (8000 * np.sin(np.arange(count) / 5)).astype(np.int16)
        return Speech(tone, RATE, (Phoneme("A:", 0.0, count / RATE),))


@pytest.fixture
def voice(monkeypatch: pytest.MonkeyPatch) -> CountingVoice:
    voice = CountingVoice()
    monkeypatch.setattr(Voices, "choose", lambda *_wishes: voice)
    return voice


async def first_sound(socket: aiohttp.ClientWebSocketResponse) -> AudioFrame:
    while True:
        frame = decode_frame(await receive(socket))
        if isinstance(frame, AudioFrame):
            return frame


async def rest_of(socket: aiohttp.ClientWebSocketResponse) -> int:
    """Samples up to the last frame of the utterance."""
    count = 0
    while True:
        frame = await first_sound(socket)
        count += len(frame.samples)
        if frame.last:
            return count


def test_of_a_text_of_any_length_one_phrase_is_spoken_before_it_is_heard(
    voice: CountingVoice,
) -> None:
    """The second phrase is held until the first was heard: who made it before waits for ever."""
    heard = threading.Event()
    waited: list[bool] = []
    voice.before = lambda count: waited.append(heard.wait(GENEROUS_S)) if count == 1 else None
    text = ("It goes on and on. " * 1100)[:MAXIMUM_CHARACTERS]

    async def story() -> None:
        async with endpoint() as (url, client):
            socket = await kiosk(client, url)
            async with client.post(f"{url}/say", json={"text": text}) as response:
                assert response.status == 200, await response.text()
            await first_sound(socket)
            assert len(voice.said) == 1
            assert len(voice.said[0]) <= FIRST_LONGEST
            heard.set()

    asyncio.run(story())
    assert all(waited)


def test_a_first_sentence_that_never_ends_is_heard_as_soon(voice: CountingVoice) -> None:
    async def story() -> None:
        async with endpoint() as (url, client):
            socket = await kiosk(client, url)
            async with client.post(f"{url}/say", json={"text": "word " * 4000}) as response:
                assert response.status == 200, await response.text()
            await first_sound(socket)
            assert len(voice.said[0]) <= FIRST_WORDS

    asyncio.run(story())


def test_speech_is_made_one_phrase_ahead_of_what_was_sent(
    voice: CountingVoice, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[int] = []
    ahead: list[int] = []
    stream = RelayStream.piece

    def noted(*arguments: Any) -> Any:
        begun.append(1)
        return stream(*arguments)

    monkeypatch.setattr(RelayStream, "piece", noted)
    voice.before = lambda count: ahead.append(count - len(begun))

    async def story() -> None:
        async with endpoint() as (url, client):
            socket = await kiosk(client, url)
            text = "".join(f"This is number {letter}. " for letter in "abcdefghijklmnopqrst")
            async with client.post(f"{url}/say", json={"text": text}) as response:
                assert response.status == 200
            await rest_of(socket)

    asyncio.run(story())
    assert len(voice.said) == 20
    assert max(ahead) == 0


def test_a_text_is_one_utterance_of_all_its_phrases_and_pauses(voice: CountingVoice) -> None:
    async def story() -> None:
        async with endpoint() as (url, client):
            socket = await kiosk(client, url)
            text = '<speak>Hello. <break time="2s"/> It costs **$5**.</speak>'
            async with client.post(f"{url}/say", json={"text": text}) as response:
                answer = await response.json()
            metadata, audio, motion = await utterance(socket)
            assert metadata is not None
            assert metadata.request_id == answer["req_id"]
            assert {message.request_id for message in motion} == {answer["req_id"]}
            samples = np.concatenate(audio)
            assert sum(len(message.frames) for message in motion) == len(samples) * 25 // RATE
            loud = np.flatnonzero(np.abs(samples) > 100)
            assert 2.0 < np.diff(loud).max() / RATE < 2.8

    asyncio.run(story())
    assert voice.said == ["Hello.", "It costs five dollars."]


@pytest.mark.parametrize(
    ("text", "told"),
    [("<think>Hm.</think>", "nothing but markup"), ("😀 👋🏽 ** ", "nothing but markup or signs"),
     ("Say **你好** now", "take the voice 'cmn'")],
)  # fmt: skip
def test_what_cannot_be_said_is_a_bad_request(voice: CountingVoice, text: str, told: str) -> None:
    async def story() -> None:
        async with endpoint() as (url, client):
            _socket = await kiosk(client, url)
            for body in ({"json": {"text": text}}, {"data": text.encode(), "headers": PLAIN}):
                async with client.post(f"{url}/say", **body) as response:
                    assert (response.status, told in await response.text()) == (400, True)

    asyncio.run(story())
    assert voice.said == []


def test_a_text_that_is_being_made_is_spoken_from_its_first_clause_on(
    voice: CountingVoice,
) -> None:
    async def story() -> None:
        async with endpoint() as (url, client):
            socket = await kiosk(client, url)
            heard = asyncio.Event()

            async def tokens() -> AsyncIterator[bytes]:
                yield b"Well, good morning to you, and "
                await asyncio.wait_for(heard.wait(), GENEROUS_S)
                yield b"welcome. Gr"
                for byte in "üße. Ça va? 1".encode():
                    yield bytes([byte])
                yield b"2 km."

            async def listen() -> int:
                await first_sound(socket)
                heard.set()
                return await rest_of(socket)

            listening = asyncio.create_task(listen())
            async with client.post(f"{url}/say", data=tokens(), headers=PLAIN) as response:
                assert response.status == 200, await response.text()
                assert set(await response.json()) == {"req_id", "connection_ids"}
            await asyncio.wait_for(listening, GENEROUS_S)

    asyncio.run(story())
    assert voice.said == [
        "Well, good morning to you,", "and welcome.", "Grüße.", "Ça va?", "twelve kilometres.",
    ]  # fmt: skip


def test_a_text_that_stalls_is_said_to_its_last_whole_clause_and_ends(
    voice: CountingVoice, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("driving_client.endpoint.say_request.BODY_S", 0.3)

    async def story() -> None:
        async with endpoint() as (url, client):
            socket = await kiosk(client, url)

            async def tokens() -> AsyncIterator[bytes]:
                yield b"One, two, three. Four, fi"
                await asyncio.sleep(GENEROUS_S)

            post = client.post(f"{url}/say", data=tokens(), headers=PLAIN)
            async with post as response:
                assert response.status == 408
                assert "no text came for" in await response.text()
            await asyncio.wait_for(rest_of(socket), GENEROUS_S)

    asyncio.run(story())
    assert voice.said == ["One, two, three.", "Four,"]


def test_a_client_that_vanishes_leaves_what_it_said_to_its_last_whole_clause(
    voice: CountingVoice,
) -> None:
    async def story() -> None:
        async with endpoint() as (url, client):
            socket = await kiosk(client, url)
            port = int(url.rpartition(":")[2])
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            text = b"One, two, three. Four, fi"
            writer.write(
                b"POST /say HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\n"
                b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n" % (len(text), text)
            )
            await first_sound(socket)
            writer.transport.abort()
            await asyncio.wait_for(rest_of(socket), GENEROUS_S)

    asyncio.run(story())
    assert voice.said == ["One, two, three.", "Four,"]


def test_an_interrupt_amid_a_text_cancels_its_rest_and_tells_its_client(
    voice: CountingVoice,
) -> None:
    async def story() -> None:
        async with endpoint() as (url, client):
            socket = await kiosk(client, url)
            interrupted = asyncio.Event()

            async def tokens() -> AsyncIterator[bytes]:
                yield b"One, two, three. Four, fi"
                await asyncio.wait_for(interrupted.wait(), GENEROUS_S)
                while True:
                    yield b"ve and six. "
                    await asyncio.sleep(0.01)

            async def talk() -> tuple[int, str]:
                async with client.post(f"{url}/say", data=tokens(), headers=PLAIN) as response:
                    return response.status, await response.text()

            talking = asyncio.create_task(talk())
            await first_sound(socket)
            said = {"text": "Stop.", "interrupt": True}
            async with client.post(f"{url}/say", json=said) as response:
                assert response.status == 200
            interrupted.set()
            status, told = await asyncio.wait_for(talking, GENEROUS_S)
            assert (status, "interrupted" in told) == (409, True)
            action = None
            while action is None:
                message = await socket.receive(GENEROUS_S)
                if message.type is WSMsgType.TEXT:
                    action = json.loads(message.data)["action"]
            assert action == "interrupt"
            await utterance(socket)

    asyncio.run(story())
    assert voice.said == ["One, two, three.", "Stop."]


def test_a_text_whose_kiosk_has_left_is_not_taken_any_further(voice: CountingVoice) -> None:
    async def story() -> None:
        async with endpoint() as (url, client):
            socket = await kiosk(client, url)

            async def tokens() -> AsyncIterator[bytes]:
                yield b"One, two, three. Four, fi"
                await first_sound(socket)
                await socket.close()
                while True:
                    yield b"ve and six. "
                    await asyncio.sleep(0.01)

            post = client.post(f"{url}/say", data=tokens(), headers=PLAIN)
            async with asyncio.timeout(GENEROUS_S), post as response:
                assert (response.status, "no kiosk says it" in await response.text()) == (409, True)

    asyncio.run(story())


@pytest.mark.parametrize(
    ("body", "query", "kind", "status", "told"),
    [
        (b"Hello. \xff\xfe", {}, "text/plain", 400, "not UTF-8 (after 7 bytes"),
        (b"Hello. \xc3", {}, "text/plain", 400, "not UTF-8 (after 7 bytes"),
        (b"Hello.", {}, "text/plain; charset=latin-1", 415, "send UTF-8"),
        (b"Hello.", {"text": "x"}, "text/plain", 400, "?text is unknown"),
        (b"Hello.", {"interrupt": "1"}, "text/plain", 400, "neither true nor false"),
        (b"Hello. " * 3000, {}, "text/plain", 413, "20000 characters"),
        (b"", {}, "text/plain", 400, "nothing but markup"),
    ],
)
def test_a_bad_plain_text_is_answered_with_what_is_wrong(
    voice: CountingVoice, body: bytes, query: dict[str, str], kind: str, status: int, told: str
) -> None:
    async def story() -> None:
        async with endpoint() as (url, client):
            _socket = await kiosk(client, url)
            headers = {"Content-Type": kind}
            async with client.post(
                f"{url}/say", data=body, params=query, headers=headers
            ) as response:
                text = await response.text()
                assert (response.status, told in text) == (status, True), text

    asyncio.run(story())


def test_a_voice_that_breaks_down_amid_a_text_is_told_and_the_next_text_is_said(
    voice: CountingVoice, caplog: pytest.LogCaptureFixture
) -> None:
    def break_down(count: int) -> None:
        if count == 1:
            raise RuntimeError("the voice has no more breath")

    voice.before = break_down

    async def story() -> None:
        async with endpoint() as (url, client):
            socket = await kiosk(client, url)
            for text in ("One is said well enough. Two is not.", "Three is said again."):
                body = {"text": text, "interrupt": True}
                async with client.post(f"{url}/say", json=body) as response:
                    assert response.status == 200, await response.text()
                await first_sound(socket)
                if "Two" in text:
                    while "no more breath" not in caplog.text:
                        await asyncio.sleep(0.01)
                    voice.said.append("what broke down")
            await rest_of(socket)

    asyncio.run(asyncio.wait_for(story(), GENEROUS_S))
    assert voice.said[-1] == "Three is said again."


def test_speech_that_outlasts_an_utterance_is_cut_and_told(
    voice: CountingVoice, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("driving_client.endpoint.relay_session._LONGEST_S", 5.0)

    async def story() -> None:
        async with endpoint() as (url, client):
            socket = await kiosk(client, url)
            async with client.post(f"{url}/say", json={"text": "One two three. " * 40}) as response:
                assert response.status == 200
            assert await rest_of(socket) < RATE * (5 + LONGEST * 0.05)

    asyncio.run(story())
    assert "the rest is not said" in caplog.text


def test_two_pieces_of_speech_meet_without_a_jump_of_the_mouth() -> None:
    """With a true voice: at no seam does the face move faster than it does within a phrase."""
    text = "My mama made the mop. The baby, oh, may I ask you all? We put five maps away."

    async def story() -> tuple[np.ndarray, np.ndarray]:
        async with endpoint() as (url, client):
            socket = await kiosk(client, url)
            async with client.post(f"{url}/say", json={"text": text}) as response:
                assert response.status == 200
            _, audio, motion = await utterance(socket)
            return np.concatenate(audio), np.concatenate([each.frames for each in motion])

    samples, frames = asyncio.run(story())
    steps = np.abs(np.diff(frames, axis=0)).max(axis=1)
    quiet = np.abs(samples).reshape(-1, RATE // 25).max(axis=1)[1:] < 50
    assert quiet.any()
    assert steps[quiet].max() <= steps[~quiet].max()
    longest = max(map(len, "".join("q" if each else " " for each in quiet).split()))
    assert longest * 0.04 < 0.9, "no gap between phrases but a pause"
