# SPDX-License-Identifier: Apache-2.0
"""Flashing a Rockchip board: a whole run, and every way in which it must refuse or stop."""

from __future__ import annotations

import hashlib
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from flash_files import ROOT, SECTOR, Board, gpt, overlay_image, put_on_path, run_flash

from flashing.partition_table import Partition

FIXTURES = ROOT / "board/rk3576/fixtures"
HERE = Path(__file__).parent
# A small disk with the names of the SoC vendor's layout: oem is 1 MiB here
LAYOUT = [
    Partition("uboot", 64, 64),
    Partition("rootfs", 128, 4096),
    Partition("oem", 4224, 2048),
    Partition("userdata", 6272, 1024),
]
OEM = LAYOUT[2]
DISK = 8192


@pytest.fixture
def board(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Board:
    """An RK3576 in loader mode, its oem full of old content."""
    put_on_path(monkeypatch, tmp_path / "bin", "rkdeveloptool", HERE / "fake_rockusb.py")
    board = Board(tmp_path / "device", monkeypatch)
    content = bytearray(gpt(LAYOUT, DISK).ljust(DISK * SECTOR, b"\0"))
    content[OEM.first * SECTOR : (OEM.first + 2048) * SECTOR] = os.urandom(2048 * SECTOR)
    board.storage.write_bytes(content)
    return board


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return overlay_image(tmp_path_factory.mktemp("built"), "rk3576").parent


@pytest.fixture
def out(built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """out/rk3576 after a build; waiting is quick."""
    monkeypatch.setattr("flashing.waiting.POLL_S", 0.05)
    (tmp_path / "out").mkdir()
    for name in ("kiosk-overlay.img", "SHA256SUMS"):
        shutil.copy(built / name, tmp_path / "out" / name)
    return tmp_path / "out"


def flash_it(out: Path, *more: str | Path) -> int:
    return run_flash("--board", "rk3576", "--out", out, "--yes", "--wait", "0.3", *more)


def oem_content(board: Board) -> bytes:
    content = board.storage.read_bytes()
    return content[OEM.first * SECTOR : (OEM.first + 2048) * SECTOR]


def test_a_whole_run_writes_one_partition_and_nothing_else(
    board: Board, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before, held = board.storage.read_bytes(), oem_content(board)
    assert flash_it(out) == 0
    image = (out / "kiosk-overlay.img").read_bytes()
    after = board.storage.read_bytes()
    first, end = OEM.first * SECTOR, OEM.first * SECTOR + len(image)
    assert after[first:end] == image
    assert after[:first] == before[:first]
    assert after[end:] == before[end:]
    backups = sorted(out.glob("backup-*-oem.img"))
    assert [backup.read_bytes() for backup in backups] == [held]
    assert backups[0].stat().st_mode & 0o077 == 0, "the board's token may be in it"
    note = backups[0].with_name(backups[0].name + ".sha256").read_text()
    assert note == f"{hashlib.sha256(held).hexdigest()}  {backups[0].name}\n"
    assert not list(out.glob("read-back*"))
    said = capsys.readouterr().out
    assert "tier 1 (supported), verified on no board yet" in said
    assert "chip 3576" in said
    assert "all bytes are as they should be" in said


def test_the_commands_are_exactly_these(board: Board, out: Path) -> None:
    assert flash_it(out) == 0
    image = out / "kiosk-overlay.img"
    sectors = str(image.stat().st_size // SECTOR)
    backup = next(out.glob("backup-*-oem.img"))
    gpt_file = next(argv[3] for argv in board.log if argv[:3] == ["rl", "0", "34"])
    assert board.log == [
        ["-h"],
        ["ld"],
        ["rci"],
        ["ppt"],
        ["rl", "0", "34", gpt_file],
        ["rl", "4224", "2048", str(backup)],
        ["wlx", "oem", str(image)],
        ["rl", "4224", sectors, str(out / "read-back-oem.img")],
        ["rd"],
    ]


def test_a_dry_run_prints_what_a_run_does_and_touches_nothing(
    board: Board, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = out / "table.txt"
    table.write_text(
        "NO  LBA       Name                \r\n02  00001080  oem\r\n03  00001880  userdata\r\n"
    )
    assert flash_it(out, "--dry-run", "--table", table) == 0
    printed = [
        shlex.split(line)[1:]
        for line in capsys.readouterr().out.splitlines()
        if line.startswith("rkdeveloptool")
    ]
    assert board.log == []
    assert flash_it(out) == 0
    done = [argv for argv in board.log if argv[0] != "-h"]
    printed = [argv for argv in printed if argv[0] != "db"]  # in Maskrom mode only

    def without_names(argv: list[str]) -> list[str]:
        return [re.sub(r"backup-.*-oem|.*gpt\.img$", "X", word) for word in argv]

    assert [without_names(argv) for argv in printed] == [without_names(argv) for argv in done]


def test_a_table_that_is_none_is_refused_in_words(
    board: Board, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = out / "table.txt"
    for content in (b"", b"\xff\xed\x00", b"mtdparts=\xff"):
        table.write_bytes(content)
        assert flash_it(out, "--dry-run", "--table", table) == 1
        assert "error: " in capsys.readouterr().err


def test_debian_13s_fork_is_spoken_to_in_its_own_words(board: Board, out: Path) -> None:
    board.scene(fork=True)
    assert flash_it(out) == 0
    image = out / "kiosk-overlay.img"
    assert board.commands == [
        "-h",
        "list",
        "read-chip-info",
        "list-partitions",
        "read",
        "read",
        "write-partition",
        "read",
        "reboot",
    ]
    assert board.log[-2][:3] == ["read", "4224", str(image.stat().st_size)]  # bytes, not sectors
    assert oem_content(board).startswith(image.read_bytes())


def test_buttons_are_told_until_the_board_shows_up(
    board: Board, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    board.scene(after_lists=2)
    assert flash_it(out, "--wait", "30") == 0
    assert capsys.readouterr().out.count("RECOVERY") == 1


def test_maskrom_takes_the_loader_first(board: Board, out: Path) -> None:
    board.scene(mode="Maskrom")
    (out / "rk3576_spl_loader_v1.03.102.bin").write_bytes(b"LDR \x66")
    assert flash_it(out) == 0
    assert ["db", str(out / "rk3576_spl_loader_v1.03.102.bin")] in board.log
    assert board.commands.index("db") < board.commands.index("wlx")


REFUSALS = [
    pytest.param({"devices": 0}, [], "no board showed up", id="no-board"),
    pytest.param({"devices": 2}, [], "2 devices are connected", id="two-boards"),
    pytest.param({"pid": "350b"}, [], "is 2207:350b, a rk3576 is 2207:350e", id="usb-id"),
    pytest.param(
        {"chip": "38 38 35 33 FF"}, [], "the chip calls itself 3588, a rk3576 is 3576", id="chip"
    ),
    pytest.param({"mode": "Maskrom"}, [], "needs the vendor's loader first", id="no-loader"),
    pytest.param(
        {"mode": "Maskrom"}, ["--loader", "/bin/true"], "is not a packed loader", id="bad-loader"
    ),
    pytest.param({"no_access": True}, [], "70-kiosk-rockusb.rules", id="no-usb-rights"),
    pytest.param({}, ["--partition", "kiosk"], "no partition kiosk (it has: uboot", id="absent"),
    pytest.param({}, ["--partition", "uboot"], "belongs to the boot chain", id="boot-chain"),
    pytest.param(
        {"ppt": "NO  LBA       Name\r\n02  00001081  oem\r\n"},
        [],
        "lists differ (oem)",
        id="tool-and-table-differ",
    ),
    pytest.param({"fails": {"ppt": "Read GPT failed!"}}, [], "Read GPT failed!", id="no-table"),
    pytest.param({"reads_short": 512}, [], "the device was not read whole", id="backup-short"),
    pytest.param({"fails": {"rl": "Read LBA failed!"}}, [], "Read LBA failed!", id="read-fails"),
]


@pytest.mark.parametrize(("facts", "options", "reason"), REFUSALS)
def test_what_is_refused_before_anything_is_written(
    board: Board,
    out: Path,
    capsys: pytest.CaptureFixture[str],
    facts: dict[str, object],
    options: list[str],
    reason: str,
) -> None:
    board.scene(**facts)
    before = board.storage.read_bytes()
    assert flash_it(out, *options) == 1
    errors = capsys.readouterr().err
    assert reason in errors
    assert "Nothing was written: the board is as it was." in errors
    assert board.storage.read_bytes() == before
    assert "wlx" not in board.commands


def test_an_image_that_would_run_into_the_next_partition_is_refused(
    board: Board, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (out / "SHA256SUMS").unlink()
    with (out / "kiosk-overlay.img").open("ab") as image:
        image.write(bytes(2 << 20))
    assert flash_it(out) == 1
    assert "it would overwrite what follows" in capsys.readouterr().err
    assert "wlx" not in board.commands


def test_a_loader_of_another_board_is_noticed(
    board: Board, out: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flashing.rkdeveloptool.LOADER_START_S", 0.1)
    board.scene(mode="Maskrom", loader_is_of_another_board=True)
    (out / "rk3576_spl_loader_v1.bin").write_bytes(b"BOOT")
    assert flash_it(out) == 1
    assert "it may be for another board" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("facts", "reason", "state"),
    [
        ({"breaks_in_write": True}, "Write LBA failed!", "was not finished"),
        ({"reads_wrong_byte": 70000}, "from byte 70000 (sector 136", "was not compared"),
        ({"fails": {"rd": "Reset Device failed!"}}, "did not restart", "switch the board off"),
    ],
    ids=["write-fails", "differs", "no-restart"],
)
def test_after_a_failure_the_state_of_the_board_is_told(
    board: Board,
    out: Path,
    capsys: pytest.CaptureFixture[str],
    facts: dict[str, object],
    reason: str,
    state: str,
) -> None:
    board.scene(**facts)
    assert flash_it(out) == 1
    errors = capsys.readouterr().err
    assert reason in errors
    assert state in errors
    board.scene()
    assert flash_it(out) == 0, "the same command again must heal it"


def test_ctrl_c_in_a_write_stops_the_tool_and_tells_the_way_back(board: Board, out: Path) -> None:
    board.scene(hangs_in_write=True)
    script = [sys.executable, str(ROOT / "scripts/flash.py"), "--board", "rk3576", "--yes"]
    process = subprocess.Popen(
        [*script, "--out", str(out)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 60
    while not (board.folder / "written").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "interrupted. Writing oem was not finished" in errors
    backup = next(out.glob("backup-*-oem.img"))
    assert f"make flash BOARD=rk3576 RESTORE={backup}" in errors
    board.scene()
    (board.folder / "written").unlink()
    held = backup.read_bytes()
    assert flash_it(out, "--restore", backup, "--no-backup") == 0
    assert oem_content(board) == held


def test_a_damaged_backup_is_not_written_back(
    board: Board, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert flash_it(out) == 0
    backup = next(out.glob("backup-*-oem.img"))
    backup.write_bytes(b"\1" + backup.read_bytes()[1:])
    assert flash_it(out, "--restore", backup) == 1
    assert "the backup is damaged" in capsys.readouterr().err


def test_nobody_to_ask_is_no_yes(
    board: Board, out: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", open(os.devnull))  # noqa: PTH123, SIM115
    assert run_flash("--board", "rk3576", "--out", out) == 1
    assert "give YES=1" in capsys.readouterr().err
    assert "wlx" not in board.commands


def test_without_the_tool_the_package_is_named(
    out: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(out))
    monkeypatch.setattr("flashing.commands._MORE_FOLDERS", "/usr/sbin:/sbin")
    assert flash_it(out) == 1
    assert "sudo apt install rkdeveloptool" in capsys.readouterr().err
