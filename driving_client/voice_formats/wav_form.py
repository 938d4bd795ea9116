# SPDX-License-Identifier: Apache-2.0
"""The `fmt ` chunk of a WAV: what its samples are, or why they are not taken."""

from __future__ import annotations

import struct
from typing import Final

from driving_client.voice_formats.errors import CONVERT, VoiceError, VoiceFormatError
from driving_client.voice_formats.first_bytes import refusal
from driving_client.voice_formats.pcm import PcmForm
from driving_client.voice_formats.rates import HIGHEST_RATE, LOWEST_RATE, is_taken

LEAST: Final = 16
READ: Final = 40
"""Bytes of the chunk that say something."""

_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE
_SAME_AS_TAG: Final = bytes.fromhex("000000001000800000aa00389b71")
"""The end of a sub-format's GUID whose first two bytes are an ordinary format tag."""
_TAGS: Final = {
    0x0002: "Microsoft ADPCM", 0x0006: "A-law", 0x0007: "mu-law", 0x0011: "IMA ADPCM",
    0x0031: "GSM 6.10", 0x0040: "G.721 ADPCM", 0x0045: "G.726 ADPCM", 0x0050: "MPEG audio",
    0x0055: "MP3", 0x0092: "AC-3", 0x00FF: "AAC", 0x0161: "WMA", 0x1610: "AAC", 0x2000: "AC-3",
    0x566F: "Vorbis", 0x674F: "Vorbis", 0x704F: "Opus", 0xF1AC: "FLAC",
}  # fmt: skip


def read_form(chunk: bytes) -> PcmForm:
    """The form that the first READ bytes of the chunk, or all of a shorter one, describe.

    Raises VoiceFormatError for what is not taken, VoiceError for what makes no sense.
    """
    if len(chunk) < LEAST:
        raise VoiceError(
            f"the WAV's `fmt ` has {len(chunk)} bytes, it needs {LEAST}; write it anew"
        )
    tag, channels, rate, _, frame_bytes, bits = struct.unpack_from("<HHIIHH", chunk)
    if tag == _EXTENSIBLE:
        tag = _tag_of_guid(chunk)
    if tag not in (_PCM, _FLOAT):
        raise refusal(f"a WAV that holds {_TAGS.get(tag, f'format 0x{tag:04x}')}")
    if channels not in (1, 2):
        raise _not_taken(f"{channels} channels; send one or two")
    if not is_taken(rate):
        raise _not_taken(f"{rate} samples a second; {LOWEST_RATE} to {HIGHEST_RATE} are accepted")
    if bits not in ((32, 64) if tag == _FLOAT else range(8, 33)):
        raise _not_taken(f"{bits}-bit {'floats' if tag == _FLOAT else 'samples'}")
    # 20 bits in 3 bytes or 24 in 4 are padded below, so that the upper ones are what counts
    width = frame_bytes // channels
    if tag == _FLOAT or frame_bytes % channels or not (bits + 7) // 8 <= width <= 4:
        width = (bits + 7) // 8
    return PcmForm(rate, channels, width, tag == _FLOAT)


def _tag_of_guid(chunk: bytes) -> int:
    guid = chunk[24:READ]
    if len(guid) < 16:
        raise VoiceError("the WAV's `fmt ` is EXTENSIBLE but too short for it; write it anew")
    if guid[2:] != _SAME_AS_TAG:
        raise refusal(f"a WAV that holds the sub-format {guid.hex()}")
    return int.from_bytes(guid[:2], "little")


def _not_taken(what: str) -> VoiceFormatError:
    return VoiceFormatError(f"the body is a WAV of {what}; {CONVERT}")
