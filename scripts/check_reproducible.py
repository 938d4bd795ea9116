#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Builds a board's deliveries twice in different circumstances and compares every byte.

The second build has another folder, umask, file times, locale, time zone and hash seed, and
one CPU instead of all. Both start without anything built before; only downloads are shared,
because what is compared is the build, not what a mirror offered an hour later.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from firmware.boards import ROOT, board_names, load_board
from firmware.errors import FirmwareError
from firmware.steps import exit_status
from firmware.version import project_files

DOWNLOADS: Final = ("debs", "wheels", "sources")
_SECOND: Final = {
    "PYTHONHASHSEED": "7",
    "TZ": "Pacific/Auckland",
    "LC_ALL": "C",
    "SOURCE_DATE_EPOCH": "1",
}
_PAST: Final = 1_000_000_000


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    parser = argparse.ArgumentParser(
        description="Build a board's deliveries twice (other folder, umask, file times, time "
        "zone, number of CPUs) and compare them byte by byte. Takes two cold builds' time.",
    )
    parser.add_argument("board", help=f"one of {', '.join(board_names())}")
    parser.add_argument(
        "--out",
        type=Path,
        default=ROOT / "out",
        help="whose downloads and keys are used, and where it works (default: %(default)s)",
    )
    options = parser.parse_args(arguments)
    return exit_status(lambda: _build_twice(options.board, options.out))


def _build_twice(name: str, out: Path) -> int:
    board = load_board(name)
    print(board.describe())
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out, prefix="twice-") as temporary:
        return _compare(board.name, out, Path(temporary))


def _compare(board: str, out: Path, work: Path) -> int:
    first = work / "first"
    _snapshot(first, out)
    second = work / "another" / "place" / "second"
    shutil.copytree(first, second, symlinks=True)
    for number, path in enumerate(sorted(second.rglob("*"))):
        if not path.is_symlink():
            os.utime(path, (_PAST + number, _PAST + number))
    _build(board, first, {}, 0o022, os.sched_getaffinity(0))
    # what the first build fetched, should the cache have been empty
    for path in (first / "out/cache").glob("debs-*.json"):
        shutil.copy2(path, second / "out/cache" / path.name)
    for folder in DOWNLOADS:
        shutil.copytree(
            first / "out/cache" / folder, second / "out/cache" / folder, dirs_exist_ok=True
        )
    _build(board, second, _SECOND, 0o077, {min(os.sched_getaffinity(0))})
    return _report(first / "out" / board, second / "out" / board)


def _snapshot(target: Path, out: Path) -> None:
    """The checkout as it is now, with its history, downloads and keys."""
    for path in project_files(ROOT, "."):
        copy = target / path.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, copy, follow_symlinks=False)
    shutil.copytree(ROOT / ".git", target / ".git", symlinks=True)
    for name in ("keys", *(f"cache/{folder}" for folder in DOWNLOADS)):
        if (out / name).exists():
            shutil.copytree(out / name, target / "out" / name)
    (target / "out/cache").mkdir(parents=True, exist_ok=True)
    for path in (out / "cache").glob("debs-*.json"):
        shutil.copy2(path, target / "out/cache" / path.name)


def _build(
    board: str, checkout: Path, settings: Mapping[str, str], umask: int, cpus: set[int]
) -> None:
    print(f"build in {checkout}, umask {umask:03o}, {len(cpus)} CPU(s)", flush=True)
    began = time.monotonic()
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cpus)
    # the environment's own .pth file names the checkout that it was made for
    own = {"PYTHONPATH": os.pathsep.join((str(checkout), str(checkout / "scripts")))}
    try:
        result = subprocess.run(
            [sys.executable, "scripts/make_overlay.py", board],
            cwd=checkout,
            env=os.environ | own | dict(settings),
            umask=umask,
            check=False,
        )
    finally:
        os.sched_setaffinity(0, before)
    if result.returncode != 0:
        raise FirmwareError(f"the build in {checkout} failed; see above")
    print(f"built in {time.monotonic() - began:.0f} s", flush=True)


def _report(first: Path, second: Path) -> int:
    names = sorted(
        {
            path.relative_to(folder).as_posix()
            for folder in (first, second)
            for path in folder.rglob("*")
            if path.is_file()
        }
    )
    different = [name for name in names if _content(first / name) != _content(second / name)]
    for name in names:
        if "/" not in name:
            print(f"{'DIFFERENT' if name in different else 'identical'}  {name}")
    if different:
        print(f"error: {len(different)} files differ: {', '.join(different)}", file=sys.stderr)
        return 1
    print(f"all {len(names)} files are bit-identical")
    return 0


def _content(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None


if __name__ == "__main__":
    sys.exit(main())
