# SPDX-License-Identifier: Apache-2.0
"""What a stranger can do to the kiosk's HTTP port, one function an attack.

Each takes an `Attacker`, which knows where the kiosk is, and goes on until its time is over.
Nothing here is more than a script of a few lines would do with a plain socket.
"""

from __future__ import annotations

import contextlib
import gzip
import itertools
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

HALF_A_HEAD: Final = b"GET / HTTP/1.1\r\nHost: kiosk\r\nX-"
ALL: Final = b"GET /livez HTTP/1.1\r\nHost: kiosk\r\n\r\n"
_POST: Final = b"POST /v1/say HTTP/1.1\r\nHost: kiosk\r\n"
MALFORMED: Final = (
    b"\x00\xff\xfe garbage\r\n\r\n",
    b"GET / HTTP/9.9\r\nHost: kiosk\r\n\r\n",
    b"G\x00T / HTTP/1.1\r\nHost: kiosk\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: kiosk\r\n folded: yes\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: kiosk\r\nno colon\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    _POST + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    _POST + b"Content-Length: -1\r\n\r\n",
    _POST + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    _POST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
    _POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    _POST + b"Transfer-Encoding: chunked\r\n\r\n1;" + b"x" * 9000 + b"\r\n",
    _POST + b"Expect: a-wonder\r\nContent-Length: 9\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: kiosk\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n\x81\x00",
    b"CONNECT a:1 HTTP/1.1\r\nHost: kiosk\r\n\r\n",
    b"GET http://[::1 HTTP/1.1\r\nHost: kiosk\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: kiosk\r\nX: " + b"x" * 100_000 + b"\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: kiosk\r\n" + b"a: b\r\n" * 5000 + b"\r\n",
    b"GET /" + b"x" * 100_000 + b" HTTP/1.1\r\n\r\n",
)


@dataclass
class Attacker:
    """Where the kiosk listens (with TLS), from which addresses to come, and until when."""

    host: str
    port: int
    sources: list[str]
    until: float
    token: str
    _turn: Iterator[str] = field(init=False)

    def __post_init__(self) -> None:
        self._turn = itertools.cycle(self.sources)
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._tls.check_hostname = False
        self._tls.verify_mode = ssl.CERT_NONE

    @property
    def going(self) -> bool:
        """Whether there is time left."""
        return time.monotonic() < self.until

    def dial(self) -> socket.socket:
        """A connection without TLS yet."""
        return socket.create_connection((self.host, self.port), 2.0, (next(self._turn), 0))

    def speak(self, data: bytes, wait: bool = True) -> ssl.SSLSocket:
        """A connection with TLS that has sent this."""
        raw = self.dial()
        try:
            wrapped = self._tls.wrap_socket(raw)
        except OSError:
            raw.close()
            raise
        wrapped.sendall(data)
        if wait:
            with contextlib.suppress(OSError):
                wrapped.recv(4096)
        return wrapped

    def crowd(self, count: int, once: Callable[[], None]) -> None:
        """So many at a time, each again and again."""

        def again() -> None:
            while self.going:
                with contextlib.suppress(OSError):
                    once()

        threads = [threading.Thread(target=again) for _ in range(count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def hold(self, count: int, begin: Callable[[], socket.socket], drip: bytes = b"") -> None:
        """Keep so many connections; those that are closed are opened again."""
        held: list[socket.socket] = []
        while self.going:
            with contextlib.suppress(OSError):
                while len(held) < count and self.going:
                    held.append(begin())
            for each in list(held):
                try:
                    each.setblocking(False)
                    if drip:
                        each.send(drip)
                    ended = each.recv(1) == b""
                except (BlockingIOError, ssl.SSLWantReadError):
                    ended = False
                except OSError:
                    ended = True
                if ended:
                    each.close()
                    held.remove(each)
            time.sleep(0.05)
        for each in held:
            each.close()


def nothing(_attacker: Attacker) -> None:
    """No attack: what the others are compared with."""


def spinning(attacker: Attacker) -> None:
    """No attack either, but a core taken as attackers on the same machine take it."""
    while attacker.going:
        pass


def packed_bodies(attacker: Attacker) -> None:
    """600 KB that unpack to 600 MB, three at a time, without a token."""
    bomb = gzip.compress(bytes(600_000_000), 9)
    head = (
        "POST /v1/say HTTP/1.1\r\nHost: kiosk\r\nContent-Type: application/json\r\n"
        f"Content-Encoding: gzip\r\nContent-Length: {len(bomb)}\r\n\r\n"
    )
    attacker.crowd(3, lambda: attacker.speak(head.encode() + bomb).close())


def half_heads(attacker: Attacker) -> None:
    """300 requests whose heads come letter by letter, and never end."""
    attacker.hold(300, lambda: attacker.speak(HALF_A_HEAD, wait=False), b"x")


def silent(attacker: Attacker) -> None:
    """1,100 connections that say nothing."""
    attacker.hold(1100, attacker.dial)


def half_handshakes(attacker: Attacker) -> None:
    """300 connections that stop within the TLS handshake."""

    def begin() -> socket.socket:
        raw = attacker.dial()
        raw.sendall(b"\x16\x03\x01\x02\x00\x01")
        return raw

    attacker.hold(300, begin)


def no_handshakes(attacker: Attacker) -> None:
    """Plain HTTP and garbage where TLS is expected, as fast as it goes."""

    def once() -> None:
        with attacker.dial() as raw:
            raw.sendall(ALL)

    attacker.crowd(4, once)


def connects(attacker: Attacker) -> None:
    """Connections that are closed again, as fast as it goes."""
    attacker.crowd(4, lambda: attacker.dial().close())


def kept_alive(attacker: Attacker) -> None:
    """300 connections that ask once and stay."""
    attacker.hold(300, lambda: attacker.speak(ALL))


def malformed(attacker: Attacker) -> None:
    """Every malformed request there is, in turn, four at a time."""
    requests = itertools.cycle(MALFORMED)
    attacker.crowd(4, lambda: attacker.speak(next(requests)).close())


def pipelined(attacker: Attacker) -> None:
    """A thousand requests in one go, four at a time."""
    attacker.crowd(4, lambda: attacker.speak(ALL * 1000).close())


def slow_bodies(attacker: Attacker) -> None:
    """200 bodies that come byte by byte, with the token."""
    head = (
        f"POST /v1/say HTTP/1.1\r\nHost: kiosk\r\nAuthorization: Bearer {attacker.token}\r\n"
        "Content-Type: application/json\r\nContent-Length: 60000\r\n\r\n"
    )
    attacker.hold(200, lambda: attacker.speak(head.encode(), wait=False), b" ")


def deaf_readers(attacker: Attacker) -> None:
    """200 that ask for pictures and figures, with the token, and never read."""
    paths = itertools.cycle(("screenshot.png", "metrics", "stream.mjpg", "healthz"))

    def begin() -> socket.socket:
        head = f"Host: kiosk\r\nAuthorization: Bearer {attacker.token}\r\n\r\n"
        asked = f"GET /{next(paths)} HTTP/1.1\r\n{head}".encode()
        return attacker.speak(asked * 20, wait=False)

    attacker.hold(200, begin)


ATTACKS: Final = (
    nothing, spinning, packed_bodies, half_heads, silent, half_handshakes, no_handshakes, connects,
    kept_alive, malformed, pipelined, slow_bodies, deaf_readers,
)  # fmt: skip
