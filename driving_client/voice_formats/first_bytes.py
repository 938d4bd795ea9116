# SPDX-License-Identifier: Apache-2.0
"""Which format a body has: told by its first bytes, and where those say nothing by its type.

Two formats are accepted beside raw PCM; everything else is named in the refusal. Raw PCM may begin
with any bytes, so a signature of fewer than four is believed only with what must follow it (of
an MP3 without tags, the next frame). Bytes win over the declared type: much software declares
one type for every file.
"""

from __future__ import annotations

import codecs
from collections.abc import Callable
from typing import Final

from driving_client.voice_formats import frames
from driving_client.voice_formats.errors import CONVERT, TAKEN, VoiceFormatError

WAV: Final = "WAV"
OGG_OPUS: Final = "Ogg Opus"
ENOUGH: Final = 512
"""Bytes that tell every format but frames without a container, which are longer."""

_TEXT_LOOKED_AT: Final = 64
_TEXT_AT_LEAST: Final = 12
_TEXT_VARIES: Final = 6
_TEXT_HALVES_VARY: Final = 4
"""Bytes looked at, characters that must be there, and how many of them must differ; the same for
the bytes at even places and at odd ones."""

_SIGNATURES: Final = (
    (b"fLaC", "FLAC"), (b"caff", "CAF"), (b".snd", "AU"), (b"dns.", "AU"), (b"#!AMR", "AMR"),
    (b"MThd", "MIDI"), (b"wvpk", "WavPack"), (b"MAC ", "Monkey's Audio"), (b"TTA1", "TTA"),
    (b"MPCK", "Musepack"), (b"DSD ", "DSD"), (b"FRM8", "DSD"), (b"RIFX", "RIFX (big-endian WAV)"),
    (b"riff\x2e\x91\xcf\x11", "W64"), (b"NIST_1A", "NIST SPHERE"), (b"FLV\1", "Flash video"),
    (b"Creative Voice File", "VOC"), (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "WMA"),
    (b"\x28\xb5\x2f\xfd", "packed with zstd"), (b"PK\3\4", "a ZIP archive"),
    (b"\xfd7zXZ\0", "packed with xz"), (b"BZh91AY&SY", "packed with bzip2"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"), (b"%PDF-", "PDF"), (b"\x89PNG\r\n", "a PNG picture"),
    (b"\xff\xd8\xff\xe0", "a JPEG picture"), (b"\xff\xd8\xff\xe1", "a JPEG picture"),
)  # fmt: skip
_OGG: Final = (
    (b"OpusHead", OGG_OPUS), (b"\x01vorbis", "Ogg Vorbis"), (b"\x7fFLAC", "Ogg FLAC"),
    (b"Speex   ", "Ogg Speex"),
)  # fmt: skip
_RIFF: Final = {b"WAVE": WAV, b"AVI ": "AVI", b"RMID": "MIDI", b"WEBP": "a WebP picture"}
_NO_WAVE: Final = "RIFF of a kind that is not WAV"
"""Mostly a WAV that lost its zeros: curl -d leaves them out."""
_BOXES: Final = (b"ftyp", b"moov", b"mdat")

_ANY_TYPES: Final = frozenset(
    {
        "", "application/octet-stream", "binary/octet-stream", "application/x-www-form-urlencoded",
        "audio/wav", "audio/x-wav", "audio/wave", "audio/vnd.wave", "audio/pcm", "audio/x-pcm",
        "audio/raw", "audio/x-raw", "audio/s16le",
    }
)  # fmt: skip
"""What raw PCM is sent as; curl and others declare a form for bytes of any kind."""
_TYPES: Final = {
    "audio/mpeg": "MP3", "audio/mp3": "MP3", "audio/x-mp3": "MP3", "audio/flac": "FLAC",
    "audio/x-flac": "FLAC", "audio/aac": "AAC", "audio/mp4": "MP4", "audio/x-m4a": "MP4",
    "audio/aiff": "AIFF", "audio/x-aiff": "AIFF", "audio/basic": "AU", "audio/amr": "AMR",
    "audio/webm": "WebM", "video/webm": "WebM", "audio/midi": "MIDI", "audio/x-caf": "CAF",
    "audio/l16": "big-endian PCM (audio/L16)", "application/json": "JSON", "text/html": "HTML",
    "text/plain": "text", "multipart/form-data": "multipart/form-data",
    "audio/ogg": "not the Ogg that its type declares",
    "audio/opus": "not the Opus that its type declares",
}  # fmt: skip


def needed(head: bytes) -> int:
    """How many first bytes `format_of` wants, as far as these tell."""
    return max(ENOUGH, frames.needed(head))


def format_of(head: bytes, declared: str) -> str | None:
    """WAV or OGG_OPUS, None for what may be raw PCM; raises VoiceFormatError for the rest.

    `head` are the first `needed` bytes, or all that there are; `declared` is the media type,
    in small letters and without parameters.
    """
    name = next(filter(None, (look(head) for look in _LOOKS)), None)
    if name is None and declared not in _ANY_TYPES:
        name = _TYPES.get(declared, f"declared as {declared:.80}")
    if name is None or name in (WAV, OGG_OPUS):
        return name
    raise refusal(name)


def refusal(name: str) -> VoiceFormatError:
    """The error that names a format and says how to mend it."""
    if name == "multipart/form-data":
        remedy = "send the file itself as the body: curl -T voice.wav"
    elif name == _NO_WAVE:
        remedy = f"send a WAV whole: curl -T voice.wav, for curl -d leaves bytes out; or {CONVERT}"
    elif name.startswith(("packed", "a ZIP", "a 7z", "PDF")) or name.endswith("picture"):
        remedy = f"send a voice as it is: {TAKEN}"
    elif name in ("JSON", "HTML or XML", "HTML", "text"):
        remedy = f"send {TAKEN}"
    else:
        remedy = CONVERT
    return VoiceFormatError(f"the body is {name}, which is not accepted; {remedy}")


def _signature(head: bytes) -> str | None:
    return next((name for magic, name in _SIGNATURES if head.startswith(magic)), None)


def _riff(head: bytes) -> str | None:
    if head[:4] in (b"RF64", b"BW64") and head[8:12] == b"WAVE":
        return WAV
    if head[:4] != b"RIFF":
        return None
    return _RIFF.get(head[8:12], _NO_WAVE) if len(head) >= 12 else WAV


def _iff(head: bytes) -> str | None:
    kinds = {b"AIFF": "AIFF", b"AIFC": "AIFC", b"8SVX": "8SVX"}
    return kinds.get(head[8:12]) if head[:4] == b"FORM" else None


def _ogg(head: bytes) -> str | None:
    if head[:5] != b"OggS\0":
        return None
    first = head[27 + head[26] :] if len(head) > 26 else b""
    if not first:
        return OGG_OPUS  # its decoder says that the page is cut off
    return next((name for magic, name in _OGG if first.startswith(magic)), "Ogg without Opus")


def _boxes(head: bytes) -> str | None:
    return "MP4 or M4A" if head[4:8] in _BOXES and head[:2] == b"\0\0" else None


def _matroska(head: bytes) -> str | None:
    if not head.startswith(b"\x1a\x45\xdf\xa3"):
        return None
    return "WebM" if b"webm" in head[:64] else "Matroska"


def _gzip(head: bytes) -> str | None:
    return "packed with gzip" if head[:3] == b"\x1f\x8b\x08" and head[3:4] < b"\x20" else None


def _text(head: bytes) -> str | None:
    """Text has many different bytes, and each of them is printable: no voice goes like that.

    A steady level in raw PCM may, but of its bytes every other one is nearly always the same.
    """
    try:
        # The last character may be cut off
        start = codecs.getincrementaldecoder("utf-8")().decode(head[:_TEXT_LOOKED_AT])
    except UnicodeDecodeError:
        return None
    if min(len(set(head[place:_TEXT_LOOKED_AT:2])) for place in (0, 1)) < _TEXT_HALVES_VARY:
        return None
    start = start.removeprefix("\ufeff")
    if len(start) < _TEXT_AT_LEAST or len(set(start)) < _TEXT_VARIES:
        return None
    if not all(letter.isprintable() or letter in "\t\r\n" for letter in start):
        return None
    if start.startswith("--") and b"content-" in head.lower():
        return "multipart/form-data"
    return {"{": "JSON", "[": "JSON", "<": "HTML or XML"}.get(start.lstrip()[:1], "text")


_LOOKS: Final[tuple[Callable[[bytes], str | None], ...]] = (
    _riff, _signature, _iff, _ogg, _boxes, _matroska, _gzip, frames.name_of, _text,
)  # fmt: skip
