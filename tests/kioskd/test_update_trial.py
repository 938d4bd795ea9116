# SPDX-License-Identifier: Apache-2.0
"""How a trial ends: kept after a healthy minute, given up by hand, and what the state file is."""

from __future__ import annotations

import argparse
import fcntl
import functools
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from update_images import BOARD, KeyPair, make_image, make_keys

from kioskd.ctl import board_commands
from kioskd.durable_files import DiskFiles
from kioskd.first_boot.result import read_provisioning
from kioskd.update.errors import UpdateError
from kioskd.update.last_result import LastResult, read_result, write_result
from kioskd.update.release import Trust, read_release, trust_from
from kioskd.update.service_process import ServiceProcess
from kioskd.update.slot_state import SlotState, parse_state, read_state, write_state
from kioskd.update.store import Store
from kioskd.update.trial import mark_good, on_trial, rollback
from kioskd.update.trial_watch import Look, look_at_health, wait_until_healthy

STATES = st.builds(
    SlotState,
    active=st.just("a"),
    pending=st.sampled_from([None, "b"]),
    tries=st.integers(0, 9),
    failures=st.integers(0, 999),
)


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> KeyPair:
    return make_keys(tmp_path_factory.mktemp("keys"), "release")


@pytest.fixture
def trust(keys: KeyPair) -> Trust:
    return Trust(BOARD, (keys.public,), hook_format=1)


@pytest.fixture
def store(tmp_path: Path, keys: KeyPair) -> Store:
    """1.0.0 in slot a, 1.1.0 in slot b on its second trial, and running."""
    store = Store(tmp_path / "store", tmp_path / "run")
    store.slots.mkdir(parents=True)
    store.run.mkdir()
    make_image(store.image("a"), keys, "1.0.0")
    make_image(store.image("b"), keys, "1.1.0")
    write_state(store, SlotState("a", "b", 1), DiskFiles())
    (store.run / "slot").write_text("b\n")
    return store


@given(state=STATES)
def test_the_state_file_is_read_as_it_was_written(state: SlotState) -> None:
    assert parse_state(state.to_bytes()) == state


