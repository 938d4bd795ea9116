# SPDX-License-Identifier: Apache-2.0
"""Voices and texts that are to be spoken: `/v1/speak` of the kiosk, `/say` of the endpoint."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, Final, cast

import numpy as np
from aiohttp import web
from multidict import CIMultiDict
from yarl import URL

from driving_client.endpoint.say_request import MAXIMUM_JSON, MAXIMUM_VOICE_S, SayError, read_say
from driving_client.errors import ProtocolError, SpeechError
from driving_client.link.local_voice import LocalVoice
from driving_client.lipsync.espeak import MAXIMUM_CHARACTERS
from driving_client.lipsync.readable_text import readable
from driving_client.sample_rates import SAMPLE_RATES
from driving_client.utterance import Utterance
from driving_client.voice_formats import VoiceDecoder, VoiceError, asked_rate
from driving_client.voice_formats.ogg_opus import OggOpusDecoder
from fuzzing.target import Target, finish, header, join, split, text
from kioskd.http.speak import VoiceInput


def _wav(
    channels: int = 1,
    kind: int = 1,
    size: int | None = None,
    extra: bytes = b"",
    sound: bytes = bytes(range(16)),
    bits: int = 16,
    rate: int = 16000,
) -> bytes:
    frame = bits // 8 * channels
    form = struct.pack("<HHIIHH", kind, channels, rate, rate * frame, frame, bits)
    chunks = b"fmt " + struct.pack("<I", len(form)) + form + extra
    chunks += b"data" + struct.pack("<I", len(sound) if size is None else size) + sound
    return b"RIFF" + struct.pack("<I", len(chunks) + 4) + b"WAVE" + chunks


def _pieces(data: bytes, sizes: bytes) -> list[bytes]:
    """The data as a network may cut it."""
    pieces = []
    position = 0
    for size in sizes[:16]:
        pieces.append(data[position : position + size])
        position += size
    return [*pieces, data[position:]]


def _decoded(kind: str, query: str | None, pieces: list[bytes]) -> tuple[int, bytes]:
    decoder = VoiceDecoder(kind, asked_rate(query))
    sound = b"".join(decoder.feed(piece).tobytes() for piece in pieces)
    sound += decoder.finish().tobytes()
    return decoder.sample_rate, sound


def voice(data: bytes) -> None:
    """A voice of any format, which must sound the same however it is cut."""
    kind, query, sizes, body = split(data, 4)
    rate = header(query) or None
    decoded = _decoded(header(kind), rate, _pieces(body, sizes))
    assert decoded == _decoded(header(kind), rate, [body])
    assert decoded[0] in (SAMPLE_RATES if decoded[1] else (0, *SAMPLE_RATES))


def ogg_opus(data: bytes) -> None:
    """A stream of Ogg Opus, which must sound the same however it is cut."""
    sizes, body = split(data, 2)
    sounds = []
    for pieces in (_pieces(body, sizes), [body]):
        decoder = OggOpusDecoder()
        sounds.append(b"".join(decoder.feed(piece).tobytes() for piece in pieces))
        decoder.finish()
    assert sounds[0] == sounds[1]


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
        content=_Content(pieces),
    )
    return cast(web.Request, made)


def say_request(data: bytes) -> None:
    """Content type, query and body of POST /say, and what the speaker makes of its text."""
    kind, query, sizes, body = split(data, 4)
    request = _request(kind, query, _pieces(body, sizes))
    if request is None:
        return
    asked = finish(read_say(request))
    if asked.samples is None:
        assert asked.text.strip()
    else:
        assert asked.sample_rate in SAMPLE_RATES
        assert asked.samples.dtype == np.int16
        assert len(asked.samples)


def readable_text(data: bytes) -> None:
    """A text with markup, and the name of the voice that is to read it."""
    voice, written = (text(part) for part in split(data, 2))
    assert readable(written, voice).strip() or not written.strip()


async def _at_once(call: Callable[[], Any]) -> Any:
    return call()


def speak_request(data: bytes) -> None:
    """Query and body of POST /v1/speak, down to the samples of the utterance."""
    query, sizes, body = split(data, 3)
    request = _request(b"", query, _pieces(body, sizes))
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


def _page(packets: list[bytes], flags: int, granule: int, number: int) -> bytes:
    table = b"".join(bytes([255] * (len(p) // 255) + [len(p) % 255]) for p in packets)
    head = struct.pack("<4sBBqIIIB", b"OggS", 0, flags, granule, 1, number, 0, len(table))
    return head + table + b"".join(packets)


def _endless(pages: int) -> bytes:
    """One packet over whole pages, which never ends."""
    heads = (
        struct.pack("<4sBBqIIIB", b"OggS", 0, number > 0, 0, 1, number, 0, 255) + b"\xff" * 255
        for number in range(pages)
    )
    return b"".join(head + bytes(255 * 255) for head in heads)


_HEAD: Final = b"OpusHead" + struct.pack("<BBHIHB", 1, 1, 312, 16000, 0, 0)
_SILENCE: Final = b"\xf8\xff\xfe"
_START: Final = _page([_HEAD], 2, 0, 0) + _page([b"OpusTags" + bytes(8)], 0, 0, 1)
_OPUS: Final = _START + _page([_SILENCE, _SILENCE], 4, 1500, 2)
_LONG_PACKET: Final = _START + _page([b"\xf8" + bytes(254)], 0, 0, 2)[:-255].replace(
    b"\xff\0", b"\xff"
)

_WAVS: Final = (
    _wav(), _wav(2), _wav(3), _wav(kind=3), _wav(size=0), _wav(size=0x7FFFFFFF), _wav(size=3),
    _wav(sound=b""), _wav(extra=b"LIST\x03\0\0\0abc\0"), b"RIFF\0\0\0\0AVI ",
    b"RIFF\0\0\0\0WAVEdata\x04\0\0\0abcd", b"RIFF\0\0\0\0WAVEjunk\xff\xff\xff\0",
)  # fmt: skip
_FLOATS: Final = np.linspace(-0.5, 0.5, 40)
_OTHERS: Final = (
    _wav(size=0x7FFFFFFF) + _wav(), _wav(sound=b"") + _wav(2), _wav(bits=24), _wav(bits=8),
    _wav(kind=3, bits=32), _wav(kind=3, bits=64), _wav(rate=11025), _wav(kind=6, bits=8), _OPUS,
    b"RF64\xff\xff\xff\xffWAVEds64\x1c\0\0\0" + bytes(28) + _wav()[12:],
    b"ID3\3\0\0\0\0\0\0", b"\xff\xfb\x90\x64" + bytes(413) + b"\xff\xfb\x90\x64" + bytes(9),
    b"\xff\xf1\x50\x80\x01\x3f\xfc\0\0\xff\xf1\x50\x80\x01\x3f\xfc", b"OggS" + bytes(40),
    b"FORM\0\0\0\0AIFF", b"\0\0\0\x18ftypM4A ", b"\x1a\x45\xdf\xa3webm", b"\x1f\x8b\x08\0",
    b"--boundary\r\nContent-Type: audio/wav", b"<html><body></body></html>", b"fLaC", b"RIFX",
    _FLOATS.astype("<f4").tobytes(), _FLOATS.astype("<f8").tobytes(),
)  # fmt: skip
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
_WORDS: Final = (
    b"RIFF", b"WAVE", b"fmt ", b"data", b"LIST", b"OggS", b"OpusHead", b"OpusTags", b"text",
    b"interrupt", b"connection_id", b"sample_rate=", b"16000", b"audio/wav", b"audio/pcm",
    b"\n--\n", b"\x80\x3e\x00\x00", b"RF64", b"ds64", b"RIFF\0\0\0\0WAVEfmt ", b"ID3",
    b"\xff\xfb\x90\x64",
)  # fmt: skip

_MARKUP: Final = (
    "**Good** [morning](https://x.org) &amp; <b>you</b>", "<think>Hm.</think># It\n- *is*\n> 5 $5k",
    "```py\nx\n```\n| a | b |\n|---|---|\n![p](q) [r][s] <sub alias='t'>u</sub> www.v.w ~~y~~ \\*",
    "<b></b>", "你好", "α Привет",
)  # fmt: skip

TARGETS: Final = (
    Target(
        "readable_text",
        readable_text,
        (SpeechError,),
        ("driving_client.lipsync.readable_text:",),
        (
            *(join(b"en-us", written.encode()) for written in _MARKUP),
            join(b"ru", _MARKUP[-1].encode()),
            join(b"mb-us1", _MARKUP[-1].encode()),
        ),
        400,
        8000,
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
    ),
    Target(
        "voice",
        voice,
        (VoiceError,),
        tuple(
            f"driving_client.voice_formats.{name}:"
            for name in ("decoder", "first_bytes", "frames", "pcm", "raw_pcm", "wav", "wav_form")
        ),
        (
            *(join(b"", b"", b"\1\3\x10", wav) for wav in _WAVS),
            *(join(b"", b"16000", b"\5", body) for body in _OTHERS),
            join(b"", b"16000", b"\3", bytes(8)),
            join(b"", b"16000", b"\3", bytes(7)),
            join(b"", b"17", b"", b"ab"),
            join(b"", b"x", b"", b"ab"),
            join(b"", b"", b"", b"ab"),
            join(b"", b"", b"", b"RI"),
            join(b"audio/mpeg", b"", b"", b"ab"),
        ),
        1200,
        50000,
        _WORDS,
        (
            join(b"", b"", b"", b"RIFF\0\0\0\0WAVEjunk\0\0\1\0" + bytes(1 << 16)),
            join(b"", b"16000", b"", bytes(1 << 16) + b"\1\2" * 300),
        ),
    ),
    Target(
        "ogg_opus",
        ogg_opus,
        (ProtocolError,),
        (
            "driving_client.voice_formats.ogg_opus:OggOpusDecoder.",
            "driving_client.voice_formats.ogg_opus:_Decoder.__call__",
        ),
        (
            join(b"\x10\x40", _OPUS),
            join(b"", _OPUS[:-2]),
            join(b"", _OPUS + _OPUS),
            join(b"", _OPUS + _page([_SILENCE], 0, 0, 3)),
            join(b"", _LONG_PACKET),
            join(b"", _START + _page([_SILENCE], 0, 960, 2)),
            join(b"", _START + _page([b""], 0, 0, 2)),
            join(b"", _START + _page([b"\xff"], 4, 0, 2)),
        ),
        200,
        8000,
        _WORDS,
        (
            join(b"", _START + _endless(80)),
            join(b"", _START + _page([_SILENCE] * 85, 0, 0, 2) * 180),
        ),
    ),
    Target(
        "say_request",
        say_request,
        (SayError,),
        ("driving_client.endpoint.say_request:",),
        (
            *(join(b"application/json", b"", b"\3", document) for document in _JSON),
            join(b"", b"", b"", b"\xef\xbb\xbf" + _JSON[0]),
            join(b"audio/wav", b"interrupt=true&connection_id=c", b"\4", _WAVS[0]),
            join(b"application/octet-stream", b"", b"\2\2\2", _WAVS[1]),
            join(b"audio/pcm", b"sample_rate=16000", b"", bytes(8)),
            join(b"audio/pcm", b"sample_rate=16000&interrupt=yes", b"", bytes(8)),
            join(b"audio/pcm", b"sample_rate=16000&other=1", b"", bytes(8)),
            join(b"audio/mpeg", b"", b"", b"ID3"),
            join(b"", b"", b"", b"RI"),
        ),
        400,
        40000,
        _WORDS,
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
            *(join(b"", b"\1\3\x10", wav) for wav in _WAVS),
            join(b"sample_rate=16000", b"\3", bytes(8)),
            join(b"sample_rate=16000", b"\3", b""),
            join(b"rate=16000", b"\3", bytes(8)),
            join(b"off", b"", b""),
        ),
        100,
        40000,
        _WORDS,
    ),
)
