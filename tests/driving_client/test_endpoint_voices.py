# SPDX-License-Identifier: Apache-2.0
"""Whose voice a kiosk at the embedded endpoint speaks with, over real sockets."""

from __future__ import annotations

import asyncio
import shutil
from typing import Any

import aiohttp
import numpy as np
import pytest
from aiohttp import WSMsgType
from endpoint_rig import endpoint, kiosk, receive, utterance
from pitch import mean_pitch

from driving_client.endpoint import EndpointSettings
from driving_client.voices import flite
from driving_client.voices.wish import VoiceWish
from driving_client.wire.relay_frames import ErrorFrame, decode_frame

WOMAN = {"language": "en-US", "sex": "female", "pitch": 195}
MAN = {"language": "en-US", "sex": "male", "pitch": 105}
TEXT = "Good morning, and thank you for stopping by at our little booth."


@pytest.fixture(params=["flite", "espeak-ng alone"])
def synthesiser(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "espeak-ng alone":
        monkeypatch.setattr(flite, "installed", lambda: False)
    elif shutil.which("flite") is None:
        pytest.skip("flite is missing, `make setup` brings it")


async def say(client: aiohttp.ClientSession, url: str, **document: object) -> tuple[int, Any]:
    async with client.post(f"{url}/say", json=document) as response:
        return response.status, await response.json()


async def heard(socket: aiohttp.ClientWebSocketResponse) -> float:
    """The mean pitch of the next utterance, in Hz."""
    metadata, audio, _ = await utterance(socket)
    assert metadata is not None
    await socket.send_json({"event": "playback", "req_id": metadata.request_id, "state": "ended"})
    return mean_pitch(np.concatenate(audio), 16000)


@pytest.mark.usefixtures("synthesiser")
def test_two_kiosks_at_one_endpoint_have_each_their_own_voice() -> None:
    async def story() -> None:
        async with endpoint() as (url, client):
            hers, his = await kiosk(client, url, voice=WOMAN), await kiosk(client, url, voice=MAN)
            status, told = await say(client, url, text=TEXT)
            assert status == 200
            assert len(told["connection_ids"]) == 2
            assert 165 < await heard(hers) < 255
            assert 85 < await heard(his) < 155

    asyncio.run(story())


@pytest.mark.usefixtures("synthesiser")
def test_a_request_has_the_last_word_on_language_and_voice() -> None:
    async def story() -> None:
        async with endpoint() as (url, client):
            hers = await kiosk(client, url, voice=WOMAN)
            german = {"language": "de", "text": "Guten Morgen, wie geht es Ihnen heute?"}
            for asked, low, high in (
                (german, 165, 255),
                ({"voice": "en-us+m3", "text": TEXT}, 85, 155),
                ({"text": TEXT}, 165, 255),
            ):
                status, told = await say(client, url, **asked)
                assert status == 200, told
                assert low < await heard(hers) < high

    asyncio.run(story())


@pytest.mark.usefixtures("synthesiser")
@pytest.mark.parametrize(("name", "low", "high"), [("", 165, 255), ("en-us+m3", 85, 155)])
def test_a_kiosk_that_asks_for_nothing_gets_the_endpoints_voice(
    name: str, low: int, high: int
) -> None:
    async def story() -> None:
        settings = EndpointSettings(speed=40.0, voice=VoiceWish(name))
        async with endpoint(settings) as (url, client):
            socket = await kiosk(client, url)
            await say(client, url, text=TEXT)
            assert low < await heard(socket) < high

    asyncio.run(story())


def test_the_greeting_is_in_the_kiosks_voice() -> None:
    async def story() -> None:
        settings = EndpointSettings(greeting=TEXT, speed=40.0)
        async with endpoint(settings) as (url, client):
            assert 85 < await heard(await kiosk(client, url, voice=MAN)) < 155

    asyncio.run(story())


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"voice": "nobody"}, "there is no voice 'nobody'; take"),
        ({"language": "xx"}, "there is no voice for the language 'xx'; there are af, am"),
        ({"voice": "de+f33"}, "no variant 'f33'"),
        ({"voice": 3}, '"voice" is not a string'),
        ({"language": ["de"]}, '"language" is not a string'),
        ({"voise": "de"}, "did you mean voice?"),
        ({"language": "en-US", "text": "你好"}, "cannot read Chinese"),
    ],
)
def test_unknown_voices_and_languages_are_400_with_what_there_is(
    asked: dict[str, object], told: str
) -> None:
    async def story() -> None:
        async with endpoint() as (url, client):
            socket = await kiosk(client, url)
            status, answer = await say(client, url, **{"text": "Hello.", **asked})
            assert status == 400, answer
            assert told in answer["error"]
            assert not socket.closed

    asyncio.run(story())


def test_a_kiosk_with_a_voice_that_is_not_here_is_told_and_still_speaks() -> None:
    async def story() -> None:
        async with endpoint() as (url, client):
            socket = await kiosk(client, url, voice={"name": "nobody", "sex": "female"})
            frame = decode_frame(await receive(socket))
            assert isinstance(frame, ErrorFrame)
            assert "no voice 'nobody'" in frame.message
            assert frame.code is None, "nothing that ends the session"
            await say(client, url, text=TEXT)
            assert 165 < await heard(socket) < 255

    asyncio.run(story())


@pytest.mark.parametrize("voice", ["slt", [], {"sex": "robot"}, {"pitch": "high"}])
def test_a_start_whose_voice_is_no_voice_is_refused(voice: object) -> None:
    async def story() -> None:
        async with endpoint() as (url, client):
            socket = await kiosk(client, url, voice=voice)
            frame = decode_frame(await receive(socket))
            assert isinstance(frame, ErrorFrame)
            assert frame.message.startswith("voice")
            assert (await socket.receive()).type is WSMsgType.CLOSE
            assert socket.close_code == 4400

    asyncio.run(story())
