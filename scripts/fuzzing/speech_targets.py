# SPDX-License-Identifier: Apache-2.0
"""Voices and texts that are to be spoken: `/v1/speak` of the kiosk, `/say` of the endpoint."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from types import SimpleNamespace
from typing import Any, Final, cast

import numpy as np
from aiohttp import web
from aiohttp.helpers import parse_mimetype
from multidict import CIMultiDict
from yarl import URL

from driving_client.endpoint.say_request import (
    MAXIMUM_CHARACTERS,
    MAXIMUM_JSON,
    MAXIMUM_VOICE_S,
    SayError,
    read_say,
)
from driving_client.errors import SpeechError
from driving_client.link.local_voice import LocalVoice
from driving_client.sample_rates import SAMPLE_RATES
from driving_client.speakable.letters import refuse_foreign_letters
from driving_client.speakable.phrases import LONGEST, LONGEST_PAUSE_S, Phrases
from driving_client.speakable.text import speakable
from driving_client.utterance import Utterance
from fuzzing.target import Target, finish, header, join, split, text
from fuzzing.voice_targets import WAVS, WORDS, pieces_of
from kioskd.http.speak import VoiceInput


class _Content:
    """The body of a request as it comes in."""

    def __init__(self, pieces: list[bytes]) -> None:
        self._pieces = iter([piece for piece in pieces if piece])

    async def readany(self) -> bytes:
        return next(self._pieces, b"")


def _request(kind: bytes, query: bytes, pieces: list[bytes]) -> web.Request | None:
    """A request as aiohttp makes it; None where it would have refused the address itself."""
    try:
        address = URL("/say?" + query.decode("ascii", "replace"), encoded=True)
    except ValueError:
        return None
    made = SimpleNamespace(
        headers=CIMultiDict({"Content-Type": header(kind)} if kind else {}),
        query=address.query,
        remote="127.0.0.1",
        content=_Content(pieces),
        charset=parse_mimetype(header(kind)).parameters.get("charset"),
    )
    return cast(web.Request, made)


def say_request(data: bytes) -> None:
    """Content type, query and body of POST /say, and what the speaker makes of its text."""
    kind, query, sizes, body = split(data, 4)
    request = _request(kind, query, pieces_of(body, sizes))
    if request is None:
        return
    asked = finish(read_say(request))
    if asked.coming is not None:
        assert len(finish(_whole(asked.coming))) <= MAXIMUM_CHARACTERS
    elif asked.samples is None:
        assert asked.text.strip()
    else:
        assert asked.sample_rate in SAMPLE_RATES
        assert asked.samples.dtype == np.int16
        assert len(asked.samples)


async def _whole(coming: AsyncIterator[str]) -> str:
    return "".join([piece async for piece in coming])


def speakable_text(data: bytes) -> None:
    """A text with markup, figures and signs, the language that reads it, and how it comes."""
    language, written, sizes = (text(part) for part in split(data, 3))
    said = speakable(written, language)
    assert len(said) <= 40 * len(written) + 40
    assert speakable(said, language) == said
    phrases = Phrases(language)
    for piece in pieces_of(written.encode("utf-8", "replace"), sizes.encode("utf-8", "replace")):
        phrases.feed(piece.decode("utf-8", "replace"))
        while phrases.next() is not None:
            pass
    phrases.break_off() if sizes.startswith("!") else phrases.end()
    while (phrase := phrases.next()) is not None:
        assert len(phrase.text) <= 2 * LONGEST
        assert 0.0 <= phrase.pause_s <= LONGEST_PAUSE_S
    assert phrases.over
    refuse_foreign_letters(said, language, tuple)


async def _at_once(call: Callable[[], Any]) -> Any:
    return call()


def speak_request(data: bytes) -> None:
    """Query and body of POST /v1/speak, down to the samples of the utterance."""
    query, sizes, body = split(data, 3)
    request = _request(b"", query, pieces_of(body, sizes))
    if request is None:
        return
    made: list[Utterance] = []

    def begin(sample_rate: int) -> LocalVoice:
        made.append(Utterance("r", sample_rate))
        return LocalVoice(made[-1], lambda: None)

    answer = finish(VoiceInput(begin, _at_once, lambda: query != b"off")._speak(request))
    assert answer.status in (200, 400, 403, 415)
    assert len(made) <= 1
    assert all(utterance.audio_ended for utterance in made)


_DOCUMENTS: Final[tuple[object, ...]] = (
    {"text": "Hello."},
    {"text": "Hello.", "interrupt": True, "connection_id": "c"},
    {"text": "Hello.", "interrupt": 1},
    {"text": "Hello.", "connection_id": 1},
    {"text": "Hello.", "interupt": True},
    {"text": " "},
    [],
)
_JSON: Final = tuple(json.dumps(document).encode() for document in _DOCUMENTS)
_MARKUP: Final = (
    "**Good** [morning](https://x.org) &amp; <b>you</b>", "<think>Hm.</think># It\n- *is*\n> 5 $5k",
    "```py\nx\n```\n| a | b |\n|---|---|\n![p](q) [r][s] <sub alias='t'>u</sub> www.v.w ~~y~~ \\*",
    "<b></b>", "[" * 40 + "ˈ" + "](a)" * 40, "你好", "α Привет",
)  # fmt: skip

_LANGUAGES: Final = (b"en", b"de", b"fr", b"es")
_FIGURES: Final = (
    "$1,234.56, 5,50 €, 3 Mio. €, 20 °C, 5-10 km/h, 50%, ½, 3/4, 16:9, 2*3, -5, 1.000.000, .5",
    "2026-11-30T14:30Z, 30.11.2026, 11/30/26, Nov. 30th, 3. Mai, 1er mai, 14h30, 9 a.m., 14 Uhr",
    "Dr. X, z.B. 1st 2e 3º +49 30 123456 call 911 a@b.org 1990s #1 3.11.2 AT&T 😀 :-)",
)

_WITHOUT_END: Final = ("~", "…", "<p>", "a ", "[", "<think>", "1", "$1")
"""Signs that took a minute each where a rule looked for its end from every place of them."""

TARGETS: Final = (
    Target(
        "speakable_text",
        speakable_text,
        (SpeechError,),
        tuple(
            f"driving_client.speakable.{module}:"
            for module in (
                "addresses",
                "figures",
                "letters",
                "markup",
                "quantities",
                "phrases",
                "signs",
                "text",
                "times_and_dates",
            )
        ),
        (
            *(join(b"en-us", written.encode()) for written in _MARKUP),
            *(join(code, written.encode()) for code in _LANGUAGES for written in _FIGURES),
            join(b"ru", _MARKUP[-1].encode()),
            join(b"mb-us1", _MARKUP[-1].encode()),
        ),
        400,
        1500,
        (
            b"**",
            b"</",
            b"<think>",
            b"](",
            b"&amp;",
            b"```",
            b"\n| ",
            b"https://",
            b"$1,000",
            b"\n# ",
        ),
        tuple(join(b"en", (sign * 20000)[:20000].encode(), b"") for sign in _WITHOUT_END),
    ),
    Target(
        "say_request",
        say_request,
        (SayError,),
        ("driving_client.endpoint.say_request:",),
        (
            *(join(b"application/json", b"", b"\3", document) for document in _JSON),
            join(b"", b"", b"", b"\xef\xbb\xbf" + _JSON[0]),
            join(b"audio/wav", b"interrupt=true&connection_id=c", b"\4", WAVS[0]),
            join(b"application/octet-stream", b"", b"\2\2\2", WAVS[1]),
            join(b"audio/pcm", b"sample_rate=16000", b"", bytes(8)),
            join(b"audio/pcm", b"sample_rate=16000&interrupt=yes", b"", bytes(8)),
            join(b"audio/pcm", b"sample_rate=16000&other=1", b"", bytes(8)),
            join(b"audio/mpeg", b"", b"", b"ID3"),
            join(b"", b"", b"", b"RI"),
            join(b"text/plain", b"voice=de&language=x", b"\1\2", "Grüße. Ça va?".encode()),
            join(b"text/plain; charset=utf-16", b"", b"", b"Hello."),
            join(b"text/plain", b"interrupt=true", b"\3", b"Hello. \xff"),
        ),
        400,
        40000,
        WORDS,
        (
            join(b"", b"", b"", json.dumps({"text": "x" * (MAXIMUM_CHARACTERS + 1)}).encode()),
            join(b"", b"", b"\xff", b"x" * (MAXIMUM_JSON + 1)),
            join(b"", b"sample_rate=8000", b"", bytes(2 * 8001 * int(MAXIMUM_VOICE_S))),
        ),
    ),
    Target(
        "speak_request",
        speak_request,
        (),
        ("kioskd.http.speak:VoiceInput.", "kioskd.http.speak:_Voice."),
        (
            *(join(b"", b"\1\3\x10", wav) for wav in WAVS),
            join(b"sample_rate=16000", b"\3", bytes(8)),
            join(b"sample_rate=16000", b"\3", b""),
            join(b"rate=16000", b"\3", bytes(8)),
            join(b"off", b"", b""),
        ),
        100,
        40000,
        WORDS,
    ),
)
