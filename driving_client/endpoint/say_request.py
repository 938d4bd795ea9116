# SPDX-License-Identifier: Apache-2.0
"""What `POST /say` is asked: a text as JSON, or a voice in one of the formats that are taken.

What is declared as text/plain is a text that may still be in the making, and is handed on as it
comes. Else JSON is told by its first character, whatever type is declared, for curl declares a
form. All else is a voice, and `driving_client.voice_formats` says which or why not. It is read
whole before it is spoken, because the queue speaks one request after the other; a voice that is to
be heard while it is still being made goes to the kiosk's own `POST /v1/speak`.
"""

from __future__ import annotations

import asyncio
import codecs
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
from driving_client.voices.wish import VoiceWish

MAXIMUM_VOICE_S: Final = 150.0
"""The queue of one kiosk then holds 230 MB at the very most."""
MAXIMUM_CHARACTERS: Final = 20_000
"""Of a text: more than ten minutes of speech, which is as long as an utterance may be."""
MAXIMUM_TEXT_S: Final = 900.0
"""For a text that is being made: it may wait for its turn and then be said."""

MAXIMUM_JSON: Final = 64 * 1024
EXAMPLE: Final = (
    'send JSON such as {"text": "Hello."}, a text as text/plain, a WAV, or raw PCM with '
    "?sample_rate= in the address"
)

_QUERY: Final = ("sample_rate", "interrupt", "connection_id")
_TEXT_QUERY: Final = ("interrupt", "connection_id", "voice", "language")
_KEYS: Final = ("text", "interrupt", "connection_id", "voice", "language")
_BEFORE_JSON: Final = b"\xef\xbb\xbf \t\r\n"


class SayError(Exception):
    """A request that cannot be followed: the status of the answer and what to do instead."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True, eq=False)
class SayRequest:
    """Either `text` or `coming`, spoken by `voice`, or `samples` (mono, with `sample_rate`).

    `coming` gives a text as it comes; it raises SayError, and ConnectionError where it is cut off.
    """

    interrupt: bool
    connection_id: str | None
    text: str = ""
    voice: VoiceWish = field(default_factory=VoiceWish)
    samples: Samples | None = None
    sample_rate: int = 0
    coming: AsyncIterator[str] | None = None


async def read_say(request: web.Request) -> SayRequest:
    """Read the body; raises SayError with what is wrong with it."""
    body = pieces(request, BODY_S)
    if media_type(request) == "text/plain":
        return _text_to_come(request, body)
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


def _text_to_come(request: web.Request, body: AsyncIterator[bytes]) -> SayRequest:
    if (request.charset or "utf-8").lower() not in ("utf-8", "utf8", "us-ascii", "ascii"):
        raise SayError(415, f"the text is declared as {request.charset:.40}; send UTF-8")
    interrupt, connection_id = _parse_query(request, _TEXT_QUERY)
    voice = VoiceWish(request.query.get("voice", ""), request.query.get("language", ""))
    return SayRequest(interrupt, connection_id, voice=voice, coming=_texts(body))


async def _texts(body: AsyncIterator[bytes]) -> AsyncIterator[str]:
    """The body as UTF-8; a character may be cut in two by the chunks."""
    decoder = codecs.getincrementaldecoder("utf-8-sig")()
    length = size = 0
    try:
        async with asyncio.timeout(MAXIMUM_TEXT_S):
            async for chunk in body:
                begun = len(decoder.getstate()[0])  # a character that the last chunk cut in two
                size -= begun
                text = decoder.decode(chunk)
                size += begun + len(chunk)
                length += len(text)
                yield text
                if length > MAXIMUM_CHARACTERS:
                    raise SayError(413, f"the text has more than {MAXIMUM_CHARACTERS} characters")
            size -= len(decoder.getstate()[0])
            yield decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        raise SayError(
            400, f"the text is not UTF-8 (after {size + error.start} bytes: {error.reason})"
        ) from error
    except TimeoutError as error:
        raise SayError(408, f"no text came for {BODY_S:g} s, or it took too long") from error


def _parse_query(request: web.Request, known: tuple[str, ...] = _QUERY) -> tuple[bool, str | None]:
    for name in request.query:
        if name not in known:
            raise SayError(400, f"?{name:.80} is unknown{did_you_mean(name, known)}")
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
