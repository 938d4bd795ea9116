#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Puts the kiosk into a vendor's root image; what `make rootfs BOARD=... BASE=...` calls."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Final

from firmware.boards import load_board
from firmware.errors import FirmwareError
from firmware.inject import inject
from firmware.steps import Progress, exit_status, need_tools
from firmware.vendor_root import wrapping

ROOT: Final = Path(__file__).resolve().parent.parent


def main(argv: list[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    parser = argparse.ArgumentParser(
        description="Copy a vendor's ext4 root image and put hook and payload into the copy, "
        "without root and without mounting. The base is never changed.",
        epilog="Then: make flash BOARD=rk3576 WHAT=rootfs",
    )
    add = parser.add_argument
    add("--board", required=True, help="the board: the name of its folder under board/")
    add("--base", type=Path, required=True, metavar="FILE", help="the vendor's root image (ext4)")
    add(
        "--archive",
        type=Path,
        metavar="FILE",
        help="what goes in (default: out/BOARD/rootfs-overlay.tar)",
    )
    add("--out", type=Path, metavar="FILE", help="the result (default: out/BOARD/rootfs.img)")
    add(
        "--max-bytes",
        type=int,
        metavar="BYTES",
        help="size of the partition it is for; without it, flashing checks that",
    )
    add("--extras", metavar="NAMES", help="not here: what goes in was built by `make overlay`")
    add("--check", action="store_true", help="only check board and files, which needs no tools")
    chosen = parser.parse_args(argv)
    return exit_status(lambda: _make(chosen))


def _make(chosen: argparse.Namespace) -> int:
    board = load_board(chosen.board)
    print(board.describe())
    folder = ROOT / "out" / board.name
    target = chosen.out or folder / "rootfs.img"
    if chosen.extras:
        raise FirmwareError(
            f"EXTRAS={chosen.extras} is for `make overlay BOARD={board.name}`; run that again with "
            "it, then this without"
        )
    if chosen.base == Path():
        raise FirmwareError("BASE= is missing: it names the vendor's root image")
    if not chosen.base.is_file():
        raise FirmwareError(f"{chosen.base} is not there; BASE= names the vendor's root image")
    if target.exists() and target.samefile(chosen.base):
        raise FirmwareError(f"{target} is the base itself, which is never changed; give OUT=")
    wrapping(chosen.base)
    archive = chosen.archive or folder / "rootfs-overlay.tar"
    if not archive.is_file():
        raise FirmwareError(
            f"{archive} is not there; make it with `make overlay BOARD={board.name}`"
        )
    if chosen.check:
        return 0
    need_tools(["debugfs", "e2fsck"])
    done = inject(chosen.base, archive, target, board.name, Progress(), chosen.max_bytes)
    size = target.stat().st_size
    print(
        f"{target}: {size >> 20} MiB, {'updated to' if done.updated else 'with'} kiosk "
        f"{done.version}, {done.files} files, folders and links"
        + (f"; {done.grown >> 20} MiB larger than the base" if done.grown else "")
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
