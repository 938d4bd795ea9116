# SPDX-License-Identifier: Apache-2.0
"""What `make run` starts: endpoint and kiosk with the default avatar, until asked to stop."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest
from ssh_machine import free_port

import run_kiosk

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "scripts" / "run_kiosk.py"
START_S = 120.0


def health(port: int, process: subprocess.Popen[str]) -> dict[str, dict[str, str]]:
    """The kiosk's checks, once it is ready."""
    url = f"http://127.0.0.1:{port}"
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        assert process.poll() is None, process.communicate()[1]
        try:
            urllib.request.urlopen(f"{url}/readyz", timeout=START_S).close()
            with urllib.request.urlopen(f"{url}/healthz", timeout=START_S) as answer:
                checks: dict[str, dict[str, str]] = json.load(answer)["checks"]
                return checks
        except OSError:
            time.sleep(0.2)
    pytest.fail(f"not ready within {START_S:.0f} s")


def test_it_shows_the_default_avatar_and_ends_cleanly() -> None:
    port, endpoint_port = free_port(), free_port()
    command = [sys.executable, str(SCRIPT), "--port", str(port)]
    command += ["--endpoint-port", str(endpoint_port), "--greeting", ""]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, process_group=0
    )
    try:
        checks = health(port, process)
        assert checks["avatar"]["status"] == "pass"
        assert checks["avatar"]["observed"].startswith("default, ")
        assert str(endpoint_port) in checks["link"]["observed"]
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0
    finally:
        process.kill()
        process.communicate()
    for closed in (port, endpoint_port):
        with socket.socket() as probe:
            assert probe.connect_ex(("127.0.0.1", closed)) != 0, "a process was left behind"


def test_an_avatar_that_is_not_there_is_an_error_line(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(SCRIPT), "--avatar", str(tmp_path / "none.avatar")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert f"no avatar at {tmp_path / 'none.avatar'}" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_voice_that_nobody_has_is_an_error_line_with_those_that_there_are() -> None:
    command = [sys.executable, str(SCRIPT), "--voice", "nobody"]
    command += ["--port", str(free_port()), "--endpoint-port", str(free_port())]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=START_S)
    assert done.returncode == 1
    assert "there is no voice 'nobody'; take " in done.stderr
    assert "de+f2" in done.stderr
    assert "Traceback" not in done.stderr


def test_where_only_the_processor_draws_the_light_variant_shows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_kiosk, "GRAPHICS", tmp_path)
    assert run_kiosk.default_avatar().name == "default-20k.avatar"
    (tmp_path / "card0").touch()
    assert run_kiosk.default_avatar().name == "default-20k.avatar", "a card may only show pictures"
    (tmp_path / "renderD128").touch()
    assert run_kiosk.default_avatar().name == "default.avatar"


@pytest.mark.parametrize(
    ("option", "told"),
    [
        (["--endpoint", "ws://a..b/relay"], "its host has an empty part between two dots"),
        (["--endpoint", "ftp://host"], "write ws://host:port/path"),
        (["--endpoint", "ws://me:hidden@host"], "secrets come only from files"),
        (["--port", "http"], "'http' is not a port"),
        (["--endpoint-port", "65536"], "'65536' is not a port"),
    ],
)
def test_an_address_of_no_use_is_refused_before_anything_starts(
    option: list[str],
    told: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "argv", ["run_kiosk.py", *option])
    with pytest.raises(SystemExit) as ended:
        run_kiosk.arguments()
    said = capsys.readouterr().err
    assert ended.value.code == 2
    assert told in said
    assert "hidden" not in said


def test_the_scheme_of_an_endpoint_may_be_in_capitals_and_its_end_a_slash() -> None:
    assert run_kiosk.endpoint_address("HTTP://host:8090/") == "http://host:8090"
    assert run_kiosk.endpoint_address("") == ""
