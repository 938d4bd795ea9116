# SPDX-License-Identifier: Apache-2.0
"""`POST /say` with a voice in place of a text: every form of it, and every wrong one."""

from __future__ import annotations

import asyncio
import json
import subprocess
import time

import aiohttp
import numpy as np
import pytest
from endpoint_rig import endpoint, kiosk, utterance, wav
from voice_files import REFUSED, chunk, form, riff

from driving_client.motion import FloatArray
from driving_client.retarget import load_retarget
from driving_client.retarget.mouth import OPEN
from driving_client.sample_rates import SAMPLE_RATES
from driving_client.utterance import Samples
from driving_client.voices.espeak import synthesise

RETARGET = load_retarget()
SPEECH = synthesise("My baby, put five maps on the table.")
PCM = SPEECH.samples.astype("<i2").tobytes()
FLOATS = (SPEECH.samples / 32768).astype("<f4").tobytes()


def openings(messages: list[object]) -> FloatArray:
    frames = np.concatenate([message.frames for message in messages])  # type: ignore[attr-defined]
    return np.array([RETARGET.controls(frame)[OPEN] for frame in frames])


def levels(samples: Samples, rate: int, count: int) -> FloatArray:
    """RMS around the instant of each frame."""
    squares = np.concatenate([[0.0], np.cumsum(samples.astype(float) ** 2)])
    at = np.arange(count) * rate / 25
    low = np.clip(at - 0.04 * rate, 0, len(samples)).astype(int)
    high = np.clip(at + 0.04 * rate, 1, len(samples)).astype(int)
    return np.sqrt((squares[high] - squares[low]) / (high - low))


@pytest.mark.parametrize(
    ("body", "headers", "query"),
    [
        (wav(SPEECH.samples, 22050), {"Content-Type": "audio/wav"}, {}),
        (wav(SPEECH.samples, 22050), {"Content-Type": "audio/x-wav; x=y"}, {"interrupt": "true"}),
        (wav(SPEECH.samples, 22050), {"Content-Type": "application/x-www-form-urlencoded"}, {}),
        (wav(SPEECH.samples, 22050), {}, {}),
        (wav(np.repeat(SPEECH.samples, 2), 22050, 2), {"Content-Type": "audio/wave"}, {}),
        (PCM, {"Content-Type": "audio/pcm"}, {"sample_rate": "22050"}),
        (PCM, {}, {"sample_rate": "22050"}),
        (wav(SPEECH.samples[:30000], 22050) + wav(SPEECH.samples[30000:], 22050), {}, {}),
        (riff(form(22050, bits=32, tag=3), chunk(b"data", FLOATS)), {}, {}),
    ],
)
def test_a_voice_in_any_form_is_spoken_with_lips(
    body: bytes, headers: dict[str, str], query: dict[str, str]
) -> None:
    async def story() -> None:
        async with endpoint() as (url, client):
            socket = await kiosk(client, url, 22050)
            async with client.post(f"{url}/say", data=body, headers=headers, params=query) as got:
                answer = await got.json()
                assert got.status == 200, answer
            metadata, audio, motion = await utterance(socket)
            assert metadata is not None
            assert metadata.request_id == answer["req_id"]
            assert answer["connection_ids"] == [metadata.connection_id]
            np.testing.assert_array_equal(np.concatenate(audio), SPEECH.samples)
            assert answer["seconds"] == pytest.approx(SPEECH.seconds, abs=1e-3)
            opened = openings(motion)
            assert len(opened) == int(25 * SPEECH.seconds)
            heard = levels(SPEECH.samples, 22050, len(opened))
            assert np.corrcoef(opened, heard)[0, 1] > 0.4
            assert opened[heard < 30].max() < 0.15

    asyncio.run(story())


@pytest.mark.parametrize("rate", SAMPLE_RATES)
def test_a_voice_of_any_rate_reaches_a_kiosk_of_another(rate: int) -> None:
    async def story() -> None:
        tone = (9000 * np.sin(np.arange(rate) * 1500 / rate)).astype(np.int16)
        async with endpoint() as (url, client):
            socket = await kiosk(client, url, 24000)
            async with client.post(f"{url}/say", data=wav(tone, rate)) as got:
                assert got.status == 200
            _, audio, motion = await utterance(socket)
            assert len(np.concatenate(audio)) == pytest.approx(24000, abs=1)
            assert sum(len(message.frames) for message in motion) in (24, 25)

    asyncio.run(story())


@pytest.mark.parametrize("query", [{}, {"sample_rate": "16000"}])
def test_what_is_refused_at_the_kiosk_is_refused_here_in_the_same_words(
    query: dict[str, str],
) -> None:
    async def story() -> None:
        async with endpoint() as (url, client):
            for body, name in REFUSED.values():
                if (not query and body[:1] in (b"{", b"\xef")) or "bit float" in name:
                    continue  # JSON is a text here, and floats without a rate may be anything
                async with client.post(f"{url}/say", data=body, params=query) as response:
                    error = (await response.json())["error"]
                    assert (response.status, name in error) == (415, True), error

    asyncio.run(story())


