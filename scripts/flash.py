#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the firmware to a board; what `make flash BOARD=...` calls.

Which tool does it stands in board/<name>/board.yaml; `--host` takes ssh instead, for every board
that already runs a Linux. Exit status: 0 done, 1 refused or failed, 130 interrupted.
"""

from __future__ import annotations

import argparse
import shlex
import signal
import sys
from pathlib import Path
from typing import Final

from firmware.boards import Board, load_board
from firmware.errors import FirmwareError
from flashing import fastboot, genio, rkdeveloptool, ssh
from flashing.errors import FlashError
from flashing.job import IMAGE_NAMES, OVERLAY, RESTORE, ROOTFS, Job, check_image
from flashing.partition_table import (
    Partition,
    find_partition,
    parse_listing,
    parse_parameter,
)
from flashing.report import Report

ROOT: Final = Path(__file__).resolve().parent.parent
INTERRUPTED: Final = 130
Steps = list[tuple[str, list[str]]]


def arguments(argv: list[str] | None) -> argparse.Namespace:
    """What the command line asks for."""
    parser = argparse.ArgumentParser(
        description="Write the firmware to a board: check, back up, write, read back, compare, "
        "restart. Nothing is written before a question is answered with yes.",
        epilog="Examples: flash.py --board rk3576 · flash.py --board rk3576 --what rootfs · "
        "flash.py --board s565 --host root@192.168.1.40 · "
        "flash.py --board rk3576 --dry-run --table board/rk3576/fixtures/ppt-rockchip-sdk.txt",
    )
    add = parser.add_argument
    add("--board", required=True, help="the board: the name of its folder under board/")
    add(
        "--what",
        choices=sorted(IMAGE_NAMES),
        default=OVERLAY,
        help="overlay: the kiosk's own partition (default); rootfs: the vendor's root with the "
        "kiosk in it, made by `make rootfs`",
    )
    add("--image", type=Path, metavar="FILE", help="an image other than out/BOARD's")
    add("--restore", type=Path, metavar="FILE", help="write back a backup that was made here")
    add(
        "--partition",
        default="",
        metavar="NAME",
        help="a partition other than the one in board.yaml",
    )
    add("--loader", type=Path, metavar="FILE", help="the vendor's loader (Maskrom, Genio)")
    add("--vendor", type=Path, metavar="FOLDER", help="the vendor's unpacked image (Genio)")
    add(
        "--host",
        default="",
        metavar="USER@ADDRESS",
        help="install over ssh on a running Linux instead of over USB",
    )
    add("--port", type=int, default=22, help="ssh port (default: 22)")
    add(
        "--known-hosts",
        type=Path,
        metavar="FILE",
        help="ssh host keys of the boards (default: ssh's own known_hosts)",
    )
    add(
        "--first-contact",
        action="store_true",
        help="ssh: lay hook and payload over the root, even where a kiosk is",
    )
    add(
        "--allow-downgrade",
        action="store_true",
        help="ssh: install even an image that is not newer than the board's",
    )
    add("--no-restart", action="store_true", help="ssh: do not restart the board")
    add("--out", type=Path, metavar="FOLDER", help="images and backups (default: out/BOARD)")
    add(
        "--wait",
        type=float,
        default=300.0,
        metavar="SECONDS",
        help="seconds to wait for a device (default: 300)",
    )
    add("--no-backup", action="store_true", help="do not keep what the partition holds now")
    add("--yes", action="store_true", help="do not ask before overwriting")
    add("--dry-run", action="store_true", help="print the commands without running them")
    add(
        "--table",
        type=Path,
        metavar="FILE",
        help="with --dry-run: a partition table (ppt's output or a parameter file) to take "
        "sectors from",
    )
    chosen = parser.parse_args(argv)
    if chosen.table and not chosen.dry_run:
        parser.error("--table goes with --dry-run: a real run asks the device")
    return chosen


def main(argv: list[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    chosen = arguments(argv)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    report = Report()
    try:
        board = load_board(chosen.board)
        print(board.describe())
        if not chosen.dry_run:
            check_named(chosen)
        if chosen.host or board.flash.tool == "ssh":
            run_ssh(chosen, board, report)
        else:
            run_usb(chosen, board, report)
    except (FirmwareError, OSError) as error:
        print(f"\nerror: {error}\n{report.state}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"\ninterrupted. {report.state}", file=sys.stderr)
        return INTERRUPTED
    return 0


def check_named(chosen: argparse.Namespace) -> None:
    """Raise FlashError for a file that the command line names and that is not there."""
    for name in ("image", "restore", "loader", "vendor", "known_hosts"):
        path: Path | None = getattr(chosen, name)
        if path is not None and not path.exists():
            raise FlashError(f"{name.upper()}={path} is not there")


def run_usb(chosen: argparse.Namespace, board: Board, report: Report) -> None:
    """Flash over USB with the board's tool, or print what that would run."""
    folder = chosen.out or ROOT / "out" / board.name
    what = RESTORE if chosen.restore else chosen.what
    job = Job(
        board=board,
        what=what,
        image=chosen.restore or chosen.image or folder / IMAGE_NAMES[what],
        folder=folder,
        partition=chosen.partition,
        loader=chosen.loader,
        vendor=chosen.vendor,
        wait_s=chosen.wait,
        backup=not chosen.no_backup,
        confirmed=chosen.yes,
    )
    if chosen.dry_run:
        show(usb_plan(job, chosen.table))
        return
    report.step(f"Checking {job.image}")
    check_image(job, report)
    tools = {"rkdeveloptool": rkdeveloptool, "genio-flash": genio, "fastboot": fastboot}
    tools[board.flash.tool].flash(job, report)
    report.step("Done. " + report.state)
    if what == OVERLAY:
        report.note(
            "The vendor's root must hold the hook once, or nothing starts what was flashed:\n"
            "see board/flash_first_board.md, step 3"
        )


