# SPDX-License-Identifier: Apache-2.0
"""kioskctl asks, kioskd measures once in place of showing, and in every case shows again."""

from __future__ import annotations

import json
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from board_store import board_store
from kiosk_process import KioskProcess, running
from made_up_avatar import make_avatar
from made_up_result import made_up_result

from kioskd.benchmark import request as asking
from kioskd.benchmark.plan import Durations
from kioskd.config import Config
from kioskd.ctl import bench_command
from kioskd.ctl.__main__ import arguments
from kioskd.ctl.client import ControlError
from kioskd.durable_files import DiskFiles
from kioskd.screen.snapshot import DisplaySnapshot
from kioskd.service.measured import Measured, measure_if_asked
from kioskd.update.store import Store

NOTHING = 'print(\'{"status": "absent", "problem": "left out", "figures": {}}\')'
FAILS = 'print(\'{"status": "failed", "problem": "no screen", "figures": {}}\')'


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    return board_store(tmp_path, monkeypatch)


def start(store: Store, script: str = NOTHING) -> bool:
    """The beginning of kioskd; whether it measured."""
    return measure_if_asked(
        Config(), store, Durations(), lambda _part: [sys.executable, "-c", script]
    )


class FakeSystemd:
    """Starts a kioskd whose parts are a script, whenever the service is restarted."""

    def __init__(self, store: Store, script: str) -> None:
        self.store, self.script = store, script
        self.measured: list[bool] = []
        self.threads: list[threading.Thread] = []

    def restart(self) -> None:
        thread = threading.Thread(target=self._start)
        self.threads.append(thread)
        thread.start()

    def _start(self) -> None:
        self.measured.append(start(self.store, self.script))


@pytest.fixture
def systemd(store: Store, monkeypatch: pytest.MonkeyPatch) -> Any:
    fake = FakeSystemd(store, NOTHING)
    monkeypatch.setattr(bench_command, "restart_kioskd", fake.restart)
    yield fake
    for thread in fake.threads:
        thread.join(60)


def run(*words: str) -> int:
    options = arguments(list(words))
    code: int = options.run(options)
    return code


def test_a_start_without_a_request_shows_the_avatar(store: Store) -> None:
    assert not start(store)
    assert list(store.data.iterdir()) == []


def test_a_request_is_followed_once(store: Store) -> None:
    asking.ask(DiskFiles(), store, soak=False)
    assert start(store)
    assert (store.data / "benchmark.json").exists()
    assert not start(store), "the next start shows the avatar"


def test_a_kioskd_that_is_killed_while_it_measures_shows_the_avatar_next(store: Store) -> None:
    wanted = asking.ask(DiskFiles(), store, soak=False)
    asking.ProgressFile(store, wanted)  # and then its power or its process is gone
    assert not start(store)


def test_a_request_that_nobody_took_in_time_is_forgotten(store: Store) -> None:
    asking.ask(DiskFiles(), store, soak=False)
    old = {"soak": False, "at": time.monotonic() - asking.REQUEST_S - 1}
    (store.run / "benchmark.request").write_text(json.dumps(old))
    assert not start(store)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"soak": 1, "at": "x"}', "[" * 4000])
def test_a_damaged_request_is_none(store: Store, content: str) -> None:
    (store.run / "benchmark.request").write_text(content)
    assert not start(store)


def test_a_store_that_takes_no_more_shows_the_avatar(store: Store) -> None:
    asking.ask(DiskFiles(), store, soak=False)
    store.data.rmdir()
    assert not start(store)


