# SPDX-License-Identifier: Apache-2.0
"""An endpoint behind a company's proxy, with a certificate of the company's authority."""

from __future__ import annotations

import asyncio
import contextlib
import os
import ssl
from base64 import b64encode
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from unittest import mock
from urllib.parse import urlsplit

import pytest
from aiohttp import web
from certificates import make_authority, sign_certificate
from connect_proxy import ConnectProxy, proxying
from hypothesis import given
from hypothesis import strategies as st
from scripted_endpoint import QUICK, ConfirmingEndpoint, Rig, link_settings, until, websocket_app

from driving_client import make_link
from driving_client.errors import AddressError
from driving_client.link.interface import LinkEvent
from driving_client.link.network import NetworkSettings, check_proxy, proxy_for

HOST = "endpoint.example"
SECRETS = {"app_id": "app-of-it", "api_key": "api-key-of-it"}
TOKEN = "a-session-token"


@dataclass
class Company:
    """An endpoint that only the proxy can find, with a certificate of the company's authority."""

    authority: str
    address: str
    proxy: ConnectProxy
    confirming: ConfirmingEndpoint
    asked: list[tuple[str, str]]


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("company")
    authority = folder / "ca.crt", folder / "ca.key"
    make_authority(*authority)
    sign_certificate(folder / "endpoint.crt", folder / "endpoint.key", HOST, authority)
    return folder