def test_put_speaks_as_well_as_post_and_nothing_else_does() -> None:
    async def story() -> None:
        async with endpoint() as (url, client):
            socket = await kiosk(client, url)
            async with client.put(f"{url}/say", data=wav(SPEECH.samples, 22050)) as response:
                assert response.status == 200
            await utterance(socket)
            async with client.patch(f"{url}/say", data=b"{}") as response:
                assert response.status == 405
                assert response.headers["Allow"] == "POST,PUT"

    asyncio.run(story())


def test_curl_sends_a_file_as_the_readme_says(tmp_path: object) -> None:
    async def story() -> None:
        async with endpoint() as (url, client):
            socket = await kiosk(client, url)
            command = ["curl", "-sS", "--data-binary", "@-", f"{url}/say"]
            process = await asyncio.create_subprocess_exec(
                *command, stdin=subprocess.PIPE, stdout=subprocess.PIPE
            )
            out, _ = await process.communicate(wav(SPEECH.samples, 22050))
            assert json.loads(out)["seconds"] > 1
            await utterance(socket)

    asyncio.run(story())


@pytest.mark.parametrize(
    ("body", "content_type", "query", "status", "reason"),
    [
        (PCM, "audio/pcm", {}, 400, "raw PCM needs its rate"),
        (PCM, "audio/pcm", {"sample_rate": "fast"}, 400, "not a whole number"),
        (PCM, "audio/pcm", {"sample_rate": "7999"}, 400, "not one of 8000 to 192000"),
        (PCM[:-1], "audio/pcm", {"sample_rate": "16000"}, 400, "in the middle of a sample"),
        (b"", "audio/pcm", {"sample_rate": "16000"}, 400, "before any sound"),
        (b"", "audio/wav", {}, 400, "before any sound"),
        (PCM, "application/octet-stream", {}, 400, "add ?sample_rate=16000"),
        (b"RIFF....AVI ", "audio/wav", {}, 415, "the body is AVI"),
        (b"RIFF....AVI ", "", {}, 415, "the body is AVI"),
        (wav(SPEECH.samples[:0], 16000), "", {}, 400, "no sound"),
        (wav(SPEECH.samples, 4000), "", {}, 415, "4000 samples a second"),
        (wav(SPEECH.samples[:300], 16000, 3), "", {}, 415, "3 channels"),
        (PCM, "audio/ogg", {}, 415, "not the Ogg that its type declares"),
        (PCM, "audio/L16;rate=16000", {}, 415, "audio/L16"),
        (PCM, "audio/pcm", {"sample_rate": "16000", "rate": "1"}, 400, "?rate is unknown"),
        (PCM, "audio/pcm", {"sample_rate": "16000", "interrupt": "1"}, 400, "neither true nor"),
        (bytes(2 * 8000 * 151), "audio/pcm", {"sample_rate": "8000"}, 413, "longer than 150 s"),
        (PCM, "audio/pcm", {"sample_rate": "16000"}, 503, "no kiosk is connected"),
        (PCM, "", {"sample_rate": "16000", "connection_id": "x"}, 503, "connected as x"),
    ],
)
def test_a_bad_voice_is_answered_with_what_is_wrong(
    body: bytes, content_type: str, query: dict[str, str], status: int, reason: str
) -> None:
    async def story() -> None:
        headers = {"Content-Type": content_type} if content_type else {}
        async with (
            endpoint() as (url, client),
            client.post(f"{url}/say", data=body, headers=headers, params=query) as response,
        ):
            error = (await response.json())["error"]
            assert (response.status, reason in error) == (status, True), error

    asyncio.run(story())


def test_a_voice_without_end_is_refused_while_it_still_comes() -> None:
    """The memory that one request can take is bounded, whatever is sent."""

    async def story() -> None:
        async def endless() -> object:
            while True:
                yield bytes(2 * 8000)
                await asyncio.sleep(0)

        async with endpoint() as (url, client):
            address = f"{url}/say?sample_rate=8000"
            try:
                async with client.post(address, data=endless()) as response:
                    assert response.status == 413
            except aiohttp.ClientConnectionError:
                pass  # the answer is lost where the server closes before all is sent

    asyncio.run(asyncio.wait_for(story(), 60))


def test_tokens_are_handed_out_as_a_console_does() -> None:
    async def story() -> None:
        good = {"expireAt": int(time.time()) + 3600}
        key = {"X-Api-Key": "any"}
        async with endpoint() as (url, client):
            for path in ("/session-tokens", "/v1/console/session-tokens", "/v1/auth/session-token"):
                async with client.post(f"{url}{path}", json=good, headers=key) as response:
                    assert response.status == 200
                    answer = await response.json()
                    assert answer["sessionToken"] == answer["session_token"] != ""
            for body, headers, status in (
                (good, {}, 401),
                ({}, key, 400),
                ([], key, 400),
                ({"expireAt": True}, key, 400),
                ({"expireAt": int(time.time()) - 5}, key, 400),
                ({"expireAt": int(time.time()) + 90000}, key, 400),
            ):
                async with client.post(
                    f"{url}/session-tokens", json=body, headers=headers
                ) as response:
                    assert response.status == status
                    [error] = (await response.json())["errors"]
                    assert error["detail"]

    asyncio.run(story())
