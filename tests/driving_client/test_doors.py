# SPDX-License-Identifier: Apache-2.0
"""Where a server listens: `::` means both families, and a peer has the address that it came by."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from aiohttp import web

from driving_client.serving import GuardedServer, Limits, doors
from driving_client.serving.doors import open_doors


@contextlib.asynccontextmanager
async def server(host: str) -> AsyncIterator[int]:
    """One at a free port that answers with the address of whoever asks."""

    async def answer(request: web.Request) -> web.Response:
        return web.Response(text=request.remote)

    app = web.Application()
    app.router.add_get("/", answer)
    made = GuardedServer(app, Limits(), shutdown_s=0.3)
    await made.start(host, 0)
    try:
        yield made.address[1]
    finally:
        await made.stop()


async def seen_as(address: str, port: int) -> str | None:
    """How the server sees who asks at this address; None where nobody listens there."""
    try:
        reader, writer = await asyncio.open_connection(address, port)
    except ConnectionRefusedError:
        return None
    writer.write(b"GET / HTTP/1.1\r\nHost: kiosk\r\nConnection: close\r\n\r\n")
    heard = await asyncio.wait_for(reader.read(), 60)
    writer.close()
    return heard.rpartition(b"\r\n")[2].decode()


def story(test: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(test(), 120))


needs_ipv6 = pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="this machine has no IPv6")


@needs_ipv6
def test_at_two_colons_both_families_are_served_and_seen_as_they_are() -> None:
    async def test() -> None:
        async with server("::") as port:
            for address in ("127.0.0.1", "127.0.0.9", "::1"):
                peer = await seen_as(address, port)
                assert peer is not None, f"nobody listens at {address}"
                assert ":" not in peer or address == "::1", f"{address} came as {peer}"

    story(test)


@needs_ipv6
@pytest.mark.parametrize(
    ("host", "served", "not_served"),
    [
        ("0.0.0.0", ["127.0.0.1"], ["::1"]),
        ("::1", ["::1"], ["127.0.0.1"]),
        ("127.0.0.1", ["127.0.0.1"], ["::1", "127.0.0.9"]),
        ("::ffff:127.0.0.1", ["127.0.0.1"], ["::1"]),
    ],
)
def test_any_other_address_is_that_one_only(
    host: str, served: list[str], not_served: list[str]
) -> None:
    async def test() -> None:
        async with server(host) as port:
            assert None not in [await seen_as(each, port) for each in served]
            assert [await seen_as(each, port) for each in not_served] == [None] * len(not_served)

    story(test)


@needs_ipv6
def test_each_familys_loopback_has_a_queue_of_its_own() -> None:
    async def test() -> None:
        opened = await open_doors("::", 0)
        where = [(door.socket.getsockname()[0], door.own) for door in opened]
        ports = {door.socket.getsockname()[1] for door in opened}
        for door in opened:
            door.socket.close()
        assert where == [("::", False), ("::1", True), ("0.0.0.0", False), ("127.0.0.1", True)]
        assert len(ports) == 1

    story(test)


def test_where_ipv6s_loopback_is_switched_off_the_rest_is_served(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As in containers with `disable_ipv6`: `::` can be listened on, `::1` is no address."""
    bound = doors._bound

    def without(
        family: socket.AddressFamily, host: str, port: int, *, shared: bool
    ) -> socket.socket:
        if host == "::1":
            raise OSError(errno.EADDRNOTAVAIL, "Cannot assign requested address")
        return bound(family, host, port, shared=shared)

    monkeypatch.setattr(doors, "_bound", without)

    async def test() -> None:
        async with server("::") as port:
            assert await seen_as("127.0.0.1", port) == "127.0.0.1"

    if socket.has_ipv6:
        story(test)


@needs_ipv6
def test_a_port_that_the_other_family_has_taken_is_told_and_any_port_is_another_one() -> None:
    async def test() -> None:
        with socket.create_server(("127.0.0.1", 0)) as other:
            taken = other.getsockname()[1]
            with pytest.raises(OSError, match="in use"):
                await open_doors("::", taken)
        async with server("::") as port:
            assert port != taken

    story(test)


def test_any_port_is_looked_for_until_all_addresses_have_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bound = doors._bound
    refused: list[int] = []

    def contended(
        family: socket.AddressFamily, host: str, port: int, *, shared: bool
    ) -> socket.socket:
        if host == "0.0.0.0" and len(refused) < 3:
            refused.append(port)
            raise OSError(errno.EADDRINUSE, "Address already in use")
        return bound(family, host, port, shared=shared)

    monkeypatch.setattr(doors, "_bound", contended)

    async def test() -> None:
        async with server("0.0.0.0") as port:
            assert await seen_as("127.0.0.1", port) == "127.0.0.1"

    story(test)
    assert len(refused) == 3
