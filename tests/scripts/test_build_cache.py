# SPDX-License-Identifier: Apache-2.0
"""A build shares its folders well: the cache with other builds, the deliveries with backups."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import pytest

from firmware.build import replace_deliveries
from firmware.cache import KEPT, TEMPORARY, open_cache, tidy, used
from firmware.steps import Progress

ROOT = Path(__file__).resolve().parents[2]


def aged(path: Path, hours: float) -> Path:
    then = time.time() - hours * 3600
    os.utime(path, (then, then))
    return path


def test_only_what_was_used_last_is_kept(tmp_path: Path) -> None:
    folder = tmp_path / "squashfs"
    folder.mkdir()
    files = [folder / f"{number}.squashfs" for number in range(KEPT["squashfs"] + 3)]
    for number, path in enumerate(files):
        path.touch()
        aged(path, hours=100 - number)
    used(files[0])
    tidy(tmp_path)
    assert set(folder.iterdir()) == {files[0], *files[4:]}


def test_what_killed_builds_left_goes_after_a_day(tmp_path: Path) -> None:
    (tmp_path / "runtime").mkdir()
    old = [tmp_path / f"{TEMPORARY}a", tmp_path / "runtime" / f"{TEMPORARY}b"]
    for path in old:
        (path / "inside").mkdir(parents=True)
        aged(path, hours=25)
    new = tmp_path / f"{TEMPORARY}c"
    new.mkdir()
    tidy(tmp_path)
    assert new.exists()
    assert not any(path.exists() for path in old)


def test_a_second_build_waits_and_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    entered: list[str] = []
    said = ""

    def second() -> None:
        with open_cache(tmp_path, Progress()):
            entered.append("second")

    with open_cache(tmp_path, Progress()) as cache:
        assert cache == tmp_path / "cache"
        other = threading.Thread(target=second)
        other.start()
        until = time.monotonic() + 60
        while f"waiting for another build in {tmp_path}" not in said:
            assert time.monotonic() < until, said
            time.sleep(0.01)
            said += capsys.readouterr().err
        entered.append("first")
    other.join(timeout=60)
    assert entered == ["first", "second"]


def test_new_deliveries_replace_the_old_and_nothing_else(tmp_path: Path) -> None:
    new, target = tmp_path / "new", tmp_path / "out/g88"
    for name in ("kiosk-g88-2.img", "SHA256SUMS", "licences/b"):
        (new / name).parent.mkdir(parents=True, exist_ok=True)
        (new / name).write_text("new")
    for name in ("kiosk-g88-1.img", "SHA256SUMS", "licences/a", "backup.img", "rootfs.img"):
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        (target / name).write_text("old")
    made = replace_deliveries(new, target, "g88")
    assert [path.name for path in made] == ["SHA256SUMS", "kiosk-g88-2.img", "licences"]
    found = {
        path.relative_to(target).as_posix(): path.read_text()
        for path in target.rglob("*")
        if path.is_file()
    }
    assert found == {
        "kiosk-g88-2.img": "new",
        "SHA256SUMS": "new",
        "licences/b": "new",
        "backup.img": "old",
        "rootfs.img": "old",
    }
