# SPDX-License-Identifier: Apache-2.0
"""A server that strangers attack over real sockets; this machine is served all the while.

127.0.0.1 is this machine here, and every other address of 127.0.0.0/8 is a stranger's.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import gzip
import logging
import socket
import ssl
import struct
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from aiohttp import web
from certificates import make_certificate
from hypothesis import given
from hypothesis import strategies as st

from driving_client.serving import GuardedServer, Limits, listener, places, plain_bodies, protocol
from driving_client.serving.places import Places
from driving_client.serving.rate_limit import BURST, RateLimit

HERE = "127.0.0.1"
FEW = Limits(strangers=8, by_source=4, here=3)
ASK = b"GET / HTTP/1.1\r\nHost: kiosk\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: kiosk\r\n"


@pytest.fixture(autouse=True)
def _strangers_on_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listener, "is_loopback", lambda address: address == HERE)


class Stand:
    """A server, what it refused, and how often its handler was asked."""

    def __init__(self, limits: Limits) -> None:
        self.refused: Counter[str] = Counter()
        self.asked = 0
        self.body = b"ok"
        self.release = asyncio.Event()
        self.release.set()
        app = web.Application(middlewares=[plain_bodies])
        app.router.add_route("*", "/", self._answer)
        app.router.add_post("/read", self._read)
        self.server = GuardedServer(app, limits, shutdown_s=0.3, refused=self._refuse)

    def _refuse(self, why: str) -> None:
        self.refused[why] += 1

    async def _answer(self, _request: web.Request) -> web.Response:
        self.asked += 1
        await self.release.wait()
        return web.Response(body=self.body)

    async def _read(self, request: web.Request) -> web.Response:
        self.asked += 1
        await request.read()
        return web.Response(body=self.body)

    async def dial(self, source: str = "127.0.0.2", data: bytes = b"") -> socket.socket:
        """A connection that has sent this; whoever is `HERE` calls there, others elsewhere."""
        loop = asyncio.get_running_loop()
        made = socket.socket()
        made.setblocking(False)
        made.bind((source, 0))
        to = HERE if source == HERE else "127.0.0.9"
        with contextlib.suppress(ConnectionError):  # turned away
            await loop.sock_connect(made, (to, self.server.address[1]))
            await loop.sock_sendall(made, data)
        return made

    async def ask(self, source: str = HERE, data: bytes = ASK) -> bytes:
        """Send this and read until the other side has said all, or ends the connection."""
        made = await self.dial(source, data)
        with made:
            return await heard(made)


async def heard(made: socket.socket, enough: bytes = b"ok") -> bytes:
    """What comes until the end, or until this came; b"" where the connection is reset."""
    loop = asyncio.get_running_loop()
    answer = b""
    with contextlib.suppress(OSError):
        while not answer.endswith(enough) and (part := await loop.sock_recv(made, 65536)):
            answer += part
    return answer


async def until(holds: Callable[[], bool], limit_s: float = 30.0) -> None:
    async with asyncio.timeout(limit_s):
        while not holds():
            await asyncio.sleep(0.01)


@contextlib.asynccontextmanager
async def running(limits: Limits = FEW, tls: ssl.SSLContext | None = None) -> AsyncIterator[Stand]:
    stand = Stand(limits)
    await stand.server.start("0.0.0.0", 0, tls and (lambda: tls))
    try:
        yield stand
    finally:
        await stand.server.stop()
        await until(lambda: stand.server.connections == 0)


def story(test: Callable[[], Awaitable[None]]) -> None:
    """Whole within half a minute, also on a busy machine; where it is stuck, it fails then."""
    asyncio.run(asyncio.wait_for(test(), 30))


def test_strangers_that_say_nothing_take_their_places_and_no_others(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(protocol, "HEAD_S", 600.0)

    async def test() -> None:
        async with running() as stand:
            held = [await stand.dial() for _ in range(20)]
            await until(lambda: stand.refused["by_source"] == 16)
            assert stand.server.connections == 4
            held += [await stand.dial(f"127.0.1.{number}") for number in range(60)]
            await until(lambda: stand.refused["full"] > 0)
            assert (await stand.ask()).endswith(b"ok"), "this machine has places of its own"
            assert stand.server.connections <= FEW.strangers + 1
            for each in held:
                each.close()
            await until(lambda: stand.server.connections == 0)
            assert (await stand.ask("127.0.2.1")).endswith(b"ok")

    story(test)
    assert {record.__dict__["code"] for record in caplog.records} == {"http_full"}


def test_who_does_not_ask_in_time_loses_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "HEAD_S", 0.5)

    async def test() -> None:
        async with running() as stand:
            held = [await stand.dial() for _ in range(3)]
            for each in held:
                assert await heard(each) == b"", "the server ends it"
                each.close()
            await until(lambda: stand.server.connections == 0)
            assert stand.asked == 0

    story(test)


@pytest.mark.parametrize("said", [b"", b"GET / HTTP/1.1\r\nHost: ki", ASK], ids=["", "half", "all"])
def test_a_flood_that_holds_every_place_leaves_one_to_who_has_none(said: bytes) -> None:
    """Before, whoever came waited until one of those that were held had its end."""

    async def test() -> None:
        async with running() as stand:
            held = [await stand.dial(f"127.0.1.{1 + number % 4}", said) for number in range(8)]
            await until(lambda: stand.server.connections == 8)
            if said == ASK:
                await asyncio.gather(*map(heard, held))
            assert (await stand.ask("127.0.0.2")).endswith(b"ok")
            assert stand.refused["displaced"] == 1
            assert await heard(held[0]) == b"", "the oldest one gave way"
            for each in held:
                each.close()

    story(test)


def test_half_a_handshake_gives_way_too(tmp_path: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate(tmp_path))

    async def test() -> None:
        async with running(tls=context) as stand:
            held = [await stand.dial(f"127.0.1.{1 + number % 4}") for number in range(8)]
            await until(lambda: stand.server.connections == 8)
            held.append(await stand.dial("127.0.0.2"))
            await until(lambda: stand.refused["displaced"] == 1)
            assert await heard(held[0]) == b""
            for each in held:
                each.close()

    story(test)


def test_nobody_loses_a_request_or_an_only_place_to_a_newcomer() -> None:
    async def test() -> None:
        async with running(Limits(strangers=4, by_source=2, here=1)) as stand:
            stand.release.clear()
            asking = [await stand.dial(f"127.0.1.{1 + number % 2}", ASK) for number in range(4)]
            await until(lambda: stand.asked == 4)
            waiting = asyncio.create_task(stand.ask("127.0.2.1"))
            await until(lambda: stand.refused["full"] > 0)
            stand.release.set()
            for answer in await asyncio.gather(*map(heard, asking)):
                assert answer.endswith(b"ok")
            assert (await waiting).endswith(b"ok"), "it gets a place once they are idle"
            for each in asking:
                each.close()
            await until(lambda: stand.server.connections == 0)
            alone = [await stand.dial(f"127.0.1.{number}") for number in range(1, 5)]
            await until(lambda: stand.server.connections == 4)
            assert await stand.ask("127.0.2.1") == b"", "turned away at once"
            assert stand.refused["displaced"] == 1
            for each in alone:
                each.close()

    story(test)


def test_a_queue_full_of_strangers_is_another_one_than_this_machines() -> None:
    async def test() -> None:
        async with running(Limits(strangers=1, by_source=1, here=1)) as stand:
            asking = []
            for number in range(1, 250):
                task = asyncio.create_task(stand.dial(f"127.0.3.{number}"))
                asking.append(task)
            await until(lambda: sum(task.done() for task in asking) > 100)
            for _ in range(20):
                assert (await stand.ask()).endswith(b"ok")
            for task in asking:
                task.cancel()
            for made in await asyncio.gather(*asking, return_exceptions=True):
                if isinstance(made, socket.socket):
                    made.close()

    story(test)


def test_half_a_head_has_an_end_however_it_drips(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "HEAD_S", 0.5)

    async def test() -> None:
        async with running() as stand:
            made = await stand.dial(data=b"GET / HTTP/1.1\r\nHost: kiosk\r\nX-")
            with made, contextlib.suppress(ConnectionError):
                while True:
                    made.send(b"x")
                    await asyncio.sleep(0.02)
            await until(lambda: stand.server.connections == 0)
            assert stand.asked == 0

    story(test)


class FrozenRate(RateLimit):
    """While nothing is given back: no matter how slowly this machine asks."""

    def take(self, address: str, now: float, cost: float = 1.0) -> float:
        return super().take(address, 0.0, cost)


def test_one_connection_after_the_other_is_counted_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listener, "RateLimit", FrozenRate)

    async def test() -> None:
        async with running() as stand:
            answers = [await stand.ask() for _ in range(150)]
            assert all(answers), "this machine may"
            answers = [await stand.ask("127.0.0.2") for _ in range(150)]
            assert answers.count(b"") == stand.refused["too_often"] == 150 - BURST
            assert (await stand.ask("127.0.0.3")).endswith(b"ok")

    story(test)


def test_packed_bodies_are_refused_unread() -> None:
    bomb = gzip.compress(bytes(50_000_000))

    async def test() -> None:
        async with running() as stand:
            head = POST + b"Content-Encoding: gzip\r\nContent-Length: 1000000000\r\n\r\n"
            answer = await stand.ask(data=head + bomb)
            assert answer.startswith(b"HTTP/1.1 415 ")
            assert b"compressed_body" in answer
            assert stand.asked == 0

    story(test)


def test_what_follows_an_answer_is_not_read() -> None:
    """Before, ten seconds of it were, and unpacked."""
    whole = 1_000_000_000
    head = f"POST /nowhere HTTP/1.1\r\nHost: kiosk\r\nContent-Length: {whole}\r\n\r\n"

    async def test() -> None:
        async with running() as stand:
            answer = await stand.ask(data=head.encode())
            assert answer.startswith(b"HTTP/1.1 404 ")
            sent = 0
            with await stand.dial(data=head.encode()) as made, contextlib.suppress(ConnectionError):
                while sent < whole:
                    await asyncio.get_running_loop().sock_sendall(made, bytes(1 << 16))
                    sent += 1 << 16
            assert sent < 64 << 20, "no more than what the kernel takes"
            await until(lambda: stand.server.connections == 0)

    story(test)


MALFORMED = {
    "garbage": b"\x16\x03\x01\x02\x00\x01\r\n\r\n",
    "method": b"G\x00T / HTTP/1.1\r\n\r\n",
    "version": b"GET / HTTP/9.9\r\nHost: kiosk\r\n\r\n",
    "fold": b"GET / HTTP/1.1\r\nHost: kiosk\r\n folded: yes\r\n\r\n",
    "no colon": b"GET / HTTP/1.1\r\nHost: kiosk\r\nno colon\r\n\r\n",
    "two lengths": POST + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    "length below 0": POST + b"Content-Length: -1\r\n\r\n",
    "length and chunks": POST + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "no address": b"GET http://[::1 HTTP/1.1\r\nHost: kiosk\r\n\r\n",
    "long line": b"GET /" + b"x" * 100_000 + b" HTTP/1.1\r\n\r\n",
    "long field": b"GET / HTTP/1.1\r\nX: " + b"x" * 100_000 + b"\r\n\r\n",
    "many fields": b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 5000 + b"\r\n",
    "control characters": b"GET / HTTP/1.1\r\nX: \x1b[31m\x07\r\n\r\n",
    "no text where it is repeated": POST + b"Expect: \xae\r\nContent-Length: 0\r\n\r\n",
}


@pytest.mark.parametrize("request_", MALFORMED.values(), ids=MALFORMED)
def test_a_malformed_request_is_one_line_without_a_traceback(
    request_: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    async def test() -> None:
        async with running() as stand:
            answer = await stand.ask(data=request_)
            assert not answer or answer.split(b" ")[1] == b"400", answer
            assert stand.refused["malformed"] == 1
            assert stand.asked == 0

    story(test)
    [record] = caplog.records
    assert record.__dict__["code"] == "http_malformed"
    assert record.exc_info is None
    assert "\n" not in record.getMessage()
    assert "\x1b" not in record.getMessage()


@pytest.mark.parametrize("length", [b"Content-Length: 900", b"Transfer-Encoding: chunked"])
@pytest.mark.parametrize("reset", [False, True])
def test_who_leaves_amid_a_body_is_one_line_without_a_traceback(
    reset: bool, length: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "driving_client")

    async def test() -> None:
        async with running() as stand:
            head = b"POST /read HTTP/1.1\r\nHost: kiosk\r\n" + length
            made = await stand.dial(HERE, head + b"\r\n\r\n9\r\nhalf of a")
            while not stand.asked:
                await asyncio.sleep(0.01)
            if reset:
                made.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            made.close()
            while not caplog.records:
                await asyncio.sleep(0.01)
            assert (await stand.ask()).endswith(b"ok")

    story(test)
    [record] = caplog.records
    assert (record.levelno, record.__dict__["code"]) == (logging.INFO, "http_cut_off")
    assert record.exc_info is None


@given(st.binary(max_size=400))
def test_any_bytes_are_answered_or_cut_off_and_leave_nothing(data: bytes) -> None:
    async def test() -> None:
        async with running() as stand:
            made = await stand.dial(HERE, ASK[:16] + data)
            made.shutdown(socket.SHUT_WR)
            with made:
                await heard(made, enough=b"\0\0never")
            assert (await stand.ask()).endswith(b"ok")

    story(test)


def test_bodies_in_damaged_chunks_end_their_connection_alone() -> None:
    async def test() -> None:
        async with running() as stand:
            head = POST + b"Transfer-Encoding: chunked\r\n\r\n"
            for body in (b"zz\r\n", b"5\r\nabc", b"-1\r\n", b"1;" + b"x" * 9000, b"f" * 40):
                made = await stand.dial(HERE, head + body)
                with made:
                    made.shutdown(socket.SHUT_WR)
                    await heard(made)
            assert (await stand.ask()).endswith(b"ok")

    story(test)


def test_a_thousand_requests_at_once_are_answered_in_turn() -> None:
    async def test() -> None:
        async with running() as stand:
            made = await stand.dial(HERE, ASK * 999)
            with made:
                loop = asyncio.get_running_loop()
                while stand.asked < 999:
                    await loop.sock_recv(made, 65536)
                assert (await stand.ask()).endswith(b"ok")

    story(test)


def test_who_takes_no_answer_loses_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "STALLED_S", 0.3)
    monkeypatch.setattr(places, "CLOSING_S", 0.3)
    monkeypatch.setattr(listener, "_LOOK_EVERY_S", 0.05)

    async def test() -> None:
        async with running() as stand:
            stand.body = bytes(20_000_000)
            held = [
                await stand.dial(HERE, ASK),
                await stand.dial(HERE, ASK.replace(b"1.1", b"1.0")),
            ]
            await until(lambda: stand.refused["overdue"] == 2)
            await until(lambda: stand.server.connections == 0)
            for each in held:
                each.close()

    story(test)


def test_without_descriptors_the_socket_rests_and_says_so_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(listener, "NO_RESOURCES_S", 0.2)
    accept, tries = socket.socket.accept, 0

    def exhausted(self: socket.socket) -> tuple[socket.socket, object]:
        nonlocal tries
        tries += 1
        if tries <= 2:
            raise OSError(errno.EMFILE, "Too many open files")
        return accept(self)

    async def test() -> None:
        async with running() as stand:
            monkeypatch.setattr(socket.socket, "accept", exhausted)
            assert (await stand.ask()).endswith(b"ok")

    story(test)
    codes = [record.__dict__["code"] for record in caplog.records]
    assert codes == ["http_no_resources"] * 2, "one line for each rest"


def test_half_a_handshake_and_none_at_all_have_an_end_and_no_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate(tmp_path))
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname, client.verify_mode = False, ssl.CERT_NONE

    async def test() -> None:
        async with running(tls=context) as stand:
            port = stand.server.address[1]
            reader, writer = await asyncio.open_connection(HERE, port, ssl=client)
            writer.write(ASK)
            assert (await reader.readuntil(b"ok")).startswith(b"HTTP/1.1 200")
            writer.close()
            monkeypatch.setattr(listener, "HANDSHAKE_S", 0.5)
            held = [
                await stand.dial(data=data)
                for data in (b"", b"\x16\x03\x01\x02\x00\x01", ASK, b"\0" * 5000)
            ]
            await until(lambda: stand.refused["handshake"] == len(held))
            await until(lambda: stand.server.connections == 0)
            for each in held:
                each.close()

    story(test)
    assert not caplog.records


def certificate(folder: Path) -> tuple[Path, Path]:
    files = folder / "certificate.pem", folder / "key.pem"
    make_certificate(*files, "localhost")
    return files


def test_the_port_of_another_is_in_use(caplog: pytest.LogCaptureFixture) -> None:
    async def test() -> None:
        async with running() as stand:
            for host in ("0.0.0.0", HERE):
                other = Stand(FEW)
                with pytest.raises(OSError, match="in use"):
                    await other.server.start(host, stand.server.address[1])
                await other.server.stop()

    story(test)


def test_a_fault_of_our_own_is_told_with_its_traceback(caplog: pytest.LogCaptureFixture) -> None:
    async def test() -> None:
        async with running() as stand:
            stand.body = 7  # type: ignore[assignment]
            assert (await stand.ask()).startswith(b"HTTP/1.1 500 ")

    story(test)
    [record] = caplog.records
    assert (record.levelno, record.__dict__["code"]) == (logging.ERROR, "http_failed")
    assert record.exc_info is not None


@given(
    st.lists(st.tuples(st.integers(0, 6), st.booleans()), max_size=200),
    st.builds(Limits, st.integers(1, 9), st.integers(1, 9), st.integers(1, 9)),
)
def test_no_order_of_coming_and_going_gets_more_places(
    moves: list[tuple[int, bool]], limits: Limits
) -> None:
    there = Places(limits)
    for who, comes in moves:
        here, address = who == 0, f"192.0.2.{who}"
        if comes:
            there.take(address, here=here)
        else:
            mine = [place for place in there if place.source == address]
            for place in mine[:1]:
                there.release(place)
                there.release(place)
        counts = Counter(place.source for place in there if not place.here)
        assert sum(counts.values()) <= limits.strangers
        assert max(counts.values(), default=0) <= limits.by_source
        assert len(there) - sum(counts.values()) <= limits.here
        assert there.room(here=True) == (len(there) - sum(counts.values()) < limits.here)
