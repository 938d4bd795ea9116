# SPDX-License-Identifier: Apache-2.0
"""Accepts connections within limits: how many at once, how fast, how long until they speak.

asyncio's own server accepts all that come, a hundred in one turn of its loop, and at the end
of the descriptors it logs a traceback for each of those tries. Here a socket rests while no
place is free or held idle: what the kernel then turns away costs nothing. Between two batches
it rests as well, so that no flood of connections can take the whole thread. Whoever finds no
place is reset at once, and takes nothing of the rate at which all may come: the queue in the
kernel stays short for those who do.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import ssl
import struct
import time
from collections.abc import Callable
from typing import Final

from driving_client.address import is_loopback
from driving_client.serving.doors import Door, open_doors
from driving_client.serving.places import Limits, Place, Places
from driving_client.serving.rate_limit import RateLimit
from driving_client.small_reads import WHOLE_BYTES, SmallReads

logger = logging.getLogger(__name__)

HANDSHAKE_S: Final = 5.0
BATCH: Final = 16
REST_S: Final = 0.04
"""Between two full batches: 400 connections a second at most, the most of them reset at once."""
TOGETHER: Final = 50.0
"""Connections a second from all other machines: a TLS handshake and a refusal are 5 ms of CPU."""
NO_RESOURCES_S: Final = 1.0
_LOOK_EVERY_S: Final = 1.0
_RESET: Final = struct.pack("ii", 1, 0)

Lost = Callable[[], None]
OwesHead = Callable[[], bool]
"""Whether a connection waits for the head of its next request, and for nothing else."""
MakeProtocol = Callable[[SmallReads, Lost], tuple[asyncio.Protocol, OwesHead]]
Tls = Callable[[], ssl.SSLContext]
"""Asked at each handshake: certificates are renewed."""
Refused = Callable[[str], None]
"""Told why somebody was turned away.

