# SPDX-License-Identifier: Apache-2.0
"""Where kioskctl asks: only at a usable address, and its token goes nowhere else."""

from __future__ import annotations

import argparse
import contextlib
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from kioskd.ctl import client, commands
from kioskd.ctl.client import Client, ControlError


@contextlib.contextmanager
def server(status: int, location: str = "", body: bytes = b"{}") -> Iterator[tuple[str, list[str]]]:
    """Answers everything with that status; yields its address and the tokens that it got."""
    tokens: list[str] = []

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            tokens.append(self.headers.get("Authorization", ""))
            self.send_response(status)
            self.send_header("Location", location)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            with contextlib.suppress(ConnectionError):
                self.wfile.write(body)

        def do_POST(self) -> None:
            self.do_GET()

        def log_message(self, *_: object) -> None:
            pass

    listening = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    thread = threading.Thread(target=listening.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.server_address[1]}", tokens
    finally:
        listening.shutdown()
        thread.join()
        listening.server_close()


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_token_does_not_follow_a_redirect(tmp_path: Path, status: int) -> None:
    (tmp_path / "token").write_text("secret-token-of-this-kiosk\n")
    with server(200) as (other, stolen), server(status, f"{other}/x") as (url, tokens):
        client = Client(url, tmp_path / "token", None)
        with pytest.raises(ControlError) as caught:
            client.get("healthz")
        with pytest.raises(ControlError):
            client.post("v1/say", {"text": "Hello."})
    assert f"answers {status} and leads to {other}" in str(caught.value)
    assert tokens == ["Bearer secret-token-of-this-kiosk"] * 2
    assert stolen == []


def test_what_could_not_be_said_is_an_error_of_the_command() -> None:
    with server(502) as (url, _), pytest.raises(ControlError, match="502"):
        commands.say(Client(url, None, None), argparse.Namespace(text=["Hello."]))


@pytest.mark.parametrize("url", ["", "kiosk", "ws://h", "http://a..b", "http://h:0", "http://h /"])
def test_an_address_of_no_use_is_told(url: str) -> None:
    with pytest.raises(ControlError, match="is not an http:// or https:// address"):
        Client(url, None, None)


def test_an_address_with_a_password_is_refused_without_repeating_it() -> None:
    with pytest.raises(ControlError, match="secrets come only from files") as caught:
        Client("http://me:hidden@kiosk:8080", None, None)
    assert "hidden" not in str(caught.value)


def test_an_answer_without_end_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "MOST_BYTES", 1 << 20)
    with server(200, body=bytes(2 << 20)) as (url, _), pytest.raises(ControlError) as caught:
        Client(url, None, None).get("screenshot.png")
    assert "larger than 1 MiB" in str(caught.value)


@pytest.mark.parametrize(
    "begin",
    [b"", b"HTTP/1.1 200 OK\r\nX-Long: ", b"HTTP/1.1 200 OK\r\nContent-Length: 9999999\r\n\r\n"],
    ids=["status", "head", "body"],
)
def test_an_answer_that_drips_has_an_end(monkeypatch: pytest.MonkeyPatch, begin: bytes) -> None:
    """Each byte comes long before a socket's timeout, and none is the last."""
    monkeypatch.setattr(client, "PATIENCE", 0.02)
    given_up = threading.Event()

    def drip(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection, contextlib.suppress(OSError):
            connection.sendall(begin)
            while not given_up.wait(0.01):
                connection.sendall(b"H")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        dripping = threading.Thread(target=drip, args=(listener,))
        dripping.start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        try:
            with pytest.raises(ControlError, match="has not answered to the end within 1 s"):
                Client(url, None, None, timeout_s=50.0).get("healthz")
        finally:
            given_up.set()
            dripping.join()
