# SPDX-License-Identifier: Apache-2.0
"""What `POST /say` is asked: a text as JSON, or a voice as WAV or raw PCM.

A voice is told by its content type, by `?sample_rate=`, or by the first bytes of a WAV: clients
send files as a form or as bytes of any kind unless told otherwise. It is read whole before it
is spoken, because the queue speaks one request after the other; a voice that is to be heard
while it is still being made goes to the kiosk's own `POST /v1/speak`.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from aiohttp import web

from driving_client.lipsync.espeak import MAXIMUM_CHARACTERS
from driving_client.serving import BODY_S, pieces
from driving_client.utterance import Samples
from driving_client.voice_decoder import VoiceDecoder, VoiceError, asked_rate

MAXIMUM_VOICE_S: Final = 150.0
"""As long as the longest text: the queue of one kiosk then holds 230 MB at the very most."""

MAXIMUM_JSON: Final = 64 * 1024
EXAMPLE: Final = (
    'send JSON such as {"text": "Hello."}, a WAV, or raw PCM with ?sample_rate= in the address'
)

_WAV_TYPES: Final = ("audio/wav", "audio/x-wav", "audio/wave", "audio/vnd.wave")
_PCM_TYPES: Final = ("audio/pcm", "audio/raw", "audio/x-raw")
_QUERY: Final = ("sample_rate", "interrupt", "connection_id")


class SayError(Exception):
    """A request that cannot be followed: the status of the answer and what to do instead."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True, eq=False)
class SayRequest:
    """Either `text` or `samples` (mono, with `sample_rate`) is given."""

    interrupt: bool
    connection_id: str | None
    text: str = ""
    samples: Samples | None = None
    sample_rate: int = 0


async def read_say(request: web.Request) -> SayRequest:
    """Read the body; raises SayError with what is wrong with it."""
    given = request.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    try:
        return await _read(request, given)
    except TimeoutError as error:
        raise SayError(408, f"no data came for {BODY_S:g} s") from error


async def _read(request: web.Request, given: str) -> SayRequest:
    body = pieces(request, BODY_S)
    if given in (*_WAV_TYPES, *_PCM_TYPES) or "sample_rate" in request.query:
        return await _read_voice(request, body, b"")
    if given.startswith("audio/"):
        raise SayError(
            415, f"{given} is not accepted; send a WAV (audio/wav), or raw PCM as audio/pcm"
        )
    head = b""
    async for chunk in body:
        head += chunk
        if not b"RIFF".startswith(head[:4]):
            break
        if len(head) >= 4:
            return await _read_voice(request, body, head)
    async for chunk in body:
        head += chunk
        if len(head) > MAXIMUM_JSON:
            break
    if len(head) > MAXIMUM_JSON:
        raise SayError(400, f"the body exceeds {MAXIMUM_JSON} bytes; {EXAMPLE}")
    return _parse_text(head)


async def _read_voice(request: web.Request, body: AsyncIterator[bytes], head: bytes) -> SayRequest:
    interrupt, connection_id = _parse_query(request)
    pieces = []
    length = 0
    try:
        decoder = VoiceDecoder(asked_rate(request.query.get("sample_rate")))
        pieces.append(decoder.feed(head))
        async for chunk in body:
            pieces.append(decoder.feed(chunk))
            length += len(pieces[-1])
            if decoder.sample_rate and length > MAXIMUM_VOICE_S * decoder.sample_rate:
                raise SayError(
                    413,
                    f"the voice is longer than {MAXIMUM_VOICE_S:.0f} s; split it into several "
                    "requests",
                )
        decoder.finish()
    except VoiceError as error:
        raise SayError(400, str(error)) from error
    samples = np.concatenate(pieces)
    if not len(samples):
        raise SayError(400, "the body contains no sound; send a WAV, or raw PCM with its rate")
    assert decoder.sample_rate is not None
    return SayRequest(interrupt, connection_id, samples=samples, sample_rate=decoder.sample_rate)


def _parse_query(request: web.Request) -> tuple[bool, str | None]:
    unknown = sorted(set(request.query) - set(_QUERY))
    if unknown:
        raise SayError(400, f"{unknown[0]!r:.80} is unknown; known are {', '.join(_QUERY)}")
    interrupt = request.query.get("interrupt", "false").lower()
    if interrupt not in ("true", "false"):
        raise SayError(400, f"interrupt={interrupt!r:.80} is neither true nor false")
    return interrupt == "true", request.query.get("connection_id")


def _parse_text(body: bytes) -> SayRequest:
    try:
        document: Any = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise SayError(400, f"the body is not JSON ({error}); {EXAMPLE}") from error
    if not isinstance(document, dict):
        raise SayError(400, f"the body is JSON but not an object; {EXAMPLE}")
    text = document.get("text")
    if not isinstance(text, str) or not text.strip():
        raise SayError(400, f'"text" is missing, empty or not a string; {EXAMPLE}')
    if len(text.strip()) > MAXIMUM_CHARACTERS:
        raise SayError(
            400,
            f'"text" has {len(text.strip())} characters, at most {MAXIMUM_CHARACTERS} are '
            "accepted; split it into several requests",
        )
    interrupt = document.get("interrupt", False)
    if not isinstance(interrupt, bool):
        raise SayError(
            400, '"interrupt" is neither true nor false; send one of them or leave it out'
        )
    connection_id = document.get("connection_id")
    if connection_id is not None and not isinstance(connection_id, str):
        raise SayError(400, '"connection_id" is not a string; leave it out to speak at every kiosk')
    return SayRequest(interrupt, connection_id, text=text)
