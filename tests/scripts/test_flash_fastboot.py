# SPDX-License-Identifier: Apache-2.0
"""Flashing through fastboot, alone (g88) and behind MediaTek's boot ROM (8189)."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from flash_files import Board, overlay_image, put_on_path, run_flash

HERE = Path(__file__).parent
SIZE = 1 << 20


@pytest.fixture
def board(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Board:
    """A board in fastboot with a partition `linux` of 1 MiB, and one in download mode."""
    for name in ("fastboot", "genio-bootrom"):
        put_on_path(monkeypatch, tmp_path / "bin", name, HERE / "fake_fastboot.py")
    board = Board(tmp_path / "device", monkeypatch)
    (board.folder / "linux.img").write_bytes(os.urandom(SIZE))
    monkeypatch.setattr("flashing.usb.SYSFS", tmp_path / "usb")
    monkeypatch.setattr("flashing.waiting.POLL_S", 0.05)
    plug_in(tmp_path / "usb", "1-2", "0e8d", "0003")
    return board


def plug_in(usb: Path, place: str, vendor: str, product: str) -> None:
    (usb / place).mkdir(parents=True)
    (usb / place / "idVendor").write_text(vendor + "\n")
    (usb / place / "idProduct").write_text(product + "\n")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("built")


@pytest.fixture
def out(built: Path, tmp_path: Path) -> Path:
    for name in ("g88", "8189"):
        if not (built / name).is_dir():
            overlay_image(built / name, name)
        (tmp_path / name).mkdir()
        for file in ("kiosk-overlay.img", "SHA256SUMS"):
            shutil.copy(built / name / file, tmp_path / name / file)
    return tmp_path


def flash_it(out: Path, name: str, *more: str | Path) -> int:
    common = ["--board", name, "--out", out / name, "--yes", "--wait", "0.3"]
    return run_flash(*common, "--partition", "linux", *more)


def test_a_whole_run_through_fastboot(
    board: Board, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    held = (board.folder / "linux.img").read_bytes()
    assert flash_it(out, "g88") == 0
    image = (out / "g88/kiosk-overlay.img").read_bytes()
    assert (board.folder / "linux.img").read_bytes() == image + held[len(image) :]
    assert next((out / "g88").glob("backup-*-linux.img")).read_bytes() == held
    words = [argv[2:] for argv in board.log if argv[0] == "-s"]
    assert [argv[0] for argv in words if argv[0] != "getvar"] == [
        "fetch",
        "flash",
        "fetch",
        "reboot",
    ]
    assert ["flash", "linux", str(out / "g88/kiosk-overlay.img")] in words
    assert "all bytes are as they should be" in capsys.readouterr().out


def test_a_genio_board_is_started_by_its_loader_first(
    board: Board, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    board.scene(needs_loader=True)
    vendor = out / "vendor"
    vendor.mkdir()
    (vendor / "lk.bin").write_bytes(b"loader")
    assert flash_it(out, "8189", "--vendor", vendor) == 0
    assert board.log[0] == [
        "--bootstrap",
        str(vendor / "lk.bin"),
        "--bootstrap-addr",
        "0x0",
        "--bootstrap-mode",
        "aarch64",
        "-s",
        "",
        "-t",
        "",
    ]
    assert "the chip calls itself 0x8189" in capsys.readouterr().out
    assert (board.folder / "written").exists()


def test_a_boot_loader_that_cannot_read_needs_a_word(
    board: Board, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for facts in ({"old_tool": True}, {"variables": {"max-fetch-size": None}}):
        board.scene(**facts)
        assert flash_it(out, "g88") == 1
        assert "Give BACKUP=no to write all the same" in capsys.readouterr().err
        assert not (board.folder / "written").exists()
    assert flash_it(out, "g88", "--no-backup") == 0
    assert "not read back: this boot loader cannot read" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        ({"devices": 0}, "no board showed up"),
        ({"devices": 2}, "2 devices are connected"),
        ({"variables": {"unlocked": "no"}}, "the boot loader is locked"),
        ({"variables": {"is-logical:linux": "yes"}}, "is a logical partition"),
        ({"variables": {"has-slot:linux": "yes"}}, "PARTITION=linux_a"),
        ({"variables": {"partition-size:linux": None}}, "no size for a partition linux"),
        ({"variables": {"partition-size:linux": "big"}}, "no size for a partition linux"),
        ({"variables": {"partition-size:linux": "0x400"}}, "would overwrite what follows"),
    ],
)
def test_what_is_refused_before_anything_is_written(
    board: Board,
    out: Path,
    capsys: pytest.CaptureFixture[str],
    facts: dict[str, object],
    reason: str,
) -> None:
    board.scene(**facts)
    assert flash_it(out, "g88") == 1
    errors = capsys.readouterr().err
    assert reason in errors
    assert "Nothing was written: the board is as it was." in errors
    assert not (board.folder / "written").exists()


def test_what_the_board_refuses_is_passed_on(
    board: Board, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    board.scene(refuses="not allowed in locked state")
    assert flash_it(out, "g88") == 1
    errors = capsys.readouterr().err
    assert "FAILED (remote: 'not allowed in locked state')" in errors
    assert "was not finished" in errors


def test_a_wrong_byte_is_found(board: Board, out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    board.scene(reads_wrong_byte=99)
    assert flash_it(out, "g88") == 1
    assert "from byte 99" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "facts", "plugged", "reason"),
    [
        ([], {}, 1, "name its folder with VENDOR="),
        (["--loader", "/bin/true"], {}, 0, "no board showed up"),
        (["--loader", "/bin/true"], {}, 2, "2 devices are connected"),
        (["--loader", "/bin/true"], {"no_access": True}, 1, "70-kiosk-genio.rules"),
        (["--loader", "/bin/true"], {"devices": 0}, 1, "no board showed up"),
    ],
    ids=["no-loader", "none", "two", "no-rights", "loader-without-fastboot"],
)
def test_what_stops_a_genio_run(
    board: Board,
    out: Path,
    capsys: pytest.CaptureFixture[str],
    options: list[str],
    facts: dict[str, object],
    plugged: int,
    reason: str,
) -> None:
    board.scene(**facts)
    if plugged == 0:
        shutil.rmtree(out / "usb")
    if plugged == 2:
        plug_in(out / "usb", "1-3", "0e8d", "0003")
    assert flash_it(out, "8189", *options) == 1
    assert reason in capsys.readouterr().err
    assert not (board.folder / "written").exists()


@pytest.mark.parametrize(("name", "lines"), [("g88", 10), ("8189", 11)])
def test_a_dry_run_runs_nothing(
    board: Board, out: Path, capsys: pytest.CaptureFixture[str], name: str, lines: int
) -> None:
    assert flash_it(out, name, "--dry-run") == 0
    commands = [line for line in capsys.readouterr().out.splitlines() if not line.startswith("#")]
    assert len(commands) == 1 + lines
    assert commands[-1] == "fastboot -s SERIAL reboot"
    assert board.log == []


def test_without_a_known_partition_one_must_be_named(
    board: Board, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_flash("--board", "g88", "--out", out / "g88") == 1
    assert "name one with PARTITION=" in capsys.readouterr().err