def test_the_operator_reads_every_line_and_the_result(
    store: Store, systemd: FakeSystemd, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("bench") == 0
    told = capsys.readouterr().out
    assert "1 of 5: the graphics processor" in told
    assert "the storage: absent: left out" in told
    assert systemd.measured == [True]


def test_what_could_not_be_measured_is_an_error_in_the_end(
    store: Store, systemd: FakeSystemd, capsys: pytest.CaptureFixture[str]
) -> None:
    systemd.script = FAILS
    assert run("bench", "--soak") == 1
    told = capsys.readouterr()
    assert "error: the graphics processor: not measured: no screen" in told.err
    assert "6 of 6: heat" in told.out


def test_a_result_that_cannot_be_kept_is_told(store: Store, systemd: FakeSystemd) -> None:
    (store.data / "benchmark.json.new").mkdir()
    with pytest.raises(ControlError, match=r"benchmark\.json cannot be written"):
        run("bench")


def test_interrupted_the_avatar_comes_back_at_once(
    store: Store, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    restarts: list[bool] = []
    monkeypatch.setattr(
        bench_command,
        "restart_kioskd",
        lambda: restarts.append(asking.waiting(store) is not None),
    )

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(bench_command, "follow", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run("bench")
    assert restarts == [True, False], "the second one finds no request"
    assert "shows the avatar again" in capsys.readouterr().out


def test_a_kioskd_that_dies_while_it_measures_is_told(store: Store) -> None:
    wanted = asking.ask(DiskFiles(), store, soak=False)
    asking.ProgressFile(store, wanted).line("1 of 5")
    told: list[str] = []
    with pytest.raises(ControlError, match="nothing is kept: see `journalctl"):
        bench_command.follow(store, wanted, told.append, lambda _process: False)
    assert told == ["1 of 5"]


def test_a_kioskd_that_never_begins_is_told(store: Store) -> None:
    wanted = asking.ask(DiskFiles(), store, soak=False)
    with pytest.raises(ControlError, match="has not begun"):
        bench_command.follow(store, wanted, taken_within_s=0.1)


def test_status_says_why_a_kioskd_that_measures_does_not_answer(store: Store) -> None:
    asking.ProgressFile(store, asking.ask(DiskFiles(), store, soak=False))
    with pytest.raises(ControlError, match="measures this board"):
        run("status")
    asking.ProgressFile(store, asking.ask(DiskFiles(), store, soak=False)).end("")
    with pytest.raises(ControlError, match="no kioskd answers"):
        run("status")


def test_a_store_that_only_root_may_write_is_told(store: Store) -> None:
    store.run.rmdir()
    with pytest.raises(ControlError, match="run this as root"):
        run("bench")


def test_systemd_that_refuses_is_told(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refusing = tmp_path / "systemctl"
    refusing.write_text("#!/bin/sh\necho 'Unit kioskd.service not found.' >&2\nexit 5\n")
    refusing.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    with pytest.raises(ControlError, match=r"cannot be restarted: Unit kioskd\.service not found"):
        run("bench")
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    with pytest.raises(ControlError, match="systemctl cannot be run"):
        run("bench")


def test_starts_that_a_person_asked_for_are_not_those_of_a_kioskd_that_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Six starts in ten minutes would bring the other image."""
    noting = tmp_path / "systemctl"
    noting.write_text(f'#!/bin/sh\necho "$@" >>{tmp_path}/calls\n')
    noting.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    bench_command.restart_kioskd()
    assert (tmp_path / "calls").read_text().splitlines() == [
        "reset-failed kioskd.service",
        "restart kioskd.service",
    ]


def test_what_is_kept_decides_how_the_picture_begins_only_where_it_fits(store: Store) -> None:
    assert Measured(store).told == "none yet"
    shown = make_avatar()
    made_up = made_up_result()
    (first,) = made_up["parts"]["avatars"]["figures"]["avatars"]
    first |= {"name": shown.name, "splats": shown.splats}
    (store.data / "benchmark.json").write_text(json.dumps(made_up))
    kept = Measured(store)
    here = DisplaySnapshot("kmsdrm", 1080, 1920, "Mali-G52")
    assert kept.costs(here, shown) == {1.0: 0.040, 0.5: 0.015}
    assert kept.costs(DisplaySnapshot("kmsdrm", 720, 1280, "Mali-G52"), shown) == {}
    assert f"{shown.name} holds 25 fps at scale 1" in kept.told
    (store.data / "benchmark.json").write_text("{")
    damaged = Measured(store)
    assert "is damaged" in damaged.told
    assert damaged.costs(here, shown) == {}


def children(process: int) -> list[int]:
    return [
        int(word)
        for path in Path(f"/proc/{process}/task").glob("*/children")
        for word in path.read_text().split()
    ]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_real_kioskd_measures_lives_and_leaves_nothing_behind_when_it_is_ended(
    store: Store, tmp_path: Path, number: int
) -> None:
    wanted = asking.ask(DiskFiles(), store, soak=True)
    kiosk = KioskProcess(tmp_path, "--set", "audio.enabled=false", WATCHDOG_USEC="2000000")
    try:
        kiosk.wait_until(lambda: bool(children(kiosk.process.pid)), "part")
        kiosk.wait_until(lambda: "WATCHDOG=1" in kiosk.notices, "sign of life")
        assert any(notice.startswith("READY=1\nSTATUS=measuring") for notice in kiosk.notices)
        progress = asking.read_progress(store)
        assert progress is not None
        assert (progress.request, progress.process) == (wanted.at, kiosk.process.pid)
        (part,) = children(kiosk.process.pid)
        assert kiosk.stop(number) == (0 if number == signal.SIGTERM else -number)
        until = time.monotonic() + 60
        while Path(f"/proc/{part}").exists() and time.monotonic() < until:
            time.sleep(0.05)
        assert not Path(f"/proc/{part}").exists(), "the part's process ends with kioskd"
    finally:
        kiosk.close()
    assert not start(store), "and the next start shows the avatar"


def test_health_tells_the_last_benchmark_and_a_damaged_one_stops_nothing(
    store: Store, tmp_path: Path
) -> None:
    (store.data / "benchmark.json").write_text('{"format": 1, "parts": []}')
    with running(tmp_path) as kiosk:
        told = kiosk.health()["figures"]["benchmark"]
    assert "is damaged" in told
    assert "measure again with `kioskctl bench`" in told
    assert "benchmark_unusable" in kiosk.log
