# SPDX-License-Identifier: Apache-2.0
"""Commands of the board, given on another machine: they refuse and touch nothing."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from kioskd.ctl import __main__ as command_line
from kioskd.update import store as store_module
from kioskd.update.store import Store

COMMANDS = {
    "install": ["install", "kiosk.img"],
    "slots": ["slots"],
    "rollback": ["rollback"],
    "mark-good": ["mark-good"],
    "mark-good --wait": ["mark-good", "--wait"],
    "first-boot": ["first-boot"],
    "first-boot --folder": ["first-boot", "--folder", "."],
    "factory-reset": ["factory-reset", "--yes"],
}


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that stands for /, as on a workstation: the hook has set nothing."""
    for name in [name for name in os.environ if name.startswith("KIOSK_")]:
        monkeypatch.delenv(name)
    monkeypatch.setattr(
        store_module,
        "store_from",
        lambda environment: Store(
            Path(environment.get("KIOSK_STORE") or tmp_path / "var/lib/kiosk"), tmp_path / "run"
        ),
    )
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    monkeypatch.setattr(sys, "argv", ["kioskctl", *words])
    return command_line.main()


@pytest.mark.parametrize("name", COMMANDS)
def test_a_workstation_is_no_board(
    machine: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    name: str,
) -> None:
    assert run(monkeypatch, *COMMANDS[name]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith("error: this is not a board: ")
    assert "run that one on the board, or name a store" in told.err
    assert list(machine.iterdir()) == [], "nothing was written"


def test_these_are_all_commands_that_change_a_board() -> None:
    named = {words[0] for words in COMMANDS.values()}
    # A page; a machine measured, filmed or told of as it is
    anywhere = {"options", "bench", "avtest", "report"}
    assert named | anywhere == command_line._ON_BOARD.keys()


@pytest.mark.parametrize("variable", ["KIOSK_STORE", "KIOSK_HOOK_FORMAT"])
def test_the_hook_or_a_named_store_makes_a_board(
    machine: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    store = machine / "var/lib/kiosk"
    monkeypatch.setenv(variable, str(store) if variable == "KIOSK_STORE" else "1")
    assert run(monkeypatch, "factory-reset", "--yes") == 0
    assert (store / "state/factory-reset").exists()


@pytest.mark.parametrize("name", COMMANDS)
def test_a_kiosk_elsewhere_is_not_this_board(
    machine: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    name: str,
) -> None:
    monkeypatch.setenv("KIOSK_HOOK_FORMAT", "1")
    assert run(monkeypatch, "--url", "https://kiosk-7:8080", *COMMANDS[name]) == 2
    assert "--url has no use; run it on that board" in capsys.readouterr().err
    assert list(machine.iterdir()) == []
