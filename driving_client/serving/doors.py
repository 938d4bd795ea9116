# SPDX-License-Identifier: Apache-2.0
"""Listening sockets, each with its queue in the kernel.

Where every address of a family is listened on, this machine's loopback gets a socket of its
own at the same port. The kernel prefers the more exact address, and so a flood from elsewhere
fills another queue than the one in which this machine's own requests wait.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from dataclasses import dataclass
from typing import Final

from driving_client.serving.sources import is_here

BACKLOG: Final = 128
_LOOPBACK: Final = {socket.AF_INET: "127.0.0.1", socket.AF_INET6: "::1"}


@dataclass(frozen=True, slots=True)
class Door:
    """A listening socket; `own` says that only this machine comes through it."""

    socket: socket.socket
    own: bool


async def open_doors(host: str, port: int) -> list[Door]:
    """Listen at every address of the host; raises OSError, and then none is left open."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE | socket.AI_ADDRCONFIG
    )
    doors: list[Door] = []
    try:
        for family, _, _, _, address in dict.fromkeys(found):
            name = str(address[0])
            bound = _bound(family, name, int(address[1]), shared=False)
            doors.append(Door(bound, is_here(name)))
            if ipaddress.ip_address(name).is_unspecified:
                # Only now: whoever else wants the port must still hear that it is in use
                bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
                there = bound.getsockname()[1]
                doors.append(Door(_bound(family, _LOOPBACK[family], there, shared=True), True))
        for door in doors:
            door.socket.listen(BACKLOG)
    except OSError:
        for door in doors:
            door.socket.close()
        raise
    return doors


def _bound(family: socket.AddressFamily, host: str, port: int, *, shared: bool) -> socket.socket:
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        made.setblocking(False)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if family == socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        made.bind((host, port))
    except OSError:
        made.close()
        raise
    return made
