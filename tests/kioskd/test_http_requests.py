# SPDX-License-Identifier: Apache-2.0
"""What requests say about their bodies: every route takes it or answers in words, none faults."""

from __future__ import annotations

import asyncio
import json
import subprocess
from pathlib import Path

import numpy as np
import pytest
from aiohttp import web
from odd_requests import BODIES, ODD_HEADS
from odd_requests import ask as ask_raw
from test_health import JSON, ask, endpoint, overridden, running, story
from voice_files import REFUSED, TONE, chunk, form, ogg, pcm, riff, wav

from driving_client.link.interface import UtteranceStarted
from driving_client.utterance import Utterance

ROUTES = [
    ("GET", "/"), ("GET", "/livez"), ("GET", "/readyz"), ("GET", "/healthz"), ("GET", "/metrics"),
    ("POST", "/v1/say"), ("POST", "/console/say"), ("POST", "/v1/interrupt"),
    ("POST", "/console/interrupt"), ("POST", "/v1/gesture"), ("POST", "/v1/speak"),
    ("PUT", "/v1/speak"), ("POST", "/v1/speak?sample_rate=16000"), ("POST", "/nowhere"),
]  # fmt: skip


@pytest.mark.parametrize("head", ODD_HEADS.values(), ids=ODD_HEADS)
def test_no_route_breaks_on_what_a_head_says_of_its_body(
    head: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    async def test() -> None:
        async with running() as setup:
            for method, path in ROUTES:
                for body in BODIES:
                    status, answer = await ask_raw(setup.server.port, method, path, head, body)
                    told = (method, path, body, answer)
                    assert 200 <= status < 500 or (method == "GET" and status == 503), told
                    if 400 <= status < 500:
                        document = json.loads(answer.partition(b"\r\n\r\n")[2])
                        assert document["error"], told
                        assert document["message"], told

    story(test)
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


@pytest.mark.parametrize(
    ("path", "body", "expected"),
    [
        ("v1/say", {"text": "Hi.", "interupt": False}, "did you mean interrupt?"),
        ("v1/say", {"text": "Hi.", "sex": "f"}, '"sex" is unknown'),
        ("console/say", {"text": "Hi.", "connection_id": "x"}, "unknown"),
        ("v1/gesture", {"name": "listen", "seconds": 5}, '"seconds" is unknown; known are name'),
        ("v1/interrupt", {"req_id": "r"}, '"req_id" is unknown; send {}'),
        ("v1/interrupt", [], "not an object"),
        ("v1/gesture", "listen", "not an object"),
    ],
)
def test_a_key_that_means_nothing_is_told_with_those_that_do(
    path: str, body: object, expected: str
) -> None:
    async def test() -> None:
        async with running() as setup:
            status, answer, _ = await ask(setup, path, "POST", json=body)
            assert status == 400
            assert expected in json.loads(answer)["message"]
            assert setup.gestures == ["idle"]
            assert setup.interrupts == 0

    story(test)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be", "utf-32"])
def test_json_is_taken_in_every_form_of_unicode(encoding: str) -> None:
    async def test() -> None:
        async with running() as setup:
            body = '{"name": "listen"}'.encode(encoding)
            for kind in ("application/json", "Application/JSON ; charset=utf-8"):
                headers = {"Content-Type": kind}
                status, answer, _ = await ask(
                    setup, "v1/gesture", "POST", data=body, headers=headers
                )
                assert status == 200, answer

    story(test)


def test_an_interrupt_needs_no_body() -> None:
    async def test() -> None:
        async with running() as setup:
            for body in (b"", b"{}"):
                options = {"data": body, "headers": JSON}
                assert (await ask(setup, "v1/interrupt", "POST", **options))[0] == 200

    story(test)


def test_a_wrong_method_is_told_which_one_is_right() -> None:
    async def test() -> None:
        async with running() as setup:
            for method, path, allowed in (
                ("GET", "v1/say", "POST"),
                ("PUT", "v1/gesture", "POST"),
                ("DELETE", "healthz", "GET,HEAD"),
                ("GET", "v1/speak", "POST,PUT"),
                ("POST", "stream.mjpg", "GET"),
                ("PATCH", "", "GET,HEAD"),
            ):
                status, answer, headers = await ask(setup, path, method)
                assert (status, headers["Allow"]) == (405, allowed)
                assert f"send {allowed.replace(',', ' or ')}" in json.loads(answer)["message"]

    story(test)


def test_a_text_that_the_endpoint_calls_bad_is_a_bad_request_here() -> None:
    async def test() -> None:
        async def say(_request: web.Request) -> web.Response:
            return web.json_response({"error": "the voice reads no Chinese"}, status=400)

        async with endpoint(say) as url, running(overridden(f"endpoint.say_url={url}")) as setup:
            status, body, _ = await ask(setup, "v1/say", "POST", json={"text": "你好"})
            assert (status, b"reads no Chinese" in body) == (400, True)

    story(test)


def spoken(utterances: list[object]) -> Utterance:
    [event] = utterances
    assert isinstance(event, UtteranceStarted)
    return event.utterance


FLOATS = chunk(b"data", (TONE / 32768).astype("<f4").tobytes())
VOICES = {
    "raw": (pcm(TONE), "?sample_rate=16000"),
    "WAV": (wav(), ""),
    "float WAV": (riff(form(bits=32, tag=3), FLOATS), ""),
    "three WAVs": (wav(TONE[:500]) + wav(TONE[500:900]) + wav(TONE[900:]), ""),
}  # fmt: skip


@pytest.mark.parametrize("method", ["POST", "PUT"])
@pytest.mark.parametrize(("body", "query"), VOICES.values(), ids=VOICES)
def test_a_voice_is_heard_as_it_was_sent(body: bytes, query: str, method: str) -> None:
    async def test() -> None:
        async with running() as setup:
            status, answer, _ = await ask(setup, f"v1/speak{query}", method, data=body)
            assert (status, json.loads(answer)["seconds"]) == (200, 0.125)
            np.testing.assert_array_equal(spoken(setup.utterances).audio(0, 9999), TONE)

    story(test)


@pytest.mark.parametrize("query", ["", "?sample_rate=16000"])
def test_what_is_no_voice_is_415_by_name_and_silences_nobody(query: str) -> None:
    async def test() -> None:
        async with running() as setup:
            for body, name in REFUSED.values():
                if not query and "bit float" in name:
                    continue
                status, answer, _ = await ask(setup, f"v1/speak{query}", "POST", data=body)
                told = json.loads(answer)
                assert (status, told["error"]) == (415, "voice_format"), told
                assert name in told["message"]
            assert setup.utterances == []

    story(test)


@pytest.mark.parametrize(
    ("query", "kind", "body", "status", "expected"),
    [
        ("", "", b"", 400, "ended before any sound"),
        ("", "", pcm(TONE), 400, "raw PCM needs its rate"),
        ("", "audio/mpeg", pcm(TONE), 415, "the body is MP3"),
        ("?sample_rate=16000", "multipart/form-data", pcm(TONE), 415, "curl -T"),
        ("?sample_rate=16000", "application/json", b"{}", 415, "JSON"),
        ("?sample_rate=fast", "", pcm(TONE), 400, "not a whole number"),
        ("?sample_rate=16_000", "", pcm(TONE), 400, "not a whole number"),
        ("?sample_rate=%2B16000", "", pcm(TONE), 400, "not a whole number"),
        ("?sample_rate=%D9%A1%D9%A6%D9%A0%D9%A0%D9%A0", "", pcm(TONE), 400, "not a whole number"),
        ("?sample_rate=500", "", pcm(TONE), 400, "8000 to 192000"),
        ("?rate=16000", "", pcm(TONE), 400, "?rate is unknown; did you mean sample_rate?"),
        ("?sample_rate=16000", "", pcm(TONE)[:101], 400, "in the middle of a sample"),
        ("", "", riff(form(), chunk(b"data", b""), chunk(b"LIST", b"x")), 400, "contains no sound"),
        ("", "", ogg(b"OpusHead\1\1" + bytes(9)) + b"nothing", 400, "Ogg Opus: "),
    ],
)
def test_what_is_wrong_with_a_voice_is_told(
    query: str, kind: str, body: bytes, status: int, expected: str
) -> None:
    async def test() -> None:
        async with running() as setup:
            headers = {"Content-Type": kind} if kind else {}
            code, answer, _ = await ask(
                setup, f"v1/speak{query}", "POST", data=body, headers=headers
            )
            assert (code, expected in json.loads(answer)["message"]) == (status, True), answer

    story(test)


def test_whoever_sends_a_long_file_of_the_wrong_format_learns_what_is_wrong(tmp_path: Path) -> None:
    """curl is told to stop only by the answer: a connection that is reset would say nothing."""
    (tmp_path / "song.mp3").write_bytes(b"ID3\4\0\0\0\0\0\0" + bytes(8_000_000))

    async def test() -> None:
        async with running() as setup:
            for _ in range(10):
                command = [
                    "curl",
                    "-sS",
                    "-T",
                    tmp_path / "song.mp3",
                    f"{setup.server.url}v1/speak",
                ]
                curl = await asyncio.create_subprocess_exec(
                    *command, stdout=subprocess.PIPE, stderr=subprocess.PIPE
                )
                out, err = await curl.communicate()
                assert b"the body is MP3" in out, err

    story(test)
