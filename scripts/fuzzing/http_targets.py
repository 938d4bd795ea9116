# SPDX-License-Identifier: Apache-2.0
"""What reaches the kiosk's HTTP server: headers, JSON bodies, and whole requests as bytes.

`http_request` goes through aiohttp's own parser and the kiosk's middleware to the handlers, on a
transport that keeps what is written; the smaller targets try one header or body each, and so a
hundred times as many.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Final, cast

from aiohttp import web
from multidict import CIMultiDict

from driving_client.address import is_loopback
from fuzzing.target import Target, finish, header, join, split
from kioskd.http.access import _from_another_site, _host_name, carries_token, json_object
from kioskd.http.gesture import GestureInput
from kioskd.playback.gestures import GestureError

TOKEN: Final = "a-token-of-the-kiosk-0123"


def authorization(data: bytes) -> None:
    """The Authorization header: nothing but the token itself opens the door."""
    if carries_token(header(data), TOKEN):
        assert TOKEN.encode() in data or data[:5].lower() == b"basic"


def host_and_origin(data: bytes) -> None:
    """The headers Host, Origin and Sec-Fetch-Site."""
    host, origin, site = (header(part) for part in split(data, 3))
    is_loopback(_host_name(host))
    headers = CIMultiDict({"Host": host})
    if origin:
        headers["Origin"] = origin
    if site:
        headers["Sec-Fetch-Site"] = site
    foreign = _from_another_site(cast(web.Request, SimpleNamespace(headers=headers)))
    assert foreign or site in ("", "same-origin", "none")


class _JsonRequest(SimpleNamespace):
    """A request whose body is there already."""

    remote = "127.0.0.1"

    async def read(self) -> bytes:
        body: bytes = self.body
        return body


def json_body(data: bytes) -> None:
    """The body of a request with JSON, and the name that a gesture is asked for by."""
    kind, body = split(data, 2)
    headers = CIMultiDict({"Content-Type": header(kind)})
    request = cast(web.Request, _JsonRequest(headers=headers, body=body))

    def show(name: str) -> bool:
        if name != "listen":
            raise GestureError(f"no clip {name!r}")
        return True

    told = finish(json_object(request, "name"))
    assert isinstance(told, dict | web.Response)
    answer = finish(GestureInput(show)._gesture(request))
    assert answer.status in (200, 400, 415)


_JSON: Final = b"application/json"
_WORDS: Final = (
    b"Bearer ", b"Basic ", TOKEN.encode(), b"127.0.0.1", b"localhost", b"[::1]", b":8080", b"http://",
    b"null", b"same-origin", b"none", b"cross-site", b"name", b"listen", b"utf-16", b"idna", b"hex",
    b"punycode", b"\xff",
)  # fmt: skip

TARGETS: Final = (
    Target(
        "authorization",
        authorization,
        (),
        ("kioskd.http.access:carries_token",),
        (
            b"Bearer " + TOKEN.encode(),
            b"bearer  x",
            b"Basic OmEtdG9rZW4=",
            b"Basic %",
            b"Other x",
            b"Basic /w==",
            b"",
        ),
        1500,
        50000,
        _WORDS,
    ),
    Target(
        "host_and_origin",
        host_and_origin,
        (),
        (
            "kioskd.http.access:_host_name",
            "kioskd.http.access:_from_another_site",
            "driving_client.address:is_loopback",
        ),
        (
            join(b"127.0.0.1:8080", b"http://127.0.0.1:8080"),
            join(b"[::1]:8080", b"null", b"none"),
            join(b"localhost", b"http://[", b"same-origin"),
            join(b"[", b"", b"cross-site"),
        ),
        1000,
        40000,
        _WORDS,
    ),
    Target(
        "json_body",
        json_body,
        (),
        ("kioskd.http.access:json_object", "kioskd.http.gesture:GestureInput._gesture"),
        (
            join(_JSON, b'{"name": "listen"}'),
            join(_JSON, b'{"name": "wave"}'),
            join(_JSON, b"{}"),
            join(b"text/plain", b"{}"),
            join(_JSON, b'{"name": 1}'),
            join(_JSON, b"[]"),
            join(_JSON, b'{"nam": "listen"}'),
            join(_JSON, b"{"),
        ),
        300,
        30000,
        _WORDS,
    ),
)
