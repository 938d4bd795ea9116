# SPDX-License-Identifier: Apache-2.0
"""Answers that this side asks for: a token, the endpoint's to a text, a kiosk's to `kioskctl`."""

from __future__ import annotations

import argparse
import contextlib
import io
import json
from typing import Any, Final
from unittest import mock

import aiohttp

from driving_client.link.network import NetworkSettings
from driving_client.link.retry import SessionError
from driving_client.link.session_token import _token_in
from fuzzing.target import Target, finish, header, join, split
from fuzzing.wire_targets import WORDS, json_of
from kioskd.ctl import commands
from kioskd.ctl.client import Client, ControlError
from kioskd.http.forwarding import forward
from kioskd.update.trial_watch import look_at_health


def token_answer(data: bytes) -> None:
    """Status and body of the token service's answer."""
    status, asked, date, body = split(data, 4)
    headers = {"Retry-After": header(asked), "Date": header(date)}
    token = _token_in(int.from_bytes(status[:2], "big"), headers, body)
    assert token.isascii()
    assert token.isprintable()


class _Post:
    """aiohttp's session and its answer in one, for a single request."""

    def __init__(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.status = status
        self.headers = headers
        self.content = self
        self._left = body

    def __call__(self, **_: object) -> _Post:
        return self

    def post(self, _url: str, **_: object) -> _Post:
        return self

    async def __aenter__(self) -> _Post:
        return self

    async def __aexit__(self, *_: object) -> None:
        return

    async def read(self, most: int) -> bytes:
        piece, self._left = self._left[:most], self._left[most:]
        return piece


def say_answer(data: bytes) -> None:
    """The endpoint's answer to what `/v1/say` passed on."""
    status, location, body = split(data, 3)
    code = 200 + int.from_bytes(status[:1], "big")
    post = _Post(code, {"Location": header(location)}, body)
    with mock.patch.object(aiohttp, "ClientSession", post):
        answer = finish(
            forward("http://endpoint.example/say", {"text": "Hello."}, NetworkSettings())
        )
    told = code if code in (400, 409, 413, 415) else 502
    assert answer.status == (200 if code <= 299 else told)


class _Answered(Client):
    """A client whose kiosk has answered already."""

    def __init__(self, status: int, body: bytes) -> None:
        # Not the client's own: a TLS context would cost a hundred times what is tried here
        self._url = "http://kiosk.example:8080"
        self._headers = {}
        self._answer = status, body

    def _send(self, _path: str, _body: bytes | None) -> tuple[int, bytes]:
        return self._answer


def kiosk_answer(data: bytes) -> None:
    """Status and body of an answer to kioskctl: printed, and looked at by an update on trial."""
    status, body = split(data, 2)
    client = _Answered(int.from_bytes(status[:2], "big"), body)
    options = argparse.Namespace(text=["Hello."], name="listen", sound=False)
    with contextlib.redirect_stdout(io.StringIO()):
        for command in (commands.say, commands.interrupt, commands.gesture):
            with contextlib.suppress(ControlError):
                command(client, options)
        look_at_health(client.health())
        commands.status(client, options)
        commands.doctor(client, options)


_CHECK: Final = {
    "status": "pass",
    "observed": "30 frames a second",
    "since": "2026-01-01T00:00:00Z",
    "reasons": [],
}
_FAILING: Final = _CHECK | {"status": "fail", "reasons": [{"code": "starting", "text": "wait"}]}


def _health(**changes: Any) -> bytes:
    document = {
        "status": "pass",
        "version": "1",
        "uptime_s": 4.5,
        "serial": "s",
        "figures": {"memory": "200 MB"},
        "checks": dict.fromkeys(("display", "avatar", "render_loop", "link"), _CHECK),
    }
    return json.dumps(document | changes).encode()


_OK: Final = b"\0\xc8"

_DATE: Final = b"Mon, 30 Nov 2026 09:00:30 GMT"

TARGETS: Final = (
    Target(
        "token_answer",
        token_answer,
        (SessionError,),
        (
            "driving_client.link.session_token:_token_in",
            "driving_client.link.session_token:_error_text",
            "driving_client.link.http_answers:refused",
            "driving_client.link.http_answers:retry_after",
            "driving_client.link.server_clock:unix_seconds",
        ),
        (
            join(b"\0\xc8", b"", b"", json_of(sessionToken="t")),
            join(b"\0\xc8", b"", b"", json_of(session_token="t")),
            join(b"\1\x91", b"30", b"", json_of(errors=[{"code": "no", "title": "No"}])),
            join(b"\1\xad", _DATE, _DATE.replace(b"9:00:30", b"9:00:00"), json_of(errors=["no"])),
            join(b"\1\x91", b"30", b"", json_of(error="no", message="No")),
            join(b"\0\xc8", b"", b"", json_of(sessionToken=1)),
            join(b"\0\xc8", b"", b"", b"[]"),
            join(b"\1\xf7", b"x", b"x", b"no"),
            join(b"\1\xad", b"120", b"", b"{"),
            join(b"\1\xad", _DATE.replace(b"GMT", b"-0000"), b"", b"{"),
            join(b"\1\xad", _DATE.replace(b"2026", b"1999"), b"", b"{"),
        ),
        700,
        40000,
        WORDS,
    ),
    Target(
        "say_answer",
        say_answer,
        (),
        ("kioskd.http.forwarding:_post", "driving_client.link.http_answers:read_answer"),
        (
            join(b"\0", b"", b'{"seconds": 1.5, "req_id": "r"}'),
            join(b"\0", b"", b"no JSON"),
            join(b"\x66", b"http://user:word@other.example/", b""),
            join(b"\x67", b"//[", b""),
            join(b"\x68", b"/other", b""),
            join(b"\xc8", b"", b'{"error": "no"}'),
            join(b"\xf8", b"", b"[]"),
        ),
        200,
        20000,
        (b'"message"', b'"error"'),
    ),
    Target(
        "kiosk_answer",
        kiosk_answer,
        (ControlError,),
        (
            "kioskd.ctl.client:Client._decode",
            "kioskd.ctl.client:Client.health",
            "kioskd.ctl.client:Client.post",
            "kioskd.ctl.commands:status",
            "kioskd.ctl.commands:doctor",
            "kioskd.ctl.commands:say",
            "kioskd.ctl.commands:interrupt",
            "kioskd.ctl.commands:gesture",
            "kioskd.ctl.commands:_codes",
            "kioskd.ctl.printing:",
            "kioskd.ctl.health_answer:",
            "kioskd.update.trial_watch:look_at_health",
        ),
        (
            join(_OK, _health()),
            join(b"\1\xf7", _health(status="fail", checks={"display": _FAILING})),
            join(_OK, _health(checks={"display": _CHECK, "avatar": []})),
            join(_OK, b'{"seconds": 1, "req_id": "r", "shown": false, "interrupted": false}'),
            join(b"\1\x90", b'{"error": "no", "message": "No."}'),
            join(_OK, b"[]"),
        ),
        200,
        12000,
        (
            b'"status"',
            b'"checks"',
            b'"reasons"',
            b'"code"',
            b'"text"',
            b'"uptime_s"',
            b'"figures"',
            b'"fail"',
            b'"warn"',
            b'"since"',
            b'"observed"',
        ),
    ),
)
