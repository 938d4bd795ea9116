# SPDX-License-Identifier: Apache-2.0
"""Listening sockets, each with its queue in the kernel.

`::` means every address of the machine, IPv6 and IPv4. Each family has a socket of its own: whoever
comes over IPv4 then has an IPv4 address, and nobody meets `::ffff:192.0.2.1`.

Where every address of a family is listened on, this machine's loopback gets a socket of its
own at the same port. The kernel prefers the more exact address, and so a flood from elsewhere
fills another queue than the one in which this machine's own requests wait.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import ipaddress
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from driving_client.address import is_loopback, plain_address

BACKLOG: Final = 128
PORTS_TRIED: Final = 8
"""Where any port will do: one that is free for the first address may be taken at the next."""
_LOOPBACK: Final = {socket.AF_INET: "127.0.0.1", socket.AF_INET6: "::1"}


@dataclass(frozen=True, slots=True)
class Door:
    """A listening socket; `own` says that only this machine comes through it."""

    socket: socket.socket
    own: bool


async def open_doors(host: str, port: int) -> list[Door]:
    """Listen at every address of the host, at one port; raises OSError, and leaves none open."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(
        plain_address(host),
        port,
        type=socket.SOCK_STREAM,
        flags=socket.AI_PASSIVE | socket.AI_ADDRCONFIG,
    )
    addresses = dict.fromkeys((family, str(address[0])) for family, _, _, _, address in found)
    if (socket.AF_INET6, "::") in addresses:
        addresses[socket.AF_INET, "0.0.0.0"] = None
    for _ in range(PORTS_TRIED - 1 if port == 0 else 0):
        with contextlib.suppress(OSError):
            return _doors(addresses, port)
    return _doors(addresses, port)


def _doors(addresses: Iterable[tuple[socket.AddressFamily, str]], port: int) -> list[Door]:
    doors: list[Door] = []
    try:
        for family, name in addresses:
            bound = _bound(family, name, port, shared=False)
            doors.append(Door(bound, is_loopback(name)))
            port = bound.getsockname()[1]
            if ipaddress.ip_address(name.partition("%")[0]).is_unspecified:
                # Only now: another program that wants the port must still be told that it is in use
                bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
                doors += _own_door(family, port)
        for door in doors:
            door.socket.listen(BACKLOG)
    except OSError:
        for door in doors:
            door.socket.close()
        raise
    return doors


def _own_door(family: socket.AddressFamily, port: int) -> list[Door]:
    """None where the family's loopback is switched off, as IPv6's is in many containers."""
    try:
        return [Door(_bound(family, _LOOPBACK[family], port, shared=True), True)]
    except OSError as error:
        if error.errno != errno.EADDRNOTAVAIL:
            raise
        return []


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
