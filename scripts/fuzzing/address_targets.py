# SPDX-License-Identifier: Apache-2.0
"""Addresses that others write: in a redirect, in a configuration that came by post."""

from __future__ import annotations

import contextlib
from typing import Final
from urllib.parse import urlsplit

from driving_client.address import HTTP, WEBSOCKET, check_host, check_url, origin, without_secrets
from driving_client.errors import AddressError
from fuzzing.target import Target, header

_LONGEST_SHOWN: Final = 700
"""Sixty characters, each of them escaped."""


def address(data: bytes) -> None:
    """What is taken can be resolved without a UnicodeError; what is shown is one short line."""
    written = header(data)
    for shown in (origin(written), without_secrets(written)):
        assert shown.isprintable()
        assert len(shown) <= _LONGEST_SHOWN
    with contextlib.suppress(AddressError):
        check_host(written)
    host = urlsplit(check_url(written, (*HTTP, *WEBSOCKET)).geturl()).hostname
    assert host
    host.encode("idna")


_SEEDS: Final = (
    b"http://host.example:8080/path?key=value",
    b"wss://[::1]:8090/relay",
    b"ws://127.0.0.1/",
    b"http://user:word@host/",
    b"http://a..b/",
    b"http://" + b"a" * 64 + b"/",
    b"http://[::1",
    b"http://[fe80::1%25eth0]/",
    b"http://256.1.1.1/",
    b"http://0x7f.1/",
    b"http://host:0/",
    b"http://host:/",
    b"http://a:b:c/",
    b"http://host/#part",
    b"ftp://host/",
    b"http:///x",
    b"",
    "http://b\u00fccher.example/".encode(),
    "http://\u212a.example/".encode(),
    b"http://-a/",
    b"http://host /",
    b"http://" + b"a." * 130 + b"b/",
    b"http://[x]/",
    b"http://[::1]x/",
    b"http://./",
    b"//other.example/x",
    b"/x",
    b"http://host:99999/",
    b"::1",
    b"host.example",
    ("http://" + "\u00fc" * 60 + "/").encode(),
)

_WORDS: Final = (
    b"http://", b"ws://", b"@", b"[", b"]", b"::1", b"%25", b"xn--", b":80", b"#", b"..", b"?",
    "\u00fc".encode(), "\u3002".encode(), "\u200d".encode(), "\u2100".encode(), b"0x", b"\xff",
)  # fmt: skip

TARGETS: Final = (
    Target(
        "address",
        address,
        (AddressError,),
        ("driving_client.address:", "driving_client.texts:"),
        _SEEDS,
        500,
        40000,
        _WORDS,
    ),
)
