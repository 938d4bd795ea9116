# SPDX-License-Identifier: Apache-2.0
"""The power goes at every step of a boot and of a rollback; the next boot comes up all the same.

Every command of the scripts that writes or reboots is a step: a wrapper in PATH counts and
ends everything at the n-th. What is found afterwards is tried twice: as it is, and as it was
at the last
completed `sync`, which is what a file system may have kept.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator

import pytest
from hook_stage import Board, Images, digest_of

from kioskd.durable_files import DiskFiles
from kioskd.update.slot_state import SlotState, read_state, write_state

COUNTED = ("cat", "mv", "sync", "systemctl")
"""All that writes, renames, makes durable or reboots."""
WRAPPER = """#!/bin/sh
read -r n <"$KIOSK_STAGE/step"
n=$((n + 1))
echo "$n" >"$KIOSK_STAGE/step"
[ "$n" -ne "$CUT_AT" ] || kill -9 0
PATH=$REAL_PATH
${0##*/} "$@" || exit
[ "${0##*/}" != sync ] || {
    rm -rf "$KIOSK_STAGE/durable"
    cp -a "$KIOSK_STORE/state" "$KIOSK_STAGE/durable"
}
"""


def wrap(board: Board) -> None:
    folder = board.folder / "cut"
    folder.mkdir()
    for name in COUNTED:
        (folder / name).write_text(WRAPPER)
        (folder / name).chmod(0o755)


def run_until(board: Board, step: int, *words: str) -> bool:
    """Run a script until that step; whether it has come to its end before."""
    (board.folder / "step").write_text("0\n")
    environment = board.environment()
    environment |= {
        "CUT_AT": str(step),
        "REAL_PATH": environment["PATH"],
        "PATH": f"{board.folder}/cut:{environment['PATH']}",
    }
    done = subprocess.run(
        board.command(*words),
        env=environment,
        capture_output=True,
        check=False,
        start_new_session=True,
    )
    assert done.returncode in (0, -signal.SIGKILL), done.stderr
    return done.returncode == 0


def aftermaths(board: Board) -> Iterator[str]:
    """The state folder as it is, then as it was at the last sync where that is another."""
    state, kept = board.store.state, board.folder / "kept"
    shutil.rmtree(kept, ignore_errors=True)
    shutil.copytree(state, kept)
    yield "as it is"
    durable = board.folder / "durable"
    if digest_of(durable) != digest_of(kept):
        shutil.rmtree(state)
        shutil.copytree(durable, state)
        yield "as it was at the last sync"


def every_cut(
    board: Board, begin: SlotState, command: tuple[str, ...], check: Callable[[str], None]
) -> int:
    wrap(board)
    write_state(board.store, begin, DiskFiles())
    (board.store.config / "kiosk.yaml").write_text("endpoint: {url: 'ws://127.0.0.1/'}\n")
    untouched = digest_of(board.store.config), digest_of(board.store.slots)
    first = board.folder / "first"
    shutil.copytree(board.store.state, first)
    seen: list[dict[str, bytes]] = []
    for step in range(1, 100):
        shutil.rmtree(board.store.state)
        shutil.copytree(first, board.store.state)
        shutil.rmtree(board.folder / "durable", ignore_errors=True)
        shutil.copytree(first, board.folder / "durable")
        finished = run_until(board, step, *command)
        if finished:
            assert digest_of(board.store.state) == digest_of(board.folder / "durable")
        for name in aftermaths(board):
            found = {path.name: path.read_bytes() for path in board.store.state.glob("slots*")}
            if found in seen:
                continue  # another file differs, by which nothing is decided
            seen.append(found)
            check(f"cut at step {step}, state {name}")
            assert (digest_of(board.store.config), digest_of(board.store.slots)) == untouched
        if finished:
            return step - 1
    pytest.fail("the script does not come to an end")


@pytest.mark.slow("replays power cuts")
def test_a_boot_with_an_image_on_trial(board: Board, images: Images) -> None:
    board.put("a", images.one)
    board.put("b", images.two)

    def check(when: str) -> None:
        state = read_state(board.store)
        assert state in (SlotState("a", "b", 2), SlotState("a", "b", 1)), when
        result = board.run("slots.sh", "choose")
        assert result.stdout == "b\n", when
        after = read_state(board.store)
        assert after is not None
        assert after.tries == state.tries - 1, "a try is never given back"

    assert every_cut(board, SlotState("a", "b", 2), ("slots.sh", "choose"), check) >= 4


@pytest.mark.slow("replays power cuts")
def test_a_boot_whose_image_on_trial_is_bad(
    make_board: Callable[[str], Board], images: Images
) -> None:
    board = make_board("dash")
    board.put("a", images.one)
    board.put("b", images.two[:-1])

    def check(when: str) -> None:
        assert board.run("slots.sh", "choose").stdout == "a\n", when
        assert read_state(board.store) == SlotState("a", failures=1), when

    assert every_cut(board, SlotState("a", "b", 3), ("slots.sh", "choose"), check) >= 8


@pytest.mark.slow("replays power cuts")
def test_a_boot_that_loses_its_good_image(
    make_board: Callable[[str], Board], images: Images
) -> None:
    board = make_board("dash")
    board.put("a", images.one[:-1])
    board.put("b", images.two)

    def check(when: str) -> None:
        assert board.run("slots.sh", "choose").stdout == "b\n", when
        assert read_state(board.store) == SlotState("b"), when

    assert every_cut(board, SlotState("a"), ("slots.sh", "choose"), check) >= 4


@pytest.mark.slow("replays power cuts")
def test_a_rollback(make_board: Callable[[str], Board], images: Images) -> None:
    board = make_board("dash")
    board.put("a", images.one)
    board.put("b", images.two)
    board.store.run.mkdir()
    (board.store.run / "slot").write_text("b\n")
    (board.folder / "property-ActiveState").write_text("failed\n")

    def check(when: str) -> None:
        before = read_state(board.store)
        assert before in (SlotState("a", "b", 2), SlotState("a", failures=1)), when
        assert board.run("slots.sh", "choose").stdout == ("b\n" if before.pending else "a\n"), when

    assert every_cut(board, SlotState("a", "b", 2), ("rollback",), check) >= 8
    assert os.path.exists(board.store.state / "rollback-reboot")  # noqa: PTH110
