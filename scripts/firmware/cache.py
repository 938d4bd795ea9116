# SPDX-License-Identifier: Apache-2.0
"""Looks after `out/cache`: one build at a time, and nothing old is kept for ever."""

from __future__ import annotations

import fcntl
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from firmware.steps import Progress

KEPT: Final = {"squashfs": 6, "runtime": 3}
"""How many of each are kept, the newest; one of either has 40 and 150 MB."""
TEMPORARY: Final = "building-"
_LEFT_BEHIND_S: Final = 24 * 3600


@contextmanager
def open_cache(out: Path, progress: Progress) -> Iterator[Path]:
    """The cache's folder, for this build alone; another build is waited for.

    What killed builds left behind, and what was not used for long, is removed at the end.
    """
    cache = out / "cache"
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            progress.say(f"waiting for another build in {out}")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield cache
        tidy(cache)


def used(path: Path) -> None:
    """Note that a part of the cache was used now, which keeps it."""
    path.touch()


def tidy(cache: Path) -> None:
    """Remove old parts and leftovers."""
    for name, count in KEPT.items():
        found = [path for path in (cache / name).glob("*") if not path.name.startswith(TEMPORARY)]
        found.sort(key=lambda path: path.stat().st_mtime, reverse=True)
        for path in found[count:]:
            _remove(path)
    for folder in (cache, *(cache / name for name in KEPT)):
        for path in folder.glob(f"{TEMPORARY}*"):
            if time.time() - path.stat().st_mtime > _LEFT_BEHIND_S:
                _remove(path)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()
