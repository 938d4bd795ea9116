# SPDX-License-Identifier: Apache-2.0
"""The unit file as systemd reads it, and the notices over a real notify socket."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from kioskd import systemd_notify
from kioskd.systemd_notify import STALE_AFTER_S, Watchdog

UNIT = "rootfs_overlay/usr/lib/systemd/system/kioskd.service"

needs_systemd = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="no systemd-analyze, which `make setup` brings"
)


@pytest.fixture
def notices(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    path = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as server:
        server.bind(str(path))
        server.setblocking(False)
        monkeypatch.setenv("NOTIFY_SOCKET", str(path))
        yield server


def received(server: socket.socket) -> list[str]:
    messages = []
    while True:
        try:
            messages.append(server.recv(4096).decode())
        except BlockingIOError:
            return messages


@needs_systemd
def test_the_sandbox_scores_well(root: Path) -> None:
    result = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--threshold=20", str(root / UNIT)],
        capture_output=True,
        text=True,
        check=False,
    )
    if "unrecognized option" in result.stderr:
        pytest.skip("systemd is older than 250: no offline score")
    assert result.returncode == 0, result.stdout[-200:] + result.stderr


def test_the_unit_agrees_with_the_daemon(root: Path) -> None:
    text = (root / UNIT).read_text()
    settings = dict(re.findall(r"^(\w+)=(.*)$", text, re.MULTILINE))
    assert settings["Type"] == "notify"
    assert settings["RestartPreventExitStatus"] == "78"
    assert int(settings["WatchdogSec"]) > 2 * STALE_AFTER_S, "stuck must be told before the kill"
    assert settings["ExecStart"] == "/usr/bin/kioskd"
    assert "os.kill(int(sys.argv[1]), 1)" in settings["ExecReload"], "SIGHUP reloads"


def test_ready_status_and_stopping_are_told(notices: socket.socket) -> None:
    systemd_notify.tell_ready("showing\nwith x11")
    systemd_notify.tell_status("all is well")
    systemd_notify.tell_stopping()
    told = received(notices)
    assert told == [
        "READY=1\nSTATUS=showing with x11",
        "STATUS=all is well",
        "STOPPING=1\nSTATUS=stopping",
    ]


def test_the_watchdog_is_fed_only_while_all_threads_beat(
    notices: socket.socket, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", "20000000")
    monkeypatch.setenv("WATCHDOG_PID", str(os.getpid()))
    audio = 100.0
    watchdog = Watchdog({"audio": lambda: audio, "io": lambda: 1000.0})
    for tenth in range(30):
        watchdog.feed(100.0 + tenth / 10)
    assert received(notices) == ["WATCHDOG=1"] * 3
    watchdog.feed(100.0 + STALE_AFTER_S + 1)
    watchdog.feed(100.0 + STALE_AFTER_S + 3)
    assert received(notices) == []
    assert [record.code for record in caplog.records] == ["thread_stuck"]  # type: ignore[attr-defined]
    audio = 115.0
    watchdog.feed(116.0)
    assert received(notices) == ["WATCHDOG=1"]


@pytest.mark.parametrize(
    "environment",
    [{}, {"WATCHDOG_USEC": "no"}, {"WATCHDOG_USEC": "1000000", "WATCHDOG_PID": "1"}],
)
def test_no_watchdog_is_fed_where_none_is_asked(
    notices: socket.socket, monkeypatch: pytest.MonkeyPatch, environment: dict[str, str]
) -> None:
    monkeypatch.delenv("WATCHDOG_USEC", raising=False)
    monkeypatch.delenv("WATCHDOG_PID", raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    Watchdog({}).feed(time.monotonic())
    assert received(notices) == []


SPEAK = """
import logging, os, socket, sys
folder = "/run/systemd/journal"
os.makedirs(folder)
server = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
server.bind(folder + "/socket")
server.settimeout(60)
stat = os.fstat(2)
os.environ["JOURNAL_STREAM"] = f"{stat.st_dev}:{stat.st_ino}"
from kioskd import log
log.set_up_logging("info")
logging.getLogger("kioskd.test").warning("hot: %d", 95, extra={"code": "too_hot"})
logging.getLogger("kioskd.test").debug("not kept", extra={"code": "quiet"})
logging.getLogger("aiohttp").error("theirs")
import json
print(json.dumps([server.recv(65536).decode() for _ in range(2)]))
"""


def test_lines_reach_the_journal_with_their_code(root: Path) -> None:
    """In a mount namespace of its own, where /run belongs to the test alone."""
    command = ["unshare", "-m", "sh", "-c", 'mount -t tmpfs t /run && exec "$@"', "sh"]
    if subprocess.run([*command, "true"], capture_output=True, check=False).returncode:
        pytest.skip("mount namespaces are not allowed here")
    result = subprocess.run(
        [*command, sys.executable, "-c", SPEAK],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    first, second = json.loads(result.stdout)
    assert "MESSAGE=hot: 95\n" in first
    assert "PRIORITY=4\n" in first
    assert "KIOSK_CODE=too_hot\n" in first
    assert "SYSLOG_IDENTIFIER=kioskd\n" in first
    assert "KIOSK_CODE=library\n" in second


def test_lines_on_a_terminal_are_readable(root: Path) -> None:
    script = (
        "import logging; from kioskd import log; log.set_up_logging('info');"
        "logging.getLogger('kioskd.x').warning('hot: %d', 95, extra={'code': 'too_hot'})"
    )
    result = subprocess.run(
        [sys.executable, "-c", script], cwd=root, capture_output=True, text=True, check=True
    )
    assert re.fullmatch(r"\d\d:\d\d:\d\d\.\d{3} WARNING too_hot: hot: 95\n", result.stderr), (
        result.stderr
    )


SANDBOXED = """
from prometheus_client import generate_latest
from kioskd.metrics import Metrics
print(generate_latest(Metrics().registry).decode())
"""


def test_the_process_is_measured_in_the_sandbox_of_the_unit_too(root: Path) -> None:
    """With /proc as ProcSubset=pid leaves it."""
    mount = 'mount -t proc -o subset=pid proc /proc && exec "$@"'
    command = ["unshare", "-m", "sh", "-c", mount, "sh"]
    if subprocess.run([*command, "true"], capture_output=True, check=False).returncode:
        pytest.skip("mount namespaces, or proc with subset=pid, are not allowed here")
    result = subprocess.run(
        [*command, sys.executable, "-c", SANDBOXED],
        cwd=root,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in ("resident_memory_bytes", "cpu_seconds_total", "open_fds"):
        value = re.search(rf"^process_{name} (\S+)$", result.stdout, re.MULTILINE)
        assert value is not None, name
        assert float(value.group(1)) > 0


def test_lines_left_out_are_a_metric(root: Path) -> None:
    script = (
        "import logging; from kioskd import log; from kioskd.metrics import Metrics;"
        "from prometheus_client import generate_latest; log.set_up_logging('info');"
        "logger = logging.getLogger('kioskd.x');"
        "[logger.warning('hot', extra={'code': 'too_hot'}) for _ in range(5)];"
        "print(generate_latest(Metrics().registry).decode())"
    )
    result = subprocess.run(
        [sys.executable, "-c", script], cwd=root, capture_output=True, text=True, check=True
    )
    assert 'kiosk_log_lines_suppressed_total{code="too_hot"} 4.0\n' in result.stdout
    assert result.stderr.count("too_hot: ") == 2


def test_a_status_of_others_words_is_one_line_that_can_be_sent(notices: socket.socket) -> None:
    systemd_notify.tell_status("screen \x1b[2J\0\ud800\nREADY=1")
    assert received(notices) == ["STATUS=screen \\x1b[2J\\x00\\ud800 READY=1"]


def test_what_nobody_has_caught_is_logged_with_a_code(root: Path) -> None:
    script = (
        "import threading; from kioskd import log; log.set_up_logging('info');"
        "t = threading.Thread(target=lambda: 1 / 0, name='worker'); t.start(); t.join(); {}['key']"
    )
    result = subprocess.run(
        [sys.executable, "-c", script], cwd=root, capture_output=True, text=True, check=False
    )
    assert result.returncode == 1
    assert "CRITICAL thread_died: thread worker has ended: division by zero\n" in result.stderr
    assert "CRITICAL crashed: 'key'\n" in result.stderr
    assert result.stderr.count("Traceback") == 2
