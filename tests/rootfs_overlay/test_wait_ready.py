# SPDX-License-Identifier: Apache-2.0
"""A display and a clock are waited for, at most 15 s, and never required."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from hook_stage import Board

SLEEP = """#!/bin/sh
echo "$1" >>"$KIOSK_STAGE/slept"
[ ! -e "$KIOSK_STAGE/late" ] || mv "$KIOSK_STAGE/late" "$KIOSK_SYS/class/drm/card1-HDMI-A-1"
"""


@pytest.fixture
def waiting(board: Board) -> Board:
    """A board with an image of today, whose sleeping is written down instead."""
    sleep = board.folder / "bin" / "sleep"
    sleep.unlink(missing_ok=True)
    sleep.write_text(SLEEP)
    sleep.chmod(0o755)
    board.variables["KIOSK_SYS"] = str(board.folder / "sys")
    (board.folder / "sys/class/drm").mkdir(parents=True)
    release(board).parent.mkdir(parents=True)
    release(board).write_text("version=1.0\n")
    return board


def release(board: Board) -> Path:
    return board.payload / "usr/share/kiosk/release"


def slept(board: Board) -> int:
    result = board.run("wait-ready")
    assert result.returncode == 0, result.stderr
    path = board.folder / "slept"
    seconds = sum(map(int, path.read_text().split())) if path.exists() else 0
    path.unlink(missing_ok=True)
    return seconds


def test_nothing_is_waited_for_where_all_is_there(waiting: Board) -> None:
    (waiting.folder / "sys/class/drm/card0-DSI-1").mkdir()
    assert slept(waiting) == 0


def test_a_display_that_comes_late(waiting: Board) -> None:
    (waiting.folder / "sys/class/drm/card0").mkdir()  # such as the NPU, which has no connector
    (waiting.folder / "late").mkdir()
    assert slept(waiting) == 1
    assert slept(waiting) == 0


def test_neither_display_nor_clock_is_required(waiting: Board) -> None:
    assert slept(waiting) == 15
    (waiting.folder / "sys/class/drm/card0-DSI-1").mkdir()
    later = time.time() + 86400
    os.utime(release(waiting), (later, later))
    assert slept(waiting) == 15, "a clock that is before the image was made is not set"