@pytest.fixture(autouse=True)
def _no_proxy_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("https_proxy", "all_proxy", "no_proxy", "http_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@contextlib.asynccontextmanager
async def company(folder: Path) -> AsyncIterator[Company]:
    asked: list[tuple[str, str]] = []

    async def issue(request: web.Request) -> web.Response:
        asked.append((request.method, request.headers.get("X-Api-Key", "")))
        return web.json_response({"sessionToken": TOKEN})

    confirming = ConfirmingEndpoint()
    app = websocket_app(confirming)
    app.router.add_route("*", "/tokens", issue)
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(folder / "endpoint.crt", folder / "endpoint.key")
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
    address = f"127.0.0.1:{runner.addresses[0][1]}"
    try:
        async with proxying(address) as proxy:
            authority = (folder / "ca.crt").read_text()
            yield Company(authority, address, proxy, confirming, asked)
    finally:
        await runner.cleanup()


@contextlib.asynccontextmanager
async def linked(network: NetworkSettings, **own: object) -> AsyncIterator[Rig]:
    events: list[LinkEvent] = []
    settings = link_settings(
        f"wss://{HOST}", dialect="driveningress", backoff=QUICK, network=network, **own
    )
    link = make_link(settings, events.append)
    task = asyncio.create_task(link.run())
    try:
        yield Rig(link, events, task)
    finally:
        task.cancel()
        await asyncio.wait({task})


def story(test: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(test(), 120))


@pytest.mark.parametrize("told_by", ["option", "HTTPS_PROXY", "https_proxy", "ALL_PROXY"])
def test_time_token_and_session_come_through_the_proxy_which_reads_none_of_them(
    certificates: Path, told_by: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def test() -> None:
        async with company(certificates) as there:
            if told_by == "option":
                network = NetworkSettings(there.proxy.url, "me:a word", there.authority)
            else:
                monkeypatch.setenv(told_by, there.proxy.url.replace("//", "//me:a%20word@"))
                network = NetworkSettings(authority=there.authority)
            async with linked(network, token_url=f"https://{HOST}/tokens", **SECRETS) as rig:
                await until(lambda: rig.ups or rig.downs)
                assert not rig.downs
            assert there.asked == [("HEAD", ""), ("POST", SECRETS["api_key"])]
            assert there.confirming.requests[0].headers["X-Session-Key"] == TOKEN
            assert set(there.proxy.asked) == {f"CONNECT {HOST}:443 HTTP/1.1"}
            told = "\n".join(there.proxy.heads)
            assert f"Proxy-Authorization: Basic {b64encode(b'me:a word').decode()}" in told
            assert not any(secret in told for secret in (*SECRETS.values(), TOKEN))
            assert "Proxy-Authorization" not in there.confirming.requests[0].headers

    story(test)


def test_an_authority_that_nobody_has_named_is_not_trusted(certificates: Path) -> None:
    async def test() -> None:
        async with (
            company(certificates) as there,
            linked(NetworkSettings(there.proxy.url)) as rig,
        ):
            await until(lambda: rig.downs)
            reason = rig.downs[0].reason
            assert f"{HOST}:443 shows a certificate that is not accepted: unable to get" in reason
            assert "endpoint.ca_file names" in reason
            assert not rig.downs[0].fatal

    story(test)


BEFORE = b"HTTP/1.1 "
REFUSALS = [
    (BEFORE + b"407 Auth\r\n\r\n", "", "wants a name and a password (407); see network.proxy_l"),
    (BEFORE + b"407 Auth\r\n\r\n", "me:wrong", "does not accept the name and password for it"),
    (BEFORE + b"407 A\r\nProxy-Authenticate: NTLM\r\n\r\n", "", "wants NTLM (407); it must take"),
    (BEFORE + b"403 No\r\n\r\n", "", f"forbids the way to {HOST}:443 (403)"),
    (BEFORE + b"502 No\r\n\r\n", "", f"cannot reach {HOST}:443 (502)"),
    (BEFORE + b"418 Teapot\r\n\r\n", "", f"refuses the way to {HOST}:443 (418 Teapot)"),
    (BEFORE + b"302 Found\r\nLocation: http://portal.example/\r\n\r\n", "", "(302 Found)"),
    (b"SSH-2.0-OpenSSH_9.2\r\n\r\n", "", f"gives no way to {HOST}:443: "),
    (b"", "", f"gives no way to {HOST}:443: "),
    (BEFORE + b"200 OK\r\n\r\nno TLS at all, but a page that says why", "", "gives no way to"),
    (None, "", "no answer within 1 s by way of the proxy http://127.0.0.1:"),
]


@pytest.mark.parametrize(("answer", "login", "words"), REFUSALS)
def test_a_proxy_that_leads_nowhere_is_a_link_that_is_down_in_words(
    certificates: Path, answer: bytes | None, login: str, words: str
) -> None:
    async def test() -> None:
        async with company(certificates) as there:
            there.proxy.answer = answer
            if answer is not None and b"200 OK" in answer:
                there.proxy._port = 9  # nothing comes after the answer but what it holds
            network = NetworkSettings(there.proxy.url, login, there.authority)
            limit_s = 1.0 if answer is None else 10.0
            async with linked(network, connect_timeout_s=limit_s) as rig:
                await until(lambda: rig.downs)
                assert words in rig.downs[0].reason
                assert "wrong" not in rig.downs[0].reason.replace("went wrong", "")
                assert not rig.downs[0].fatal, "it is tried again and again"
                there.proxy.answer = b"HTTP/1.1 200 OK\r\n\r\n"
                there.proxy._port = int(there.address.partition(":")[2])
                await until(lambda: rig.ups)

    story(test)


def test_a_proxy_that_is_not_there_is_told_by_its_address(certificates: Path) -> None:
    async def test() -> None:
        async with linked(NetworkSettings("http://127.0.0.1:9")) as rig:
            await until(lambda: rig.downs)
            assert "the proxy http://127.0.0.1:9 cannot be reached (" in rig.downs[0].reason

    story(test)


@pytest.mark.parametrize(
    ("url", "exceptions", "goes"),
    [
        ("wss://endpoint.example/", "", True),
        ("https://endpoint.example/", "", True),
        ("ws://endpoint.example/", "", False),
        ("http://endpoint.example/", "", False),
        ("wss://127.0.0.1:8443/", "", False),
        ("wss://[::1]:8443/", "", False),
        ("wss://localhost/", "", False),
        ("wss://endpoint.example/", "endpoint.example", False),
        ("wss://endpoint.example/", ".example", False),
        ("wss://endpoint.example/", "example", False),
        ("wss://endpoint.example/", "other.example, endpoint.example:443", False),
        ("wss://endpoint.example:9443/", "endpoint.example:443", True),
        ("wss://endpoint.example/", "*", False),
        ("wss://endpoint.example/", "point.example", True),
        ("wss://10.1.2.3/", "10.0.0.0/8", False),
        ("wss://10.1.2.3/", "10.1.2.3", False),
        ("wss://11.1.2.3/", "10.0.0.0/8,nonsense/99", True),
        ("wss://[fd00::7]/", "fd00::/8", False),
        ("wss://[fd00::7]/", "*", False),
    ],
)
def test_what_goes_through_the_proxy(
    url: str, exceptions: str, goes: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_PROXY", exceptions)
    proxy = "http://proxy.example:3128"
    assert (proxy_for(NetworkSettings(proxy), url) is not None) == goes
    assert proxy_for(NetworkSettings(), url) is None, "none is named"
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    assert (proxy_for(NetworkSettings(), url) is not None) == goes


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("socks5://proxy:1080", "SOCKS is not supported"),
        ("SOCKS5h://me:secret@proxy:1080", "SOCKS is not supported"),
        ("https://proxy:3128", "a proxy is asked without TLS"),
        ("proxy:3128", "write http://"),
        ("http://me:secret@proxy:3128", "secrets come only from files"),
        ("http://me:sec/ret@proxy:3128", "secrets come only from files"),
        ("http://proxy:3128/path", "a proxy has no path"),
        ("http://proxy:0", "not a number from 1 to 65535"),
        ("http://", "write http://"),
    ],
)
def test_what_is_no_proxy_is_refused_by_name(url: str, words: str) -> None:
    with pytest.raises(AddressError, match=words) as refused:
        check_proxy(url)
    assert "sec" not in str(refused.value).replace("secrets come", "")


def test_a_proxy_of_the_environment_that_cannot_be_used_is_a_link_that_is_down(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ALL_PROXY", "socks5://me:secret@127.0.0.1:1080")

    async def test() -> None:
        async with linked(NetworkSettings()) as rig:
            await until(lambda: rig.downs)
            reason = rig.downs[0].reason
            assert "ALL_PROXY (socks5://127.0.0.1:1080): SOCKS is not supported" in reason
            assert "secret" not in reason

    story(test)


NO_CONTROLS = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=40)


@given(proxy=NO_CONTROLS, exceptions=NO_CONTROLS)
def test_whatever_the_environment_holds_is_a_proxy_none_or_an_error_in_words(
    proxy: str, exceptions: str
) -> None:
    told = {"HTTPS_PROXY": proxy, "NO_PROXY": exceptions}
    refusals: list[str] = []
    with mock.patch.dict(os.environ, told):
        for url in ("wss://endpoint.example/", "wss://10.1.2.3:8443/", "wss://[fd00::7]/"):
            try:
                found = proxy_for(NetworkSettings(), url)
            except AddressError as error:
                refusals.append(str(error))
            else:
                assert found is None or urlsplit(found.url).hostname
    assert all(refusal.isprintable() for refusal in refusals)


@given(st.text("abcdefgh", min_size=8), st.sampled_from(["http://", "", "socks5://", "https://"]))
def test_a_password_in_the_environment_is_never_told(password: str, scheme: str) -> None:
    for host in ("proxy:3128", "proxy:99999", ""):
        told = {"HTTPS_PROXY": f"{scheme}me:{password}@{host}"}
        with mock.patch.dict(os.environ, told):
            try:
                shown = repr(proxy_for(NetworkSettings(), "wss://endpoint.example/"))
            except AddressError as error:
                shown = str(error)
        assert password not in shown


def test_settings_that_are_shown_show_no_login() -> None:
    network = NetworkSettings("http://proxy:3128", "me:secret", "-----BEGIN…")
    assert "secret" not in repr(network)
    assert "secret" not in repr(proxy_for(network, "wss://endpoint.example/"))
    assert "secret" not in repr(link_settings(network=network))
