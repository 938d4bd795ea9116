# SPDX-License-Identifier: Apache-2.0
"""How much of what was sent has not arrived yet: what a report has to wait behind.

The kernel takes megabytes from whoever has much to say, and a slow uplink carries them for
minutes, in their order. So what can be spared is sent only while little is under way.
"""

from __future__ import annotations

import fcntl
import struct
import termios
from typing import Any, Protocol

_COUNT = struct.Struct("i")


class Connected(Protocol):
    """What aiohttp's two kinds of WebSocket have in common."""

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """What asyncio's transport tells of itself."""


def bytes_under_way(socket: Connected) -> int:
    """Bytes that the peer's kernel has not acknowledged, sent or still to be; 0 after the end."""
    connection = socket.get_extra_info("socket")
    if connection is None or connection.fileno() < 0:
        return 0
    answer = fcntl.ioctl(connection.fileno(), termios.TIOCOUTQ, _COUNT.pack(0))
    (count,) = _COUNT.unpack(answer)
    return int(count)
