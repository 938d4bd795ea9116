# SPDX-License-Identifier: Apache-2.0
"""MP3, AAC and their like without a container: frame after frame, each with a short header.

A header of a few bits comes about in raw PCM by chance; two of a kind at the right distance do
not (once in 800 million voices). An ID3 tag says how long it is, and what follows says the rest.
"""

from __future__ import annotations

import struct
from typing import Final

_ID3_HEADER: Final = 10
_V1: Final = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
_V2: Final = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
_LAYER1: Final = (0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448)
_V1_LAYER2: Final = (0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384)
_V2_LAYER1: Final = (0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256)
_RATES: Final = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}


def needed(head: bytes) -> int:
    """Bytes from the start to the end of the second frame's header; 0 where none begins here."""
    size = _mpeg_size(head) or _adts_size(head)
    return size + 7 if size else 0


def name_of(head: bytes) -> str | None:
    """MP3, AAC or what else begins with an ID3 tag; None for anything else."""
    if _is_id3(head):
        size = _ID3_HEADER + _id3_size(head)
        return "FLAC" if head[size : size + 4] == b"fLaC" else "MP3"
    for size_of, same, name in (
        (_mpeg_size, b"\xff\xfe\x0c", "MP3"), (_adts_size, b"\xff\xff\xfc", "AAC"),
    ):  # fmt: skip
        size = size_of(head)
        following = head[size : size + 7]
        if size and size_of(following) and _masked(head, same) == _masked(following, same):
            return name
    return None


def _masked(header: bytes, mask: bytes) -> bytes:
    return bytes(byte & bit for byte, bit in zip(header, mask, strict=False))


def _is_id3(head: bytes) -> bool:
    if len(head) < _ID3_HEADER or head[:3] != b"ID3":
        return False
    return head[3] <= 4 and head[4] != 255 and not head[5] & 15 and max(head[6:10]) < 128


def _id3_size(head: bytes) -> int:
    return head[6] << 21 | head[7] << 14 | head[8] << 7 | head[9]


def _mpeg_size(header: bytes) -> int:
    """Bytes of an MPEG audio frame, 0 for other bytes, and in free format, which has no length."""
    if len(header) < 4 or header[0] != 255 or header[1] < 0xE0:
        return 0
    version, layer = header[1] >> 3 & 3, 4 - (header[1] >> 1 & 3)
    place, rate_place, padding = header[2] >> 4, header[2] >> 2 & 3, header[2] >> 1 & 1
    if version == 1 or layer == 4 or place in (0, 15) or rate_place == 3:
        return 0
    rate = _RATES[version][rate_place]
    if layer == 1:
        bits = (_LAYER1 if version == 3 else _V2_LAYER1)[place]
        return (12000 * bits // rate + padding) * 4
    if version == 3:
        return 144000 * (_V1_LAYER2 if layer == 2 else _V1)[place] // rate + padding
    return (144000 if layer == 2 else 72000) * _V2[place] // rate + padding


def _adts_size(header: bytes) -> int:
    """Bytes of an AAC frame in ADTS, 0 for other bytes."""
    if len(header) < 7 or header[0] != 255 or header[1] & 0xF6 != 0xF0:
        return 0
    if header[2] >> 2 & 15 > 12:
        return 0
    (word,) = struct.unpack_from(">I", header, 3)
    size = word >> 13 & 0x1FFF
    return size if size > 7 else 0
