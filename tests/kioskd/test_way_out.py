# SPDX-License-Identifier: Apache-2.0
"""The way out of a company's network as an operator configures it, and what is told of it."""

from __future__ import annotations

import asyncio
import json
import ssl
import subprocess
import sys
from pathlib import Path

import pytest
from aiohttp import web
from certificates import make_authority, sign_certificate
from connect_proxy import proxying

from driving_client.link.network import NetworkSettings
from kioskd.config import ConfigError, Loaded, load
from kioskd.config.part_settings import network_settings
from kioskd.config.reload import LiveConfig
from kioskd.http.answers import effective
from kioskd.http.forwarding import forward

HOST = "endpoint.example"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    authority = tmp_path / "ca.crt", tmp_path / "ca.key"
    make_authority(*authority)
    sign_certificate(tmp_path / "endpoint.crt", tmp_path / "endpoint.key", HOST, authority)
    (tmp_path / "login").write_text("me:secret\n")
    return tmp_path


def written(folder: Path, text: str) -> Path:
    file = folder / "kiosk.yaml"
    file.write_text(text)
    return file


def test_what_is_said_goes_the_same_way(folder: Path) -> None:
    heard: list[str] = []

    async def say(request: web.Request) -> web.Response:
        heard.append((await request.json())["text"])
        return web.json_response({"req_id": "one"})

    async def story() -> None:
        app = web.Application()
        app.router.add_post("/say", say)
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(folder / "endpoint.crt", folder / "endpoint.key")
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
        async with proxying(f"127.0.0.1:{runner.addresses[0][1]}") as proxy:
            loaded = load(
                written(
                    folder,
                    f"network: {{proxy: '{proxy.url}', proxy_login_file: login}}\n"
                    f"endpoint: {{say_url: 'https://{HOST}/say', ca_file: ca.crt}}\n",
                )
            )
            network = network_settings(loaded.config, loaded.secrets.texts)
            url, body = loaded.config.endpoint.say_url, {"text": "Hello."}
            assert (await forward(url, body, network)).status == 200
            assert heard == ["Hello."]
            assert proxy.asked == [f"CONNECT {HOST}:443 HTTP/1.1"]
            proxy.answer = b"HTTP/1.1 407 Auth\r\n\r\n"
            refused = await forward(url, body, network)
            assert refused.status == 502
            assert "does not accept the name and password" in str(refused.text)
            untrusting = await forward(url, body, NetworkSettings(proxy.url))
            assert "wants a name and a password" in str(untrusting.text)
        await runner.cleanup()

    asyncio.run(asyncio.wait_for(story(), 120))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("network: {proxy: 'socks5://me:secret@proxy:1080'}", "SOCKS is not supported"),
        ("network: {proxy: 'http://me:secret@proxy:3128'}", "secrets come only from files"),
        ("network: {proxy: 'me:secret@proxy:3128'}", "is not the http:// address of a proxy"),
        ("network: {proxy: 'http://me:sec/ret@proxy:3128'}", "secrets come only from files"),
        ("network: {proxy: 'https://proxy:3128'}", "a proxy is asked without TLS"),
        ("network: {proxy_login_file: login}", "has no effect without network.proxy"),
        ("network: {proxy: 'http://p:1', proxy_login_file: ca.crt}", "the secret and nothing else"),
        ("network: {proxy: 'http://p:1', proxy_login_file: word}", "must hold one line user:pass"),
        ("endpoint: {ca_file: login}", "holds no certificate as PEM"),
        ("endpoint: {ca_file: damaged}", "a certificate in it is damaged"),
        ("endpoint: {ca_file: none}", "cannot be read"),
    ],
)
def test_each_mistake_is_told_with_its_line_and_without_the_password(
    folder: Path, text: str, words: str
) -> None:
    (folder / "word").write_text("secret")
    (folder / "damaged").write_text(
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
    )
    with pytest.raises(ConfigError, match=words) as told:
        load(written(folder, f"{text}\n"))
    assert str(told.value).startswith(f"{folder}/kiosk.yaml:1: ")
    assert "secret" not in str(told.value).replace("secrets come", "").replace("the secret and", "")
    assert "sec/ret" not in str(told.value)


def test_neither_the_check_nor_health_nor_settings_show_the_login(folder: Path) -> None:
    file = written(
        folder,
        "network: {proxy: 'http://proxy.example:3128', proxy_login_file: login}\n"
        "endpoint: {ca_file: ca.crt}\n",
    )
    loaded = load(file)
    assert "secret" not in json.dumps(effective(loaded.config))
    assert effective(loaded.config)["network"]["proxy"] == "http://proxy.example:3128"
    assert "me:secret" not in repr(loaded)
    done = subprocess.run(
        [sys.executable, "-m", "kioskd", "--config", file, "--check"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "secret" not in done.stdout + done.stderr


def test_another_proxy_or_a_renewed_authority_is_taken_live(folder: Path) -> None:
    file = written(folder, "endpoint: {ca_file: ca.crt}\n")
    live = LiveConfig(load(file), file, ())
    before = live.loaded.link
    applied: list[Loaded] = []

    async def story() -> None:
        make_authority(folder / "ca.crt", folder / "ca.key")
        for _ in range(2):
            await live.look(lambda loaded, _: applied.append(loaded))
        written(folder, "endpoint: {ca_file: ca.crt}\nnetwork: {proxy: 'http://proxy:3128'}\n")
        await live.reload(lambda loaded, _: applied.append(loaded))

    asyncio.run(story())
    assert live.snapshot.waiting == ()
    links = [before, *(each.link for each in applied)]
    assert all(link is not None for link in links)
    first, second, third = (link.network for link in links if link is not None)
    assert first.authority != second.authority == third.authority
    assert (second.proxy, third.proxy) == ("", "http://proxy:3128")
    assert before is not None
    assert before.same_session(live.loaded.link or before), "a session that stands is not ended"


def test_text_around_the_certificates_of_an_authority_does_no_harm(folder: Path) -> None:
    bundle = folder / "bundle.pem"
    bundle.write_bytes("# Zertifikate für alle\n\n".encode("latin-1"))
    with bundle.open("ab") as file:
        for name in ("ca.crt", "endpoint.crt"):
            file.write(b"subject=x\r\n" + (folder / name).read_bytes())
    link = load(written(folder, "endpoint: {ca_file: bundle.pem}\n")).link
    assert link is not None
    assert link.network.authority.count("BEGIN CERTIFICATE") == 2
