# SPDX-License-Identifier: Apache-2.0
"""Ends a connection whose peer sends much and says nothing.

Frames and messages are limited where they arrive (`flood`), but some of what a peer can send
never arrives: empty fragments of a message that has no end, interim HTTP answers before the
answer. So the bytes that come in are counted against those of the frames that came of them, on
the client's side and on the server's.
"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

from aiohttp import AddrInfoType

from driving_client.small_reads import SmallReads

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

BEFORE_SESSION: Final = 1 << 20
"""Bytes of all the answers before a session stands; a token's is 64 KiB at most."""
IN_SESSION: Final = 16 << 20
"""Bytes that no frame accounts for: some frames are under way, and none is larger than 4 MiB."""
_A_FRAME: Final = 64
_A_SIXTEENTH: Final = 4
"""What frame and TLS record add to a frame's bytes, with honest fragments of 160 bytes or more."""


class Meter:
    """Counts what a connection receives against what its frames account for."""

    def __init__(self) -> None:
        self._left = BEFORE_SESSION
        self.exceeded = False

    def socket(self, address: AddrInfoType) -> SmallReads:
        """aiohttp's socket factory."""
        return _MeteredSocket(self, *address[:3])

    def session_begins(self) -> None:
        """The connection is a WebSocket from now on."""
        self._left = IN_SESSION

    def frame(self, length: int) -> None:
        """A frame of so many bytes has come out of what was received."""
        self._left = min(self._left + length + (length >> _A_SIXTEENTH) + _A_FRAME, IN_SESSION)

    def received(self, count: int) -> None:
        """Bytes have come in; raises ConnectionAbortedError where there are too many of them."""
        self._left -= count
        if self._left < 0:
            self.exceeded = True
            raise ConnectionAbortedError(
                errno.ECONNABORTED, "too much was sent that completes no frame or answer"
            )


class _MeteredSocket(SmallReads):
    def __init__(self, meter: Meter, family: int, kind: int, protocol: int) -> None:
        super().__init__(family, kind, protocol)
        self._meter = meter

    def recv(self, size: int, flags: int = 0, /) -> bytes:
        data = super().recv(size, flags)
        self._meter.received(len(data))
        return data

    def recv_into(self, buffer: WriteableBuffer, size: int = 0, flags: int = 0) -> int:
        count = super().recv_into(buffer, size, flags)
        self._meter.received(count)
        return count