`full`, `by_source`, `too_often`, `displaced`, `handshake` or `overdue`.
"""


class Listener:
    """Hands each connection to a protocol of its own, which must call `lost` at its end."""

    def __init__(
        self,
        make_protocol: MakeProtocol,
        limits: Limits,
        refused: Refused,
        tls: Tls | None = None,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._make_protocol = make_protocol
        self._places = Places(limits)
        self._refused = refused
        self._tls = tls
        self._rate = RateLimit(TOGETHER)
        self._doors: list[Door] = []
        self._full: set[bool] = set()
        self._told_full: set[bool] = set()
        self._beginning: dict[Place, asyncio.Task[None]] = {}
        self._looking: asyncio.TimerHandle | None = None

    @property
    def addresses(self) -> list[tuple[str, int]]:
        """Host and port of each listening socket, the configured one first."""
        return [door.socket.getsockname()[:2] for door in self._doors]

    @property
    def connections(self) -> int:
        """How many there are."""
        return len(self._places)

    async def listen(self, host: str, port: int) -> None:
        """Begin; raises OSError."""
        self._doors = await open_doors(host, port)
        for door in self._doors:
            self._loop.add_reader(door.socket.fileno(), self._accept, door)
        self._look()

    def close(self) -> None:
        """Accept no more. Connections stay."""
        for door in self._doors:
            with contextlib.suppress(ValueError):  # closed already by `abandon`
                self._loop.remove_reader(door.socket.fileno())
        self.abandon()

    def abandon(self) -> None:
        """Free the port; from any thread, also while the listener's own is stuck."""
        doors, self._doors = self._doors, []
        for door in doors:
            door.socket.close()

    def abort(self) -> None:
        """End every connection that there still is, whatever its peer has not taken yet."""
        if self._looking is not None:
            self._looking.cancel()
        for place in self._places:
            self._abort(place)

    def _accept(self, door: Door) -> None:
        for _ in range(BATCH):
            if not self._places.room(here=door.own):
                self._pause(door)
                return
            wait_s = 0.0 if door.own else self._rate.wait(time.monotonic())
            if wait_s:
                self._refused("too_often")
                self._rest(door, wait_s)
                return
            try:
                connection, address = door.socket.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                logger.error(
                    "no connection can be accepted for %g s: %s",
                    NO_RESOURCES_S,
                    error.strerror,
                    extra={"code": "http_no_resources"},
                )
                self._rest(door, NO_RESOURCES_S)
                return
            self._admit(connection, str(address[0]))
        self._rest(door, REST_S)

    def _admit(self, connection: socket.socket, address: str) -> None:
        here = is_loopback(address)
        full = not self._places.free(here=here)
        idle = self._places.yields_to(address) if full and not here else None
        why = ""
        if not here and self._places.crowded(address):
            why = "by_source"
        elif full and idle is None:
            why = "full"
            self._tell_full(here)
        elif not here and self._rate.take(address, time.monotonic()):
            why = "too_often"
        if why:
            _turn_away(connection)
            self._refused(why)
            return
        if idle is not None:
            self._refused("displaced")
            self._tell_full(here)
            self._abort(idle)
            self._places.release(idle)
        place = self._places.take(address, here=here)
        assert place is not None
        admitted = SmallReads(fileno=connection.detach())
        admitted.most_bytes = WHOLE_BYTES
        admitted.setblocking(False)
        task = self._loop.create_task(self._begin(admitted, place))
        self._beginning[place] = task
        task.add_done_callback(lambda _: self._begun(admitted, place))

    async def _begin(self, connection: SmallReads, place: Place) -> None:
        limit_s = HANDSHAKE_S if self._tls is not None else None

        def protocol() -> asyncio.Protocol:
            made, owes_head = self._make_protocol(connection, lambda: self._leave(place))
            place.owes_head = owes_head
            return made

        try:
            transport, _ = await self._loop.connect_accepted_socket(
                protocol,
                connection,
                ssl=None if self._tls is None else self._tls(),
                ssl_handshake_timeout=limit_s,
                ssl_shutdown_timeout=limit_s,
            )
            place.transport = transport
        except OSError:  # no TLS, or not in time; a port scan brings hundreds
            self._refused("handshake")
            self._leave(place)

    def _begun(self, connection: socket.socket, place: Place) -> None:
        """The handshake is over, one way or another; also before it could begin."""
        del self._beginning[place]
        if place.transport is None:
            connection.close()
            self._leave(place)

    def _abort(self, place: Place) -> None:
        """End a connection, whatever its peer has not taken yet."""
        if place.transport is not None:
            place.transport.abort()
        elif task := self._beginning.get(place):
            task.cancel()

    def _leave(self, place: Place) -> None:
        self._places.release(place)
        self._resume(place.here)

    def _resume(self, own: bool) -> None:
        if own in self._full:
            self._full.discard(own)
            for door in self._doors:
                if door.own == own:
                    self._loop.add_reader(door.socket.fileno(), self._accept, door)

    def _pause(self, door: Door) -> None:
        """Until a place is free; what waits meanwhile is the kernel's."""
        self._loop.remove_reader(door.socket.fileno())
        self._full.add(door.own)
        self._refused("full")
        self._tell_full(door.own)

    def _tell_full(self, own: bool) -> None:
        """Once, until a place has been free for a look."""
        if own in self._told_full:
            return
        self._told_full.add(own)
        logger.warning(
            "all places for connections from %s are taken; newcomers wait%s",
            "this machine" if own else "other machines",
            "" if own else ", or get an idle place of the source with most",
            extra={"code": "http_full"},
        )

    def _rest(self, door: Door, seconds: float) -> None:
        self._loop.remove_reader(door.socket.fileno())

        def resume() -> None:
            if door in self._doors:
                self._loop.add_reader(door.socket.fileno(), self._accept, door)

        self._loop.call_later(seconds, resume)

    def _look(self) -> None:
        """Once a second: end the connections whose peers take nothing; see who has become idle."""
        self._looking = self._loop.call_later(_LOOK_EVERY_S, self._look)
        now = time.monotonic()
        for place in self._places:
            if place.overdue(now) and place.transport is not None:
                place.transport.abort()
                self._refused("overdue")
        for own in (True, False):
            if self._places.free(here=own):
                self._told_full.discard(own)
            if self._places.room(here=own):
                self._resume(own)


def _turn_away(connection: socket.socket) -> None:
    """With a reset: nothing of it stays in the kernel."""
    with contextlib.suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    connection.close()
