# SPDX-License-Identifier: Apache-2.0
"""What `POST /say` is asked: a text as JSON, or a voice in one of the formats that are taken.

JSON is told by its first character, whatever type is declared, for curl declares a form. All
else is a voice, and `driving_client.voice_formats` says which or why not. It is read whole before
it is spoken, because the queue speaks one request after the other; a voice that is to be heard
while it is still being made goes to the kiosk's own `POST /v1/speak`.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from aiohttp import web

from driving_client.serving import BODY_S, media_type, pieces
from driving_client.texts import did_you_mean
from driving_client.utterance import Samples
from driving_client.voice_formats import VoiceDecoder, VoiceError, VoiceFormatError, asked_rate
from driving_client.voice_formats.decoder import in_turns
from driving_client.voice_formats.errors import CONVERT
from driving_client.voices.speech import MAXIMUM_CHARACTERS
from driving_client.voices.wish import VoiceWish

MAXIMUM_VOICE_S: Final = 150.0
"""As long as the longest text: the queue of one kiosk then holds 230 MB at the very most."""

MAXIMUM_JSON: Final = 64 * 1024
EXAMPLE: Final = (
    'send JSON such as {"text": "Hello."}, a WAV, or raw PCM with ?sample_rate= in the address'
)

_QUERY: Final = ("sample_rate", "interrupt", "connection_id")
_KEYS: Final = ("text", "interrupt", "connection_id", "voice", "language")
_BEFORE_JSON: Final = b"\xef\xbb\xbf \t\r\n"


class SayError(Exception):
    """A request that cannot be followed: the status of the answer and what to do instead."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True, eq=False)
class SayRequest:
    """Either `text`, to be spoken by `voice`, or `samples` (mono, with `sample_rate`) is given."""

    interrupt: bool
    connection_id: str | None
    text: str = ""
    voice: VoiceWish = field(default_factory=VoiceWish)
    samples: Samples | None = None
    sample_rate: int = 0


async def read_say(request: web.Request) -> SayRequest:
    """Read the body; raises SayError with what is wrong with it."""
    body = pieces(request, BODY_S)
    head = b""
    try:
        async for chunk in body:
            head += chunk
            if head.lstrip(_BEFORE_JSON):
                break
        if "sample_rate" in request.query or not _is_json(request, head):
            return await _read_voice(request, body, head)
        async for chunk in body:
            head += chunk
            if len(head) > MAXIMUM_JSON:
                break
    except TimeoutError as error:
        raise SayError(408, f"no data came for {BODY_S:g} s") from error
    if len(head) > MAXIMUM_JSON:
        raise SayError(400, f"the body exceeds {MAXIMUM_JSON} bytes; {EXAMPLE}")
    return _parse_text(head)


def _is_json(request: web.Request, head: bytes) -> bool:
    """Whether the body, of which the head has come, is to be read as JSON."""
    declared = media_type(request)
    if declared.startswith("audio/"):
        return False
    start = head.lstrip(_BEFORE_JSON)[:1]
    return declared == "application/json" or start in (b"", b"{", b"[")


async def _read_voice(request: web.Request, body: AsyncIterator[bytes], head: bytes) -> SayRequest:
    interrupt, connection_id = _parse_query(request)
    pieces = []
    length = 0
    try:
        decoder = VoiceDecoder(media_type(request), asked_rate(request.query.get("sample_rate")))
        async for chunk in _with_head(head, body):
            for part in in_turns(chunk):
                pieces.append(decoder.feed(part))
                length += len(pieces[-1])
                _check_length(length, decoder.sample_rate)
                await asyncio.sleep(0)  # a long voice must not hold up what others are told
        pieces.append(decoder.finish())
        _check_length(length + len(pieces[-1]), decoder.sample_rate)
    except VoiceError as error:
        status = 415 if isinstance(error, VoiceFormatError) else 400
        told = str(error)
        if "sample_rate" not in request.query and CONVERT not in told:
            told += '; a text is sent as JSON such as {"text": "Hello."}'
        raise SayError(status, told) from error
    samples = np.concatenate(pieces)
    if not len(samples):
        raise SayError(400, "the body contains no sound; send a WAV, or raw PCM with its rate")
    return SayRequest(interrupt, connection_id, samples=samples, sample_rate=decoder.sample_rate)


async def _with_head(head: bytes, body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield head
    async for chunk in body:
        yield chunk


def _check_length(length: int, sample_rate: int) -> None:
    if length > MAXIMUM_VOICE_S * sample_rate:
        raise SayError(
            413,
            f"the voice is longer than {MAXIMUM_VOICE_S:.0f} s; split it into several requests",
        )


def _parse_query(request: web.Request) -> tuple[bool, str | None]:
    for name in request.query:
        if name not in _QUERY:
            raise SayError(400, f"?{name:.80} is unknown{did_you_mean(name, _QUERY)}")
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
    for name in document:
        if name not in _KEYS:
            raise SayError(400, f'"{name:.80}" is unknown{did_you_mean(name, _KEYS)}')
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
    return SayRequest(interrupt, connection_id, text, _voice(document))


def _voice(document: dict[str, Any]) -> VoiceWish:
    told = {key: document.get(key, "") for key in ("voice", "language")}
    for key, value in told.items():
        if not isinstance(value, str):
            raise SayError(400, f'"{key}" is not a string; leave it out for what the kiosk asks')
    return VoiceWish(name=told["voice"], language=told["language"])
