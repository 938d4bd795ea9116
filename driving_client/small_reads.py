# SPDX-License-Identifier: Apache-2.0
"""A socket that is read in small pieces, so that the loop gets its turn between two of them.

asyncio reads 256 KiB in one go. 100,000 empty fragments of a WebSocket message fit into that:
parsing them kept every other task of the loop waiting for 0.2 s a time, and a voice for 0.8 s
(measured). Bodies are better read in one go: what lies unread when a connection is closed
resets it, and its peer loses the answer.
"""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

PIECE_BYTES: Final = 8 * 1024
WHOLE_BYTES: Final = 256 * 1024
"""What asyncio asks for."""


class SmallReads(socket.socket):
    """Reads `most_bytes` at most, whatever it is asked for."""

    most_bytes = PIECE_BYTES

    def recv(self, size: int, flags: int = 0, /) -> bytes:
        """As socket.recv."""
        return super().recv(min(size, self.most_bytes), flags)

    def recv_into(self, buffer: WriteableBuffer, size: int = 0, flags: int = 0) -> int:
        """As socket.recv_into."""
        most = min(size or memoryview(buffer).nbytes, self.most_bytes)
        return super().recv_into(buffer, most, flags)
