# SPDX-License-Identifier: Apache-2.0
"""The bytes of voices, of every format: what decodes them, and the inputs that they begin with."""

from __future__ import annotations

import struct
from typing import Final

import numpy as np

from driving_client.errors import ProtocolError
from driving_client.sample_rates import SAMPLE_RATES
from driving_client.voice_formats import VoiceDecoder, VoiceError, asked_rate
from driving_client.voice_formats.ogg_opus import OggOpusDecoder
from fuzzing.target import Target, header, join, split


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


def pieces_of(data: bytes, sizes: bytes) -> list[bytes]:
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
    decoded = _decoded(header(kind), rate, pieces_of(body, sizes))
    assert decoded == _decoded(header(kind), rate, [body])
    assert decoded[0] in (SAMPLE_RATES if decoded[1] else (0, *SAMPLE_RATES))


def ogg_opus(data: bytes) -> None:
    """A stream of Ogg Opus, which must sound the same however it is cut."""
    sizes, body = split(data, 2)
    sounds = []
    for pieces in (pieces_of(body, sizes), [body]):
        decoder = OggOpusDecoder()
        sounds.append(b"".join(decoder.feed(piece).tobytes() for piece in pieces))
        decoder.finish()
    assert sounds[0] == sounds[1]


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

WAVS: Final = (
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
    _wav(kind=0xFFFE), _wav(kind=0xFFFE).replace(b"\x10\0\0\0", b"\x28\0\0\0", 1),
    _wav(kind=0xFFFE, extra=bytes(24)).replace(b"\x10\0\0\0", b"\x28\0\0\0", 1),
    _wav() + b"RIFF\0\0", _wav() + b"RIFF\2\0\0\0nonsense", _wav(extra=b"LIST\1\0\0\0a"),
    _wav(size=0) + b"rubbish",
    b"RIFF\0\0\0\0WAVEds64\4\0\0\0abcd" + _wav()[12:], bytes(range(1, 255)) * 4,
    _wav(sound=b"", extra=b"JUNK\xff\0\0\0") + bytes(255) + _wav()[36:],
    _FLOATS.astype("<f4").tobytes(), (_FLOATS / 3).astype("<f4").tobytes(),
    _FLOATS.astype("<f8").tobytes(),
)  # fmt: skip
WORDS: Final = (
    b"RIFF", b"WAVE", b"fmt ", b"data", b"LIST", b"OggS", b"OpusHead", b"OpusTags", b"text",
    b"interrupt", b"connection_id", b"sample_rate=", b"16000", b"audio/wav", b"audio/pcm",
    b"\n--\n", b"\x80\x3e\x00\x00", b"RF64", b"ds64", b"RIFF\0\0\0\0WAVEfmt ", b"ID3",
    b"\xff\xfb\x90\x64",
)  # fmt: skip

TARGETS: Final = (
    Target(
        "voice",
        voice,
        (VoiceError,),
        tuple(
            f"driving_client.voice_formats.{name}:"
            for name in ("decoder", "first_bytes", "frames", "pcm", "raw_pcm", "wav", "wav_form")
        ),
        (
            *(join(b"", b"", b"\1\3\x10", wav) for wav in WAVS),
            *(join(b"", b"16000", b"\5", body) for body in _OTHERS),
            *(join(b"", b"16000", b"\xff\xff\xff\xff", body) for body in _OTHERS[-8:]),
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
        WORDS,
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
            "driving_client.voice_formats.opus:OpusDecoder.__call__",
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
        WORDS,
        (
            join(b"", _START + _endless(80)),
            join(b"", _START + _page([_SILENCE] * 85, 0, 0, 2) * 180),
        ),
    ),
)
