# SPDX-License-Identifier: Apache-2.0
"""The page that a person sees: on a real terminal of a small panel's size."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import struct
import subprocess
import termios
import time
from pathlib import Path

from hook_stage import BOARD, HOOK, Board

REASON = """config
The configuration is wrong.
error: /etc/kiosk/kiosk.yaml:3: endpoint.urll: unknown key; did you mean url? Every key stands \
in config/README.md
"""
COLUMNS, ROWS = 60, 53
"""Of a panel of 480 by 854 with the kernel's 8 by 16 letters."""


def test_the_page_tells_who_where_why_and_what_to_do(board: Board) -> None:
    board.store.run.mkdir()
    (board.store.run / "reason").write_text(REASON)
    (board.store.run / "version").write_text("1.2.3\n")
    (board.store.state / "identity").write_text("SN-0042\n")
    result = board.run("safe-page", "once")
    assert result.returncode == 0, result.stderr
    assert f"Board    {BOARD}\n" in result.stdout
    assert "Serial   SN-0042\n" in result.stdout
    assert "Version  1.2.3\n" in result.stdout
    assert re.search(
        r"^Address  (\d+\.\d+\.\d+\.\d+|no network|[0-9a-f:]+)$", result.stdout, re.MULTILINE
    )
    assert "127.0.0.1" not in result.stdout
    assert "endpoint.urll: unknown key" in result.stdout
    assert "systemctl restart kioskd" in result.stdout


def test_each_kind_of_trouble_has_its_own_advice(board: Board) -> None:
    board.store.run.mkdir()
    advice = {
        "image": f"kioskctl install kiosk-{BOARD}-VERSION.img",
        "config": "Correct /etc/kiosk/kiosk.yaml",
        "service": "journalctl -u kioskd",
    }
    for kind, words in advice.items():
        (board.store.run / "reason").write_text(f"{kind}\nSomething.\n")
        assert words in board.run("safe-page", "once").stdout
    (board.store.run / "reason").unlink()
    assert advice["service"] in board.run("safe-page", "once").stdout
    (board.store.run / "config-problem").write_text("the stick's kiosk.yaml: no such key\n")
    assert "the stick's kiosk.yaml" in board.run("safe-page", "once").stdout


def test_a_board_without_any_serial_has_one_that_stays(board: Board) -> None:
    first, second = (board.run("safe-page", "once").stdout for _ in range(2))
    assert re.search(r"^Serial   \S{4,}$", first, re.MULTILINE)
    assert first == second


def test_it_fits_the_screen_and_changes_with_its_reason(board: Board) -> None:
    board.store.run.mkdir()
    (board.store.run / "reason").write_text(REASON)
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    # It opens /dev/tty1, where there is one: here a name that does not exist
    script = (HOOK / "safe-page").read_text().replace("/dev/tty1", "/dev/no-tty")
    looked = board.folder / "looked"
    (board.folder / "page").write_text(script.replace("sleep 5", f"touch {looked}; sleep 0.1"))
    page = subprocess.Popen(
        board.command(board.folder / "page"),
        env=board.environment(),
        stdin=follower,
        stdout=follower,
        stderr=subprocess.PIPE,
    )
    try:
        first = seen(leader, "WHAT TO DO", looked)
        (board.store.run / "reason").write_text("image\nNo slot holds an image.\n")
        second = seen(leader, "No slot holds", looked)
    finally:
        page.kill()
        page.wait()
        os.close(leader)
        os.close(follower)
    for text in (first, second):
        lines = text.split("\x1b[2J")[-1].splitlines()
        assert len(lines) < ROWS
        assert max(map(len, lines)) <= COLUMNS, "nothing is broken by the screen's edge"
        assert all(not line or line.startswith("  ") for line in lines), "a margin"
    assert "did you mean url" in " ".join(first.split())
    assert "unknown key" not in second.split("\x1b[2J")[-1]


def seen(terminal: int, words: str, looked: Path) -> str:
    """All that came with those words, once the page rests: it touches `looked` then."""
    text = ""
    until = time.monotonic() + 60
    while words not in text:
        assert time.monotonic() < until, text
        text += os.read(terminal, 65536).decode()
    looked.unlink(missing_ok=True)
    while not looked.exists():
        assert time.monotonic() < until, text
        time.sleep(0.02)
    time.sleep(0.1)  # from one end of the terminal to the other
    os.set_blocking(terminal, False)
    with contextlib.suppress(BlockingIOError):
        text += os.read(terminal, 65536).decode()
    os.set_blocking(terminal, True)
    return text.replace("\r\n", "\n")


SLEEP = """#!/bin/sh
read -r n <"$KIOSK_STAGE/rest"
echo $((n - 1)) >"$KIOSK_STAGE/rest"
[ "$n" -gt 0 ] || kill "$PPID"
"""


def test_after_a_while_the_kiosk_is_let_try_again_ever_more_seldom(board: Board) -> None:
    """With looks every five minutes for every five seconds."""
    board.store.run.mkdir()
    script = (HOOK / "safe-page").read_text().replace("/dev/tty1", "/dev/no-tty")
    script = script.replace("sleep 5\n", "sleep 300\n").replace("waited + 5)", "waited + 300)")
    (board.folder / "page").write_text(script)
    (board.store.run / "reason").write_text(REASON)
    sleep = board.folder / "bin" / "sleep"
    sleep.unlink(missing_ok=True)
    sleep.write_text(SLEEP)
    sleep.chmod(0o755)
    try_again = ["reset-failed kioskd.service", "--no-block start kioskd.service"]
    for wait, following in ((600, 1200), (1200, 2400), (2400, 3600), (3600, 3600)):
        for looks, expected in ((wait // 300 - 1, []), (wait // 300, try_again)):
            (board.folder / "rest").write_text(f"{looks}\n")
            board.run(board.folder / "page")
            assert board.asked() == [f"systemctl {words}" for words in expected]
        assert (board.store.run / "retry").read_text() == f"{following}\n"
