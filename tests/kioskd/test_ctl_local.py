# SPDX-License-Identifier: Apache-2.0
"""kioskctl without options finds the kiosk on its own board, TLS and token included."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from certificates import make_certificate
from kiosk_process import running

from kioskd.config.documents import reference
from kioskd.config.rules import as_reached_here
from kioskd.ctl import credentials
from kioskd.ctl.client import ControlError
from kioskd.ctl.local import Address, own_address
from kioskd.update.trial_watch import look_at_health

ITS_DEFAULT = "http://127.0.0.1:8080"


def test_a_protected_kiosk_is_asked_and_nobody_in_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("lobby-7.example.org", "impostor"):
        # Not for a name that loopback has, as an operator's would not be
        make_certificate(tmp_path / f"{name}.crt", tmp_path / f"{name}.key", name)
    (tmp_path / "token").write_text("a-token-long-enough\n")
    config = (
        "endpoint: {url: ''}\n"
        "health: {address: 0.0.0.0, tls_certificate: lobby-7.example.org.crt, "
        "tls_key: lobby-7.example.org.key, token_file: token, port: PORT}\n"
    )
    with running(tmp_path, config=config.replace("PORT", "0")) as kiosk:
        kiosk.wait_for("http_listening")
        port = urlsplit(kiosk.url).port
        kiosk.config.write_text(config.replace("PORT", str(port)))
        own = own_address(kiosk.config)
        assert own is not None
        assert own.url == f"https://127.0.0.1:{port}"
        client = own.client()
        kiosk.wait_until(lambda: not look_at_health(client.health()).problem, "good health")
        monkeypatch.setattr(credentials, "RENEWAL_S", 0.05)
        impostor = Address(own.url, own.token_file, tmp_path / "impostor.crt", pinned=True)
        with pytest.raises(ControlError, match=r"it is not the one in .*impostor\.crt, so"):
            impostor.client().health()
        with pytest.raises(ControlError, match="wants its token"):
            Address(own.url, None, own.authority, pinned=True).client().health()


def test_kioskctl_works_while_certificate_and_token_are_renewed(tmp_path: Path) -> None:
    """At once, when kioskd has not looked yet, and with a client that began before."""
    names = ("kiosk.crt", "kiosk.key", "token")
    for folder in (tmp_path, tmp_path / "new"):
        folder.mkdir(exist_ok=True)
        make_certificate(folder / "kiosk.crt", folder / "kiosk.key")
        (folder / "token").write_text(f"a-token-of-{folder.name}-long-enough\n")
    config = (
        "endpoint: {url: ''}\n"
        "health: {address: 0.0.0.0, tls_certificate: kiosk.crt, tls_key: kiosk.key, "
        "token_file: token, port: PORT}\n"
    )
    with running(tmp_path, config=config.replace("PORT", "0")) as kiosk:
        kiosk.wait_for("http_listening")
        kiosk.config.write_text(config.replace("PORT", str(urlsplit(kiosk.url).port)))
        own = own_address(kiosk.config)
        assert own is not None
        before = own.client()
        before.health()
        for name in names:
            (tmp_path / "new" / name).rename(tmp_path / name)
        for client in (own.client(), before):
            assert client.health()["checks"]["config"]["status"] == "pass"
        assert kiosk.log.count("secrets_renewed") == 1
        # A renewal that fails leaves kioskd as it was, and says so to who can still ask
        (tmp_path / "kiosk.key").write_text("")
        kiosk.wait_for("renewal_refused")
        kiosk.wait_until(
            lambda: before.health()["checks"]["config"]["status"] == "warn", "a warning"
        )
    assert "Traceback" not in kiosk.log


@pytest.mark.parametrize(
    ("text", "url"),
    [
        (None, ITS_DEFAULT),
        ("", ITS_DEFAULT),
        ("health: {port: 9000}\n", "http://127.0.0.1:9000"),
        ("health: {address: '::1'}\n", "http://[::1]:8080"),
        ("health: {address: '::ffff:127.0.0.1'}\n", "http://127.0.0.1:8080"),
        ("health: {address: localhost}\n", "http://localhost:8080"),
        ("health: {adress: x}\n", ITS_DEFAULT),
        ("health: {enabled: false}\n", None),
    ],
)
def test_where_it_looks(tmp_path: Path, text: str | None, url: str | None) -> None:
    file = tmp_path / "kiosk.yaml"
    if text is not None:
        file.write_text(text)
    own = own_address(file)
    assert (own and own.url) == url


def test_a_mistake_elsewhere_does_not_hide_where_it_answers(tmp_path: Path) -> None:
    """kioskd goes on with the last good configuration, certificate and token."""
    file = tmp_path / "kiosk.yaml"
    file.write_text("health: {port: 9000, adress: x, token_file: gone}\naudio: {volume: 7}\n")
    own = own_address(file)
    assert own is not None
    assert (own.url, own.token_file) == ("http://127.0.0.1:9000", tmp_path / "gone")


def test_a_configuration_that_only_root_may_read(tmp_path: Path) -> None:
    folder = tmp_path / "kiosk"
    folder.mkdir()
    (folder / "kiosk.yaml").write_text("health: {port: 9000}\n")
    tmp_path.chmod(0o755)
    folder.chmod(0o000)
    code = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "from kioskd.ctl.local import own_address\n"
        "from kioskd.doctor.store_checks import ConfigFileCheck\n"
        "os.geteuid() or os.setuid(65534)\n"
        "print(own_address(Path(sys.argv[1])).url)\n"
        "print(ConfigFileCheck(Path(sys.argv[1])).run(0.0).reasons[0].code)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, folder / "kiosk.yaml"],
        capture_output=True,
        text=True,
        check=True,
    )
    folder.chmod(0o755)
    assert done.stdout.split() == [ITS_DEFAULT, "config_not_readable"]


@pytest.mark.parametrize(
    ("listens", "asked"),
    [
        ("0.0.0.0", "127.0.0.1"),
        ("::", "127.0.0.1"),
        ("::ffff:0.0.0.0", "127.0.0.1"),
        ("::1", "[::1]"),
        ("2001:db8::7", "[2001:db8::7]"),
        ("10.0.0.7", "10.0.0.7"),
        ("::ffff:10.0.0.7", "10.0.0.7"),
        ("kiosk.lan", "kiosk.lan"),
    ],
)
def test_an_address_to_listen_on_is_none_to_ask_at(listens: str, asked: str) -> None:
    assert as_reached_here(listens) == asked


def test_the_options_are_printed_where_there_is_no_manual() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "kioskd.ctl", "options"], capture_output=True, text=True, check=True
    )
    assert "| `volume` |" in done.stdout
    assert done.stdout == reference()


HOSTILE = "a\x1b[2J\nok   feigned \u202e\ud800\x9b"


class Hostile(BaseHTTPRequestHandler):
    """Something that answers as a kiosk does, with texts that would repaint a terminal."""

    def do_GET(self) -> None:
        reason = {"code": HOSTILE, "text": HOSTILE}
        check = {"status": "warn", "observed": HOSTILE, "reasons": [reason], "since": HOSTILE}
        answer = {
            "status": "warn",
            "version": HOSTILE,
            "uptime_s": 1.0,
            "serial": HOSTILE,
            "checks": {HOSTILE: check},
            "figures": {HOSTILE: HOSTILE},
        }
        self._tell(200, answer)

    def do_POST(self) -> None:
        self._tell(500, {"message": HOSTILE})

    def _tell(self, status: int, answer: dict[str, object]) -> None:
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  (its name there)
        """Nothing on the test's own terminal."""


@pytest.mark.parametrize("command", ["status", "doctor", "say hello", "gesture listen"])
def test_texts_of_a_kiosk_move_no_cursor(root: Path, command: str) -> None:
    with HTTPServer(("127.0.0.1", 0), Hostile) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        url = f"http://127.0.0.1:{server.server_port}"
        try:
            done = subprocess.run(
                [sys.executable, "-m", "kioskd.ctl", "--url", url, *command.split()],
                cwd=root,
                capture_output=True,
                check=False,
                timeout=120,
            )
        finally:
            server.shutdown()
            thread.join()
    shown = (done.stdout + done.stderr).decode()
    assert "Traceback" not in shown
    assert "\\x1b[2J\\nok   feigned \\u202e\\ud800\\x9b" in shown
    assert all(line.isprintable() for line in shown.splitlines())
