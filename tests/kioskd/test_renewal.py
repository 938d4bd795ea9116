# SPDX-License-Identifier: Apache-2.0
"""Secrets and certificates are renewed while the kiosk runs, each by itself."""

from __future__ import annotations

import asyncio
import ssl
import subprocess
from collections.abc import Awaitable, Callable
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from certificates import make_certificate
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from driving_client.serving import GuardedServer, Limits
from kioskd.config import Loaded, load
from kioskd.config.reload import LiveConfig
from kioskd.config.renewal import renew
from kioskd.config.secrets import Certificate, certificate_in, pinning
from kioskd.health.certificate_check import SOON_S, CertificateCheck
from kioskd.health.checks import ConfigCheck
from kioskd.http.access import guard

DAY_S = 86400.0
NETWORK = (
    "health: {address: 0.0.0.0, tls_certificate: kiosk.crt, tls_key: kiosk.key, "
    "token_file: token}\n"
    "endpoint: {session_key_file: key}\n"
)
OLD, NEW = "the-old-token-of-it", "the-new-token-of-it"


class Board:
    """A folder with a configuration as an operator leaves it, and the kiosk's view of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.now = 0.0
        self.applied: list[Loaded] = []
        make_certificate(folder / "kiosk.crt", folder / "kiosk.key")
        (folder / "token").write_text(f"{OLD}\n")
        (folder / "key").write_text("key-one\n")
        self.file = folder / "kiosk.yaml"
        self.file.write_text(NETWORK)
        self.live = LiveConfig(load(self.file), self.file, (), lambda: self.now)
        self.now = (self.certificate.ends or 0.0) - 2 * DAY_S

    @property
    def certificate(self) -> Certificate:
        held = self.live.loaded.secrets.certificate
        assert held is not None
        return held

    @property
    def refused(self) -> tuple[str, ...]:
        return self.live.snapshot.refused

    def apply(self, loaded: Loaded, _sections: frozenset[str]) -> None:
        self.applied.append(loaded)

    def write(self, name: str, text: str) -> None:
        """In place: half of it may be seen."""
        (self.folder / name).write_text(text)

    def replace(self, name: str, by: Path) -> None:
        """By a rename, as certbot and careful people do."""
        by.rename(self.folder / name)

    async def settle(self) -> None:
        """Long enough for a change to be seen and taken."""
        for _ in range(2):
            await self.live.look(self.apply)

    def new_pair(self, *more: str) -> tuple[Path, Path]:
        made = self.folder / "new.crt", self.folder / "new.key"
        make_certificate(*made, "kiosk", *more)
        return made


@pytest.fixture
def board(tmp_path: Path) -> Board:
    return Board(tmp_path)


def story(test: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(test(), 120))


def test_a_reload_takes_every_renewed_file_at_once(board: Board) -> None:
    async def test() -> None:
        before = board.certificate
        board.write("token", NEW)
        board.write("key", "key-two")
        certificate, key = board.new_pair()
        board.replace("kiosk.crt", certificate)
        board.replace("kiosk.key", key)
        await board.live.reload(board.apply)
        assert board.live.loaded.secrets.token == NEW
        assert board.live.loaded.link is not None
        assert board.live.loaded.link.session_key == "key-two"
        assert board.certificate != before
        assert board.applied == [board.live.loaded]

    story(test)


def test_what_is_renewed_is_taken_without_a_reload_once_it_has_settled(board: Board) -> None:
    async def test() -> None:
        await board.settle()
        assert board.applied == [], "nothing has changed"
        board.write("token", NEW)
        await board.live.look(board.apply)
        assert board.live.loaded.secrets.token == OLD, "it may still be being written"
        await board.live.look(board.apply)
        assert board.live.loaded.secrets.token == NEW
        assert len(board.applied) == 1

    story(test)


def test_files_behind_links_are_renewed_as_kubernetes_and_certbot_do(board: Board) -> None:
    async def test() -> None:
        for name in ("one", "two"):
            (board.folder / name).mkdir()
            (board.folder / name / "token").write_text(OLD if name == "one" else NEW)
        (board.folder / "data").symlink_to("one")
        (board.folder / "token").unlink()
        (board.folder / "token").symlink_to("data/token")
        await board.settle()
        (board.folder / "other").symlink_to("two")
        board.replace("data", board.folder / "other")
        await board.settle()
        assert board.live.loaded.secrets.token == NEW

    story(test)


def empty(folder: Path) -> None:
    (folder / "token").write_text("")


def gone(folder: Path) -> None:
    (folder / "token").unlink()


def short(folder: Path) -> None:
    (folder / "token").write_text("x")


def two_lines(folder: Path) -> None:
    (folder / "token").write_text(f"{NEW}\n{NEW}\n")


@pytest.mark.parametrize("damage", [empty, gone, short, two_lines])
@pytest.mark.parametrize("by_reload", [False, True])
def test_a_broken_renewal_keeps_the_last_good_one_says_so_and_is_taken_when_mended(
    board: Board, damage: Callable[[Path], None], by_reload: bool, caplog: pytest.LogCaptureFixture
) -> None:
    async def look_again() -> None:
        if by_reload:
            await board.live.reload(board.apply)
        else:
            await board.settle()

    async def test() -> None:
        await board.settle()
        damage(board.folder)
        board.write("key", "key-two")
        await look_again()
        assert board.live.loaded.secrets.token == OLD
        assert board.live.loaded.secrets.texts["endpoint.session_key_file"] == "key-two"
        (refused,) = board.refused
        assert "health.token_file: " in refused
        assert refused.startswith(f"{board.file}:1: ")
        assert refused.endswith("the last good one stays in use until it is mended")
        codes = [reason.code for reason in ConfigCheck(lambda: board.live.snapshot).run(0).reasons]
        assert "renewal_refused" in codes
        for _ in range(3):
            await board.settle()
        told = [each for each in caplog.records if getattr(each, "code", "") == "renewal_refused"]
        assert len(told) == 1, "once, and not at every look"
        board.write("token", NEW)
        await board.settle()
        assert board.live.loaded.secrets.token == NEW
        assert board.refused == ()

    story(test)


@given(content=st.binary(max_size=64), name=st.sampled_from(["token", "key", "kiosk.crt", "ca"]))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_a_file_holds_is_taken_or_refused(board: Board, content: bytes, name: str) -> None:
    (board.folder / "ca").write_bytes((board.folder / "kiosk.crt").read_bytes())
    board.file.write_text(NETWORK.replace("file: key", "file: key, ca_file: ca"))
    before = load(board.file)
    good = (board.folder / name).read_bytes()
    (board.folder / name).write_bytes(content)
    renewal = renew(before, lambda: board.now)
    (board.folder / name).write_bytes(good)
    assert renewal.loaded.secrets.certificate == before.secrets.certificate
    assert len(renewal.loaded.secrets.token) >= 16
    assert bool(renewal.refused) != (renewal.loaded != before or content.strip() == good.strip())


def test_a_certificate_and_its_key_come_together_or_not_at_all(board: Board) -> None:
    async def test() -> None:
        before = board.certificate
        certificate, key = board.new_pair()
        whole = certificate.read_text()
        board.write("token", NEW)
        for text in (whole[:200], whole):
            board.write("kiosk.crt", text)
            await board.settle()
            assert board.certificate is before
            assert "are not a certificate with its key" in board.refused[0]
            assert board.live.loaded.secrets.token == NEW, "a leaked one is not kept for it"
        board.replace("kiosk.key", key)
        await board.settle()
        assert board.certificate != before
        assert board.refused == ()

    story(test)


def test_a_certificate_that_has_ended_does_not_replace_a_good_one(board: Board) -> None:
    async def test() -> None:
        before = board.certificate
        certificate, key = board.new_pair("-days", "1")
        board.replace("kiosk.crt", certificate)
        board.replace("kiosk.key", key)
        assert before.ends is not None
        board.now = before.ends - DAY_S / 2
        await board.settle()
        assert board.certificate is before
        assert "has ended already" in board.refused[0]
        board.now -= DAY_S  # the clock was wrong
        await board.settle()
        assert board.certificate != before

    story(test)


def test_a_certificate_that_is_no_servers_replaces_none(board: Board) -> None:
    async def test() -> None:
        before = board.certificate
        certificate, key = board.new_pair("-addext", "extendedKeyUsage=clientAuth")
        board.replace("kiosk.crt", certificate)
        board.replace("kiosk.key", key)
        await board.settle()
        assert board.certificate is before
        assert "no client accepts the new certificate" in board.refused[0]

    story(test)


def test_secrets_of_files_that_wait_for_a_restart_wait_too(board: Board) -> None:
    async def test() -> None:
        board.write("other-token", NEW)
        board.file.write_text(NETWORK.replace("token_file: token", "token_file: other-token"))
        await board.live.reload(board.apply)
        assert board.live.snapshot.waiting == ("health.token_file",)
        assert board.live.loaded.secrets.token == OLD

    story(test)


def test_a_file_that_is_being_edited_is_no_reason_to_keep_a_leaked_token(board: Board) -> None:
    async def test() -> None:
        board.file.write_text("health: {adress")
        board.write("token", NEW)
        await board.live.reload(board.apply)
        assert board.live.snapshot.problems
        assert board.live.loaded.secrets.token == NEW

    story(test)


def test_new_handshakes_get_the_new_certificate_and_connections_live_on(board: Board) -> None:
    old_file = board.folder / "old.crt"
    old_file.write_bytes((board.folder / "kiosk.crt").read_bytes())

    async def hello(_: web.Request) -> web.Response:
        return web.Response(text="hello")

    async def ask(http: aiohttp.ClientSession, url: str, tls: ssl.SSLContext, token: str) -> int:
        bearer = {"Authorization": f"Bearer {token}"}
        async with http.get(url, ssl=tls, headers=bearer) as answer:
            await answer.read()
            return answer.status

    async def test() -> None:
        token = guard("0.0.0.0", lambda: board.live.loaded.secrets.token)
        app = web.Application(middlewares=[token])
        app.router.add_get("/", hello)
        server = GuardedServer(app, Limits(), shutdown_s=0.3)
        await server.start("127.0.0.1", 0, lambda: board.certificate.context)
        url = f"https://127.0.0.1:{server.address[1]}/"
        old = pinning(str(old_file))
        async with aiohttp.ClientSession() as http, aiohttp.ClientSession() as later:
            assert await ask(http, url, old, OLD) == 200
            certificate, key = board.new_pair()
            board.replace("kiosk.crt", certificate)
            board.replace("kiosk.key", key)
            board.write("token", NEW)
            await board.settle()
            assert await ask(http, url, old, OLD) == 401, "from the next request on"
            assert await ask(http, url, old, NEW) == 200
            assert server.connections == 1, "the connection of before"
            with pytest.raises(aiohttp.ClientConnectorCertificateError):
                await ask(later, url, old, NEW)
            assert await ask(later, url, pinning(str(board.folder / "kiosk.crt")), NEW) == 200
        await server.stop()

    story(test)


@pytest.mark.parametrize(
    ("left_s", "code"),
    [
        (SOON_S + 60, None),
        (SOON_S - 60, "certificate_ends_soon"),
        (60, "certificate_ends_soon"),
        (-60, "certificate_expired"),
    ],
)
def test_a_certificate_that_ends_within_three_weeks_warns(
    tmp_path: Path, left_s: float, code: str | None
) -> None:
    make_certificate(tmp_path / "crt", tmp_path / "key")
    certificate = certificate_in(str(tmp_path / "crt"), str(tmp_path / "key"))
    assert certificate.ends is not None
    now = certificate.ends - left_s
    found = CertificateCheck(lambda: certificate, lambda: now, earliest=0.0).run(0.0)
    assert [reason.code for reason in found.reasons] == ([] if code is None else [code])
    assert found.status.word == ("pass" if code is None else "warn"), "nobody in front notices"
    unset = CertificateCheck(lambda: certificate, lambda: now, earliest=now + 1).run(0.0)
    assert unset.reasons == (), "a clock that is not set judges nothing"


def test_a_certificate_that_no_client_takes_is_told(tmp_path: Path) -> None:
    make_certificate(
        tmp_path / "crt", tmp_path / "key", "x", "-addext", "extendedKeyUsage=clientAuth"
    )
    certificate = certificate_in(str(tmp_path / "crt"), str(tmp_path / "key"))
    (reason,) = CertificateCheck(lambda: certificate).run(0.0).reasons
    assert reason.code == "certificate_unusable"
    assert CertificateCheck(lambda: None).run(0.0).reasons == ()


def test_a_key_with_a_password_is_refused_and_nobody_is_asked_for_it(tmp_path: Path) -> None:
    make_certificate(tmp_path / "crt", tmp_path / "key")
    lock = f"openssl pkey -in {tmp_path}/key -aes128 -passout pass:x -out {tmp_path}/locked"
    subprocess.run(lock.split(), check=True)
    with pytest.raises(ValueError, match="not a certificate with its key"):
        certificate_in(str(tmp_path / "crt"), str(tmp_path / "locked"))