@given(state=STATES, where=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_a_state_file_with_a_flipped_bit_is_none(state: SlotState, where: float, bit: int) -> None:
    content = bytearray(state.to_bytes())
    content[int(where * len(content))] ^= 1 << bit
    assert parse_state(bytes(content)) is None


@given(st.binary(max_size=200))
def test_a_state_file_of_noise_is_none(content: bytes) -> None:
    assert parse_state(content) is None


@pytest.mark.parametrize(
    ("name", "read"),
    [
        ("state/slots", read_state),
        ("state/last-result", read_result),
        ("state/first-boot-result.json", read_provisioning),
        ("run/slot", Store.running),
    ],
)
def test_a_fifo_in_the_place_of_a_state_file_is_waited_for_by_nobody(
    tmp_path: Path, name: str, read: Callable[[Store], object]
) -> None:
    """The health checks read these once a second, on the thread that the watchdog looks at."""
    (tmp_path / name).parent.mkdir()
    os.mkfifo(tmp_path / name)
    told: list[object] = []
    store = Store(tmp_path, tmp_path / "run")
    reader = threading.Thread(target=lambda: told.append(read(store)), daemon=True)
    reader.start()
    reader.join(60)
    assert told == [None]


def test_a_shell_can_check_and_read_the_state_file(store: Store) -> None:
    script = """
        test "$(sed '$d' "$1" | sha256sum | cut -d' ' -f1)" = "$(sed -n 's/^sum=//p' "$1")"
        sed -n 's/^pending=//p' "$1"
    """
    done = subprocess.run(
        ["sh", "-ec", script, "sh", store.state / "slots"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "b\n"


def test_the_running_image_is_kept(store: Store) -> None:
    assert on_trial(store)
    assert mark_good(store, DiskFiles()) == "slot b is good and stays"
    assert read_state(store) == SlotState("b")
    result = read_result(store)
    assert result is not None
    assert (result.result, result.slot, result.version) == ("good", "b", "1.1.0")
    written = (store.state / "slots").stat().st_mtime_ns
    assert mark_good(store, DiskFiles()) == "slot b is known to be good"
    assert (store.state / "slots").stat().st_mtime_ns == written, "nothing is written idly"


def test_the_lock_is_waited_for(store: Store) -> None:
    """At the start of a board several programs look after the store at once."""
    with (store.state / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        threading.Timer(0.4, lambda: fcntl.flock(lock, fcntl.LOCK_UN)).start()
        assert mark_good(store, DiskFiles()) == "slot b is good and stays"
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert mark_good(store, DiskFiles()) == "slot b is known to be good", "without waiting"


def test_an_image_that_waits_for_its_trial_is_not_kept(store: Store) -> None:
    """The board still runs the old one: its health says nothing about the new one."""
    (store.run / "slot").write_text("a\n")
    assert not on_trial(store)
    mark_good(store, DiskFiles())
    assert read_state(store) == SlotState("a", "b", 1)


def test_a_board_that_is_well_again_forgets_its_failures(store: Store) -> None:
    write_state(store, SlotState("b", failures=2), DiskFiles())
    assert mark_good(store, DiskFiles()) == "slot b is good again"
    assert read_state(store) == SlotState("b")


@pytest.mark.parametrize("content", ["", "c\n", "ab", "\xff"])
def test_without_a_hook_nothing_is_marked(store: Store, content: str) -> None:
    (store.run / "slot").write_text(content, "latin-1")
    assert "no slot was started" in mark_good(store, DiskFiles())
    assert read_state(store) == SlotState("a", "b", 1)


def test_rollback_gives_up_a_trial_and_then_asks_for_the_other_one(
    store: Store, trust: Trust
) -> None:
    assert rollback(store, trust, DiskFiles()) == "slot b is given up; slot a starts next"
    assert read_state(store) == SlotState("a")
    assert "slot b (1.1.0) starts next, on trial" in rollback(store, trust, DiskFiles())
    assert read_state(store) == SlotState("a", "b", 3)
    rollback(store, trust, DiskFiles())
    store.image("b").write_bytes(b"hsqs")
    with pytest.raises(UpdateError) as caught:
        rollback(store, trust, DiskFiles())
    assert caught.value.code == "nothing_to_go_back_to"
    store.image("b").unlink()
    with pytest.raises(UpdateError, match="empty"):
        rollback(store, trust, DiskFiles())


@settings(deadline=None)  # it writes to a disk
@given(
    texts=st.fixed_dictionaries(
        {
            name: st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]), max_size=50)
            for name in ("result", "slot", "version", "reason")
        }
    )
)
def test_the_last_result_is_read_as_it_was_written(
    tmp_path_factory: pytest.TempPathFactory, texts: dict[str, str]
) -> None:
    store = Store(tmp_path_factory.mktemp("store"))
    assert read_result(store) is None
    write_result(store, DiskFiles(), **texts)
    result = read_result(store)
    assert result is not None
    assert result == LastResult(**texts)


# The healthy minute


def answer(uptime_s: float = 100.0, **checks: tuple[str, str]) -> dict[str, Any]:
    told = {"display": ("pass", ""), "avatar": ("pass", ""), "render_loop": ("pass", "")} | checks
    return {
        "uptime_s": uptime_s,
        "checks": {
            name: {"status": status, "reasons": [{"code": code}] if code else []}
            for name, (status, code) in told.items()
        },
    }


@pytest.mark.parametrize(
    ("health", "problem"),
    [
        (answer(), ""),
        (answer(link=("fail", "link_down"), audio=("warn", "audio_no_device")), ""),
        (answer(render_loop=("warn", "slow_frames")), ""),
        (answer(avatar=("warn", "avatar_not_loaded")), ""),
        (answer(render_loop=("warn", "starting")), "render_loop: starting"),
        (answer(render_loop=("fail", "screen_blank")), "render_loop: screen_blank"),
        (answer(display=("fail", "no_display")), "display: no_display"),
        ({"checks": {}}, "the check display is missing"),
        ({}, "the check display is missing"),
        (None, "kioskd does not answer"),
    ],
)
def test_an_image_is_blamed_for_the_picture_only(
    health: dict[str, Any] | None, problem: str
) -> None:
    assert look_at_health(health).problem == problem


def test_failures_of_the_picture_are_counted_over_its_checks() -> None:
    health = answer()
    for name, count in (("display", 1), ("render_loop", 2), ("audio", 9)):
        health["checks"].setdefault(name, {"status": "pass"})["failures"] = count
    assert look_at_health(health).failures == 3


class Simulation:
    """A clock that moves only by sleeping and answering, and looks by its time.

    A look's uptime is that of its beginning, and grows.
    """

    def __init__(self, looks: list[tuple[float, Look]], answer_s: float = 0.0) -> None:
        self.now = 1000.0
        self.looks = looks
        self.answer_s = answer_s

    def ask(self) -> Look:
        passed = self.now - 1000.0
        self.now += self.answer_s
        since, look = [row for row in self.looks if row[0] <= passed][-1]
        return replace(look, uptime_s=look.uptime_s + passed - since)

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def wait(self) -> float:
        wait_until_healthy(self.ask, clock=lambda: self.now, sleep=self.sleep)
        return self.now - 1000.0


def test_a_minute_of_health_is_enough_and_needed() -> None:
    assert Simulation([(0, Look("", 5.0))]).wait() == pytest.approx(60, abs=2)
    assert Simulation([(0, Look("down")), (30, Look("", 5.0))]).wait() == pytest.approx(90, abs=2)


def test_a_fault_or_a_restart_begins_the_minute_anew() -> None:
    fault = [(0.0, Look("", 5.0)), (50.0, Look("down")), (54.0, Look("", 9.0))]
    assert Simulation(fault).wait() == pytest.approx(114, abs=3)
    restarted = [(0.0, Look("", 50.0)), (40.0, Look("", 1.0))]
    assert Simulation(restarted).wait() == pytest.approx(100, abs=3)


def test_what_happens_between_two_looks_begins_the_minute_anew_too() -> None:
    failed = [(0.0, Look("", 5.0, 3)), (41.0, Look("", 46.0, 4))]
    assert Simulation(failed).wait() == pytest.approx(102, abs=3)
    # Before the first look it had run for half a second, at the next one it has for a whole one
    restarted = [(0.0, Look("", 0.5)), (2.0, Look("", 1.0))]
    assert Simulation(restarted).wait() == pytest.approx(62, abs=1)


def test_slow_answers_are_no_restarts() -> None:
    assert Simulation([(0.0, Look("", 5.0))], answer_s=4.0).wait() == pytest.approx(64, abs=6)


def test_what_never_gets_healthy_stays_on_trial() -> None:
    with pytest.raises(UpdateError, match="display: no_display"):
        Simulation([(0, Look("display: no_display"))]).wait()
    restarting = [(10.0 * n, Look("", 10.0 if n % 2 else 1.0)) for n in range(70)]
    with pytest.raises(UpdateError, match="started again and again"):
        Simulation(restarting).wait()


def test_without_an_http_server_the_process_is_watched(tmp_path: Path) -> None:
    watch = ServiceProcess(tmp_path)
    assert watch.look().problem == "kioskd does not run"
    group = tmp_path / "system.slice/kioskd.service"
    group.mkdir(parents=True)
    (group / "cgroup.procs").write_text("815\n4711\n")
    first, second = watch.look(), watch.look()
    assert (first.problem, second.problem) == ("", "")
    assert second.uptime_s >= first.uptime_s
    (group / "cgroup.procs").write_text("816\n")
    assert watch.look().uptime_s < 0.1


# Where kioskctl finds what it needs


def test_board_and_keys_come_from_the_hook_and_the_release(tmp_path: Path, keys: KeyPair) -> None:
    environment = {"KIOSK_KEYS": str(keys.public.parent), "KIOSK_PAYLOAD": str(tmp_path)}
    with pytest.raises(UpdateError) as caught:
        trust_from(environment)
    assert caught.value.code == "no_release"
    release = tmp_path / "usr/share/kiosk/release"
    release.parent.mkdir(parents=True)
    release.write_text("version=1.0.0\nboard=rk3576\nnonsense\n")
    assert read_release(environment) == {"version": "1.0.0", "board": "rk3576"}
    assert trust_from(environment) == Trust("rk3576", (keys.public,), 1)
    environment |= {"KIOSK_BOARD": BOARD, "KIOSK_HOOK_FORMAT": "2"}
    assert trust_from(environment) == Trust(BOARD, (keys.public,), 2)


def ctl(store: Store, keys: KeyPair, *words: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {
        "KIOSK_STORE": str(store.root),
        "KIOSK_RUN": str(store.run),
        "KIOSK_BOARD": BOARD,
        "KIOSK_KEYS": str(keys.public.parent),
    }
    return subprocess.run(
        [sys.executable, "-m", "kioskd.ctl", *words],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_kioskctl_tells_both_slots_and_goes_back(store: Store, keys: KeyPair) -> None:
    done = ctl(store, keys, "slots")
    assert done.stdout.splitlines() == [
        "a  1.0.0  (active)",
        "b  1.1.0  (running, on trial, 1 tries left)",
    ]
    assert done.returncode == 0
    done = ctl(store, keys, "rollback")
    assert done.stdout == "slot b is given up; slot a starts next\n"
    (store.image("a")).unlink()
    store.image("b").write_bytes(b"hsqs and little else")
    (store.state / "slots").write_bytes(b"noise")
    done = ctl(store, keys, "slots")
    assert done.returncode == 1
    assert "a  empty" in done.stdout
    assert "[truncated]" in done.stdout
    assert "last update: rollback, 1.0.0, slot a" in done.stdout
    assert "no intact state file" in done.stdout
    done = ctl(store, keys, "mark-good", "--wait")
    assert done.returncode == 0
    assert "nothing to mark" in done.stdout


def test_kioskctl_without_a_board_says_so(tmp_path: Path, keys: KeyPair) -> None:
    empty = KeyPair(tmp_path, tmp_path / "no" / "key.pem")
    done = ctl(Store(tmp_path, tmp_path), empty, "slots")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: no public key")
    assert "[no_keys]" in done.stderr


def test_the_command_tells_the_hook_by_its_status(
    store: Store, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """3 means not healthy, and nothing else does: the hook goes back by it."""
    monkeypatch.setenv("KIOSK_STORE", str(store.root))
    monkeypatch.setenv("KIOSK_RUN", str(store.run))
    options = argparse.Namespace(wait=True)
    silent = functools.partial(wait_until_healthy, limit_s=0.1, sleep=lambda _: None)
    monkeypatch.setattr(board_commands, "wait_until_healthy", silent)
    monkeypatch.setattr(board_commands, "_ask_kioskd", lambda: lambda: Look("render_loop: x"))
    assert board_commands.mark_good(options) == 3
    told = capsys.readouterr()
    assert "render_loop: x" in told.err
    assert told.out == "waiting until kioskd has been healthy for 60 s\n", "it takes a while"
    assert read_state(store) == SlotState("a", "b", 1)
    (store.run / "slot").write_text("a\n")
    assert board_commands.mark_good(options) == 0, "nothing is on trial"
