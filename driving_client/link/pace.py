# SPDX-License-Identifier: Apache-2.0
"""How much sound may be under way on a connection: little enough that a report behind it is soon
there.

The kernel takes megabytes from whoever has much to say, and a slow line carries them for minutes,
in their order. So sound is sent only while few of its frames are on their way. How few is learned
from how long frames take until the peer's kernel has acknowledged them: beyond the line's own round
trip each may take SOON_S. What lies in proxies on the way is not seen.

Measured over a line of 128 kbit/s, half of what PCM needs, with two reports a second: 0.19 s late
at the median and 0.35 at most; where 10 kB were let under way 1.4 and 1.7, without any limit 4.8
and 8.7.
"""

from __future__ import annotations

import asyncio
import fcntl
import socket
import struct
import termios
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Protocol

from driving_client.link.heard import HeardSound
from driving_client.link.heard_queue import HeardQueue

SOON_S: Final = 0.1
_LOOK_EVERY_S: Final = 0.02
"""How soon it is noticed that there is room again."""

FIRST_FRAMES: Final = 5
MOST_FRAMES: Final = 50
"""Of 20 ms: so many may be under way at first, and where a line's round trip is a second."""

_COUNT: Final = struct.Struct("i")
_ACKNOWLEDGED: Final = struct.Struct("120xQ")
_ROUND_TRIP: Final = struct.Struct("148xI")
"""Fields of Linux' tcp_info: tcpi_bytes_acked, and tcpi_min_rtt in microseconds (Linux 4.9)."""
_UNKNOWN: Final = 0xFFFFFFFF


class Connected(Protocol):
    """What aiohttp's two kinds of WebSocket have in common."""

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """What asyncio's transport tells of itself."""


@dataclass(frozen=True, slots=True)
class Line:
    """A TCP connection: bytes that the peer's kernel has, bytes that it has not, and the shortest
    round trip in seconds."""

    acknowledged: int
    under_way: int
    round_trip_s: float


def line_of(connected: Connected) -> Line | None:
    """How a connection does now, None where it has ended."""
    connection = connected.get_extra_info("socket")
    if connection is None or connection.fileno() < 0:
        return None
    try:
        told = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _ROUND_TRIP.size)
        waiting = fcntl.ioctl(connection.fileno(), termios.TIOCOUTQ, _COUNT.pack(0))
    except OSError:
        return None
    (acknowledged,) = _ACKNOWLEDGED.unpack_from(told)
    (round_trip,) = _ROUND_TRIP.unpack_from(told.ljust(_ROUND_TRIP.size, b"\0"))
    (under_way,) = _COUNT.unpack(waiting)
    return Line(acknowledged, under_way, 0.0 if round_trip == _UNKNOWN else round_trip / 1e6)


class Pace:
    """One connection's; `look` gives its state, None where it has ended."""

    def __init__(
        self, look: Callable[[], Line | None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._look = look
        self._clock = clock
        self._frames: deque[tuple[int, float]] = deque()
        """Where in the bytes of the connection each ends that is under way, and since when."""
        self._allowed = FIRST_FRAMES
        self._fewer_since = 0.0

    def room(self) -> bool:
        """Whether one more frame may be sent; the connection's end is for the sender to notice."""
        line = self._look()
        if line is None:
            return True
        now, tight = self._clock(), len(self._frames) >= self._allowed
        while self._frames and self._frames[0][0] <= line.acknowledged:
            _, since = self._frames.popleft()
            if now - since > line.round_trip_s + SOON_S:
                if since >= self._fewer_since:  # those sent before know nothing of it
                    self._allowed, self._fewer_since = max(self._allowed // 2, 1), now
            elif tight:
                self._allowed = min(self._allowed + 1, MOST_FRAMES)
        return len(self._frames) < self._allowed

    async def next_of(self, queue: HeardQueue, dropped: Callable[[int], None]) -> HeardSound:
        """The queue's next sound once there is room for it; `dropped` is told what was left out."""
        while not self.room():
            dropped(queue.take_dropped())
            await asyncio.sleep(_LOOK_EVERY_S)
        return await queue.next()

    def sent(self) -> None:
        """A frame has just been sent."""
        line = self._look()
        if line is not None:
            self._frames.append((line.acknowledged + line.under_way, self._clock()))