def usb_plan(job: Job, table: Path | None) -> Steps:
    """The commands of a run over USB."""
    if job.board.flash.tool == "genio-flash":
        return genio.plan(job)
    if job.board.flash.tool == "fastboot":
        return fastboot.plan(job)
    partition: Partition | None = None
    if table:
        text = table.read_text(encoding="utf-8", errors="replace")
        known = parse_parameter(text) if "mtdparts=" in text else parse_listing(text)
        partition = find_partition(known, job.partition_names, f"That is what {table} says.")
    return rkdeveloptool.plan(job, partition)


def run_ssh(chosen: argparse.Namespace, board: Board, report: Report) -> None:
    """Install over ssh, or print what that would run."""
    if chosen.restore or chosen.what == ROOTFS:
        raise FlashError(
            "over ssh only the kiosk itself is installed; use USB for whole partitions"
        )
    if not chosen.host:
        raise FlashError(f"{board.name} is installed over ssh: give HOST=root@address")
    folder = chosen.out or ROOT / "out" / board.name
    job = ssh.SshJob(
        board=board,
        host=chosen.host,
        port=chosen.port,
        known_hosts=chosen.known_hosts,
        image=chosen.image or ssh.newest_image(folder, board.name),
        archive=folder / "rootfs-overlay.tar",
        folder=folder,
        first_contact=chosen.first_contact,
        allow_downgrade=chosen.allow_downgrade,
        restart=not chosen.no_restart,
        wait_s=chosen.wait,
        confirmed=chosen.yes,
    )
    if chosen.dry_run:
        show(ssh.plan(job))
        return
    ssh.install(job, report)
    report.step("Done. " + report.state)


def show(steps: Steps) -> None:
    """Print the commands, each below its reason."""
    for reason, argv in steps:
        print(f"# {reason}\n{shlex.join(argv)}")


if __name__ == "__main__":
    sys.exit(main())
