# SPDX-License-Identifier: Apache-2.0
"""Ogg Opus to samples, in any chunking: what clients may send in place of PCM.

The container is taken apart here (RFC 3533 and RFC 7845, one stream after the other, mono or
stereo mixed to mono); `opus` decodes the packets. Left out on purpose: the pages' checksums (the
transport has its own), streams side by side, seeking, and more than two channels.
"""

from __future__ import annotations

import struct
from typing import Final

import numpy as np

from driving_client.errors import ProtocolError
from driving_client.utterance import MAX_SECONDS, Samples
from driving_client.voice_formats.opus import OPUS_RATE, OpusDecoder

_GRANULE_RATE: Final = 48000
_PAGE_HEADER: Final = struct.Struct("<4sBBqIIIB")
_CONTINUED: Final = 1
_FIRST_PAGE: Final = 2
_LAST_PAGE: Final = 4
_LONGEST_BYTES: Final = 256 * 1024
"""Of a packet, which may go on from page to page. Speech needs 1275; tags may hold a picture."""


class OggOpusDecoder:
    """Streams, each from its first page to its last; raises ProtocolError for anything else.

    Raises OpusMissingError when it is made without libopus.
    """

    def __init__(self) -> None:
        self._pending = b""
        self._before = 0
        self._given = 0
        self._begin_stream()

    def _begin_stream(self) -> None:
        self._decode = OpusDecoder()
        self._packet = b""
        self._packets = 0
        self._skip = 0
        self._preskip = 0
        self._before += self._given
        self._given = 0
        self._ended = False

    def feed(self, data: bytes) -> Samples:
        """The samples, mono at OPUS_RATE, of the packets that these bytes completed."""
        self._pending += data
        pieces: list[Samples] = [np.zeros(0, np.int16)]
        while (page := self._next_page()) is not None:
            pieces += self._read_page(*page)
        return np.concatenate(pieces)

    def finish(self) -> None:
        """No more bytes come; raises ProtocolError where the stream ends within a page."""
        if self._pending or self._packet:
            raise ProtocolError("Ogg Opus: the stream ends in the middle of a page; send it whole")

    def _next_page(self) -> tuple[int, int, bytes, bytes] | None:
        """Flags, granule position, segment table and body of the next whole page."""
        data = self._pending
        if not data.startswith(b"OggS"[: len(data)]):
            raise ProtocolError("Ogg Opus: no page begins here; send one continuous stream")
        if len(data) < _PAGE_HEADER.size:
            return None
        _, version, flags, granule, _, _, _, count = _PAGE_HEADER.unpack_from(data)
        if version != 0:
            raise ProtocolError(f"Ogg Opus: page version {version} is unknown")
        table = data[_PAGE_HEADER.size : _PAGE_HEADER.size + count]
        end = _PAGE_HEADER.size + count + sum(table)
        if len(table) < count or len(data) < end:
            return None
        self._pending = data[end:]
        return flags, granule, table, data[end - sum(table) : end]

    def _read_page(self, flags: int, granule: int, table: bytes, body: bytes) -> list[Samples]:
        if flags & _FIRST_PAGE and self._packets:
            self._begin_stream()
        if self._ended:
            raise ProtocolError("Ogg Opus: a page after the last; begin a stream with its header")
        if bool(flags & _CONTINUED) != bool(self._packet):
            raise ProtocolError("Ogg Opus: a page is missing")
        pieces = []
        start = 0
        for size in table:
            self._packet += body[start : start + size]
            start += size
            if len(self._packet) > _LONGEST_BYTES:
                raise ProtocolError(f"Ogg Opus: a packet of more than {_LONGEST_BYTES} bytes")
            if size < 255:
                packet, self._packet = self._packet, b""
                pieces.append(self._read_packet(packet))
        if flags & _LAST_PAGE:
            self._ended = True
            pieces = self._trimmed(pieces, granule)
        return pieces

    def _read_packet(self, packet: bytes) -> Samples:
        self._packets += 1
        if self._packets == 1:
            self._read_head(packet)
        elif self._packets == 2:
            if not packet.startswith(b"OpusTags"):
                raise ProtocolError("Ogg Opus: the second packet is not OpusTags")
        else:
            samples = self._decode(packet)
            if self._before + self._given > MAX_SECONDS * OPUS_RATE:
                # A byte can stand for 120 ms: the size of a message does not bound its sound
                raise ProtocolError(f"Ogg Opus: more than {MAX_SECONDS:.0f} s of audio; split it")
            kept = samples[self._skip :]
            self._skip -= len(samples) - len(kept)
            self._given += len(kept)
            return kept
        return np.zeros(0, np.int16)

    def _read_head(self, packet: bytes) -> None:
        if len(packet) < 19 or not packet.startswith(b"OpusHead") or packet[8] >> 4:
            raise ProtocolError("Ogg Opus: the first packet is not OpusHead of version 1")
        channels, preskip = struct.unpack_from("<BH", packet, 9)
        if packet[18] != 0 or channels not in (1, 2):
            raise ProtocolError(f"Ogg Opus: {channels} channels; send one or two")
        self._preskip = preskip
        self._skip = preskip * OPUS_RATE // _GRANULE_RATE

    def _trimmed(self, pieces: list[Samples], granule: int) -> list[Samples]:
        """The last page's position tells where the voice ends: padding behind it is cut."""
        wanted = max(granule - self._preskip, 0) * OPUS_RATE // _GRANULE_RATE
        surplus = self._given - wanted
        last = np.concatenate(pieces) if pieces else np.zeros(0, np.int16)
        if granule < 0 or surplus <= 0:
            return [last]
        return [last[: max(len(last) - surplus, 0)]]
