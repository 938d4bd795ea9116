# SPDX-License-Identifier: Apache-2.0
"""Voices in every container that people send, made of bytes: the beginnings are right."""

from __future__ import annotations

import struct
from typing import Final

import numpy as np

TONE: Final = (8000 * np.sin(np.arange(2000) / 7)).astype(np.int16)
NOISE: Final = np.random.default_rng(7).bytes(4000)
GUID_END: Final = bytes.fromhex("000000001000800000aa00389b71")


def chunk(name: bytes, body: bytes, size: int | None = None) -> bytes:
    """A chunk of a RIFF file with its padding; `size` is what it claims."""
    told = struct.pack("<I", len(body) if size is None else size)
    return name + told + body + b"\0" * (len(body) % 2)


def form(
    rate: int = 16000,
    channels: int = 1,
    bits: int = 16,
    tag: int = 1,
    *,
    frame_bytes: int | None = None,
    sub: int | None = None,
) -> bytes:
    """A `fmt ` chunk; `sub` makes it EXTENSIBLE."""
    whole = channels * ((bits + 7) // 8) if frame_bytes is None else frame_bytes
    body = struct.pack("<HHIIHH", tag, channels, rate, rate * whole & 0xFFFFFFFF, whole, bits)
    if sub is not None:
        body = struct.pack("<H", 0xFFFE) + body[2:]
        body += struct.pack("<HHIH", 22, bits, 0, sub) + GUID_END
    return chunk(b"fmt ", body)


def riff(*chunks: bytes, name: bytes = b"RIFF", size: int | None = None) -> bytes:
    """A WAV of these chunks."""
    body = b"WAVE" + b"".join(chunks)
    return name + struct.pack("<I", len(body) if size is None else size) + body


def pcm(samples: np.ndarray) -> bytes:
    return samples.astype("<i2").tobytes()


def wav(samples: np.ndarray = TONE, rate: int = 16000, channels: int = 1) -> bytes:
    """A plain WAV; two channels are interleaved already."""
    return riff(form(rate, channels), chunk(b"data", pcm(samples)))


def rf64(samples: np.ndarray = TONE, rate: int = 16000, data_bytes: int | None = None) -> bytes:
    data = pcm(samples)
    told = len(data) if data_bytes is None else data_bytes
    sizes = chunk(b"ds64", struct.pack("<QQQI", len(data) + 72, told, len(samples), 0))
    return riff(
        sizes, form(rate), chunk(b"data", data, 0xFFFFFFFF), name=b"RF64", size=0xFFFFFFFF
    )  # fmt: skip


def ogg(*packets: bytes, flags: int = 2, version: int = 0) -> bytes:
    """One page."""
    table = b"".join(bytes([255] * (len(p) // 255) + [len(p) % 255]) for p in packets)
    head = struct.pack("<4sBBqIIIB", b"OggS", version, flags, 0, 1, 0, 0, len(table))
    return head + table + b"".join(packets)


def mp3_frames(head: bytes = b"\xff\xfb\x90\x64", size: int = 417) -> bytes:
    """Frames of 128 kbit/s at 44.1 kHz without any tag."""
    return (head + NOISE[: size - len(head)]) * 4


def adts_frames(size: int = 300) -> bytes:
    head = bytes([0xFF, 0xF1, 0x50, 0x80 | size >> 11, size >> 3 & 255, (size & 7) << 5 | 31, 0xFC])
    return (head + NOISE[: size - 7]) * 4


def iff(kind: bytes) -> bytes:
    return b"FORM\0\0\1\0" + kind + b"COMM" + NOISE


MULTIPART: Final = (
    b"--------------------------d74496d66958873e\r\nContent-Disposition: form-data; name=\"file\"; "
    b"filename=\"voice.wav\"\r\nContent-Type: audio/wav\r\n\r\n" + wav()
)  # fmt: skip

REFUSED: Final = {
    "MP3 with ID3": (b"ID3\4\0\0\0\0\0\0" + mp3_frames(), "MP3"),
    "MP3 with a long ID3": (b"ID3\3\0\0\0\0\x7f\x7f" + NOISE, "MP3"),
    "MP3 frames": (mp3_frames(), "MP3"),
    "MP3 of MPEG 2": (mp3_frames(b"\xff\xf3\x84\xc4", 192), "MP3"),
    "MP3 of MPEG 2.5": (mp3_frames(b"\xff\xe3\x48\xc4", 288), "MP3"),
    "MPEG layer 2": (mp3_frames(b"\xff\xfd\xa4\x00", 576), "MP3"),
    "AAC frames": (adts_frames(), "AAC"),
    "FLAC": (b"fLaC\0\0\0\x22" + NOISE, "FLAC"),
    "FLAC with ID3": (b"ID3\4\0\0\0\0\0\x08" + bytes(8) + b"fLaC\0\0\0\x22" + NOISE, "FLAC"),
    "Ogg Vorbis": (ogg(b"\x01vorbis" + NOISE[:23]) + NOISE, "Ogg Vorbis"),
    "Ogg FLAC": (ogg(b"\x7fFLAC\1\0\0\1fLaC" + NOISE[:38]) + NOISE, "Ogg FLAC"),
    "Ogg Speex": (ogg(b"Speex   1.2" + NOISE[:60]) + NOISE, "Ogg Speex"),
    "Ogg Theora": (ogg(b"\x80theora" + NOISE[:30]) + NOISE, "Ogg without Opus"),
    "AIFF": (iff(b"AIFF"), "AIFF"),
    "AIFC": (iff(b"AIFC"), "AIFC"),
    "RIFX": (b"RIFX\0\0\1\0WAVEfmt " + NOISE, "RIFX"),
    "AVI": (b"RIFF\0\0\1\0AVI LIST" + NOISE, "AVI"),
    "MIDI in RIFF": (b"RIFF\0\0\1\0RMIDdata" + NOISE, "MIDI"),
    "RIFF of another kind": (b"RIFF\0\0\1\0sfbkLIST" + NOISE, "not WAV"),
    "W64": (b"riff\x2e\x91\xcf\x11\xa5\xd6\x28\xdb\x04\xc1\0\0" + NOISE, "W64"),
    "CAF": (b"caff\0\1\0\0desc" + NOISE, "CAF"),
    "AU": (b".snd\0\0\0\x18" + NOISE, "AU"),
    "AMR": (b"#!AMR\n" + NOISE, "AMR"),
    "AMR-WB": (b"#!AMR-WB\n" + NOISE, "AMR"),
    "M4A": (b"\0\0\0\x20ftypM4A \0\0\2\0" + NOISE, "MP4"),
    "QuickTime": (b"\0\0\x10\0moov\0\0\0\x6cmvhd" + NOISE, "MP4"),
    "WebM": (b"\x1a\x45\xdf\xa3\x9f\x42\x86\x81\1\x42\x82\x84webm" + NOISE, "WebM"),
    "Matroska": (b"\x1a\x45\xdf\xa3\xa3\x42\x82\x88matroska" + NOISE, "Matroska"),
    "MIDI": (b"MThd\0\0\0\6\0\1" + NOISE, "MIDI"),
    "WMA": (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11\xa6\xd9" + NOISE, "WMA"),
    "WavPack": (b"wvpk" + NOISE, "WavPack"),
    "Monkey's Audio": (b"MAC \x96\x0f" + NOISE, "Monkey"),
    "gzip": (b"\x1f\x8b\x08\0" + NOISE, "gzip"),
    "ZIP": (b"PK\3\4\x14\0" + NOISE, "ZIP"),
    "zstd": (b"\x28\xb5\x2f\xfd" + NOISE, "zstd"),
    "multipart": (MULTIPART, "multipart/form-data"),
    "JSON": (b'{"audio": "UklGRiQAAABXQVZFZm10IBAAAAABAAEA"}', "JSON"),
    "JSON with a BOM": (b'\xef\xbb\xbf{"audio": "UklGRiQAAABXQVZFZm10IBAA"}', "JSON"),
    "JSON with umlauts": ('{"text": "Grüße und schöne Größe – über Äöü"}'.encode(), "JSON"),
    "a question in Greek": ("Καλημέρα, τι κάνετε σήμερα; Πώς μπορώ".encode(), "text"),
    "HTML": (b"<!DOCTYPE html>\n<html><body>502 Bad Gateway</body></html>", "HTML"),
    "base64": (b"UklGRiQAAABXQVZFZm10IBAAAAABAAEAQB8AAEAfAAABAAgAZGF0YQAAAAA=", "text"),
    "data URL": (b"data:audio/wav;base64,UklGRiQAAABXQVZFZm10IBAAAAABAAEA", "text"),
    "a question": (b"Good morning, how may I help you today?", "text"),
    "float32": (TONE.astype("<f4").__truediv__(32768).astype("<f4").tobytes(), "32-bit float"),
    "float64": ((TONE / 32768).astype("<f8").tobytes(), "64-bit float"),
    "quiet floats after silence": (
        bytes(4 * 1500) + (TONE / 3e6).astype("<f4").tobytes(), "32-bit float",
    ),
    "floats beyond full scale": ((TONE / 5000).astype("<f4").tobytes(), "32-bit float"),
    "WAV of A-law": (riff(form(8000, bits=8, tag=6), chunk(b"data", NOISE)), "A-law"),
    "WAV of mu-law": (riff(form(8000, bits=8, tag=7), chunk(b"data", NOISE)), "mu-law"),
    "WAV of ADPCM": (riff(form(bits=4, tag=2), chunk(b"data", NOISE)), "Microsoft ADPCM"),
    "WAV of IMA ADPCM": (riff(form(bits=4, tag=0x11), chunk(b"data", NOISE)), "IMA ADPCM"),
    "WAV of GSM": (riff(form(bits=0, tag=0x31), chunk(b"data", NOISE)), "GSM 6.10"),
    "WAV of MP3": (riff(form(bits=0, tag=0x55), chunk(b"data", mp3_frames())), "MP3"),
    "WAV of mu-law, EXTENSIBLE": (
        riff(form(8000, bits=8, sub=7), chunk(b"data", NOISE)), "mu-law",
    ),
    "WAV of something": (riff(form(tag=0x1234), chunk(b"data", NOISE)), "0x1234"),
    "WAV of Ambisonics": (
        riff(form(sub=1).replace(GUID_END, bytes(14)), chunk(b"data", NOISE)), "sub-format",
    ),
    "WAV of 5.1": (riff(form(channels=6), chunk(b"data", NOISE)), "6 channels"),
    "WAV without channels": (riff(form(channels=0), chunk(b"data", NOISE)), "0 channels"),
    "WAV at 6 kHz": (riff(form(6000), chunk(b"data", NOISE)), "6000 samples a second"),
    "WAV at 384 kHz": (riff(form(384000), chunk(b"data", NOISE)), "384000 samples a second"),
    "WAV at 0 Hz": (riff(form(0), chunk(b"data", NOISE)), "0 samples a second"),
    "WAV of 4 bits": (riff(form(bits=4), chunk(b"data", NOISE)), "4-bit samples"),
    "WAV of 64-bit integers": (riff(form(bits=64), chunk(b"data", NOISE)), "64-bit samples"),
    "WAV of half floats": (riff(form(bits=16, tag=3), chunk(b"data", NOISE)), "16-bit floats"),
}  # fmt: skip
"""Bodies and what the refusal calls them."""
