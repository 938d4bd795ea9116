# SPDX-License-Identifier: Apache-2.0
"""Where kioskctl asks: only at a usable address, and its token goes nowhere else."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import datetime
import ipaddress
import socket
import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from aiohttp import web
from certificates import make_certificate
from connect_proxy import proxying
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from kioskd.ctl import client, commands
from kioskd.ctl.__main__ import arguments
from kioskd.ctl.client import Client, ControlError

HERE = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))


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


@pytest.mark.parametrize(
    "location", ["http://[::1", "http://h:x/", "\x1b[2J", "", "//", "http://\xe9"]
)
def test_a_redirect_to_nowhere_is_reported_as_one(location: str) -> None:
    with server(307, location) as (url, _), pytest.raises(ControlError) as caught:
        Client(url, None, None).get("healthz")
    assert "is not kioskd: it answers 307 and leads to" in str(caught.value)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    "words",
    [
        "--token-file t --url http://127.0.0.1:1 status",
        "status --token-file t --url http://127.0.0.1:1",
        "--token-file t status --url http://127.0.0.1:1",
        "--url http://127.0.0.1:2 say --url http://127.0.0.1:1 --token-file t Hello",
    ],
)
def test_a_kiosk_is_named_ahead_of_the_command_or_after_it(words: str) -> None:
    options = arguments(words.split())
    assert (options.url, str(options.token_file)) == ("http://127.0.0.1:1", "t")
    assert (options.authority, options.proxy) == (None, "")


def test_a_proxy_of_the_environment_is_not_sent_the_token(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It could not reach a kiosk on 127.0.0.1 anyway."""
    (tmp_path / "token").write_text("secret-token-of-this-kiosk\n")
    with server(200) as (proxy, stolen), server(200, body=b'{"a": 1}') as (url, tokens):
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy)
        assert Client(url, tmp_path / "token", None).get("healthz") == (200, b'{"a": 1}')
    assert len(tokens) == 1
    assert stolen == []


@pytest.mark.parametrize(
    ("url", "proxy", "words"),
    [
        ("http://kiosk:8080", "http://proxy:3128", "--proxy is for https://"),
        ("https://127.0.0.1:8080", "http://proxy:3128", "is on this machine: leave out --proxy"),
        ("https://[::1]:8080", "http://proxy:3128", "is on this machine"),
        ("https://kiosk:8080", "socks5://me:hidden@proxy:1080", "SOCKS is not supported"),
        ("https://kiosk:8080", "http://me:hidden@proxy:3128", "secrets come only from files"),
    ],
)
def test_a_proxy_that_could_read_the_token_or_is_none_is_refused(
    url: str, proxy: str, words: str
) -> None:
    with pytest.raises(ControlError, match=words) as refused:
        Client(url, None, None, proxy=proxy)
    assert "hidden" not in str(refused.value)


def test_a_proxy_that_is_named_leads_there_and_reads_nothing(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("secret-token-of-this-kiosk\n")
    make_certificate(
        tmp_path / "crt", tmp_path / "key", "kiosk.lan", "-addext", "subjectAltName=DNS:kiosk.lan"
    )
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(tmp_path / "crt", tmp_path / "key")

    async def hello(request: web.Request) -> web.Response:
        return web.Response(text=request.headers["Authorization"])

    async def story() -> None:
        app = web.Application()
        app.router.add_get("/hello", hello)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
        async with proxying(f"127.0.0.1:{runner.addresses[0][1]}") as proxy:
            asks = Client(
                "https://kiosk.lan:8080", tmp_path / "token", tmp_path / "crt", proxy=proxy.url
            )
            status, body = await asyncio.to_thread(asks.get, "hello")
            assert (status, body) == (200, b"Bearer secret-token-of-this-kiosk")
            (asked,) = proxy.asked  # HTTP/1.0, or 1.1 from Python 3.12 on
            assert asked.startswith("CONNECT kiosk.lan:8080 HTTP/1.")
            assert "secret" not in "".join(proxy.heads)
            proxy.answer = b"HTTP/1.1 403 Forbidden\r\n\r\n"
            with pytest.raises(ControlError, match=f"proxy {proxy.url} does not lead to .*403"):
                await asyncio.to_thread(asks.get, "hello")
        await runner.cleanup()

    asyncio.run(asyncio.wait_for(story(), 120))


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


def certificate(
    folder: Path, name: str, valid_for: x509.GeneralName = HERE, days: float = 1.0
) -> tuple[Path, Path]:
    """A certificate that signed itself, valid until so many days from now, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=9))
        .not_valid_after(now + datetime.timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName([valid_for]), critical=False)
        .sign(key, hashes.SHA256())
    )
    files = folder / f"{name}.crt", folder / f"{name}.key"
    files[0].write_bytes(made.public_bytes(serialization.Encoding.PEM))
    files[1].write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return files


@contextlib.contextmanager
def tls_server(files: tuple[Path, Path]) -> Iterator[str]:
    """Ends each connection after its handshake."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*files)

    def serve(listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                with connection, contextlib.suppress(OSError):
                    context.wrap_socket(connection, server_side=True).close()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        serving = threading.Thread(target=serve, args=(listener,))
        serving.start()
        try:
            yield f"https://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            serving.join()


CERTIFICATES = {
    "not trusted": (HERE, 1.0, None, "; --authority FILE names the certificate (PEM) to trust"),
    "signed by another": (HERE, 1.0, "other", "/other.crt has not signed it: name the one that"),
    "for another name": (x509.DNSName("lobby"), 1.0, "kiosk", "; ask at a name or address that"),
    "expired": (HERE, -1.0, "kiosk", "; renew it, or set the clock"),
}


@pytest.mark.parametrize(
    ("valid_for", "days", "trusted", "advice"), CERTIFICATES.values(), ids=CERTIFICATES
)
def test_a_certificate_that_is_not_accepted_is_told_with_what_mends_it(
    valid_for: x509.GeneralName, days: float, trusted: str | None, advice: str, tmp_path: Path
) -> None:
    files = certificate(tmp_path, "kiosk", valid_for, days)
    certificate(tmp_path, "other")
    authority = tmp_path / f"{trusted}.crt" if trusted else None
    with tls_server(files) as url, pytest.raises(ControlError) as caught:
        Client(url, None, authority).get("healthz")
    assert f"{url} shows a certificate that is not accepted: " in str(caught.value)
    assert advice in str(caught.value)
    assert "is the service running" not in str(caught.value)


def test_https_where_there_is_no_tls_and_http_where_there_is_are_told(tmp_path: Path) -> None:
    with server(200) as (url, _), pytest.raises(ControlError, match="does not speak TLS; write"):
        Client(url.replace("http:", "https:"), None, None).get("healthz")
    with tls_server(certificate(tmp_path, "kiosk")) as url, pytest.raises(ControlError) as caught:
        Client(url.replace("https:", "http:"), None, None).get("healthz")
    assert "write https:// if the kiosk has a certificate" in str(caught.value)


def test_a_wrong_token_is_called_wrong_and_a_missing_one_missing(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("a-token-of-another-kiosk\n")
    with server(401) as (url, _):
        with pytest.raises(ControlError, match=r"wants its token; .* give --token-file FILE"):
            Client(url, None, None).get("healthz")
        with pytest.raises(ControlError, match=f"refuses the token in {tmp_path}/token: it is not"):
            Client(url, tmp_path / "token", None).get("healthz")
