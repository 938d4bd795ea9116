# SPDX-License-Identifier: Apache-2.0
"""The choice of a slot against a small model, over random histories of a board."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hook_stage import Board, Images
from hypothesis import given, settings
from hypothesis import strategies as st

from kioskd.durable_files import DiskFiles
from kioskd.update.last_result import ACTIVE_DAMAGED, read_result
from kioskd.update.slot_state import SlotState, read_state, state_file, write_state
from kioskd.update.store import Slot, other
from kioskd.update.trial import mark_good

FILES = DiskFiles()


def chosen(board: Board) -> str:
    result = board.run("slots.sh", "choose")
    assert result.returncode == 0, result.stderr
    return result.stdout.strip()


def expected(state: SlotState | None, good: set[Slot]) -> tuple[str, SlotState | None]:
    """What a boot chooses and which state it leaves: the rule, in Python."""
    if state is None:
        first = next((slot for slot in ("a", "b") if slot in good), None)
        return (first, SlotState(first)) if first else ("none", None)
    tried = None
    if state.pending is not None:
        if state.tries:
            tried = state.pending
            state = SlotState(state.active, tried, state.tries - 1, state.failures)
            if tried in good:
                return tried, state
        state = SlotState(state.active, None, 0, state.failures + 1)
    if state.active in good:
        return state.active, state
    last = other(state.active)
    if last in good and last != tried:
        return last, SlotState(last)
    return "none", state


def test_fifos_in_the_place_of_the_state_hold_no_boot_up(board: Board, images: Images) -> None:
    board.put("a", images.one)
    state = state_file(board.store)
    state.parent.mkdir(parents=True, exist_ok=True)
    for name in ("slots", "slots.new"):
        os.mkfifo(state.with_name(name))
    assert chosen(board) == "a"
    assert read_state(board.store) == SlotState("a")


def test_a_new_board_takes_slot_a_and_writes_the_state(board: Board, images: Images) -> None:
    board.put("a", images.one)
    board.put("b", images.two)
    assert chosen(board) == "a"
    assert read_state(board.store) == SlotState("a")
    assert chosen(board) == "a"


def test_an_image_on_trial_gets_three_boots(board: Board, images: Images) -> None:
    board.put("a", images.one)
    board.put("b", images.two)
    write_state(board.store, SlotState("a", "b", 3), FILES)
    assert [chosen(board) for _ in range(5)] == ["b", "b", "b", "a", "a"]
    assert read_state(board.store) == SlotState("a", failures=1)
    result = read_result(board.store)
    assert result is not None
    assert (result.result, result.slot, result.reason) == ("fallback", "a", "tries_used_up")


def test_a_bad_image_on_trial_is_never_started(board: Board, images: Images) -> None:
    board.put("a", images.one)
    board.put("b", images.two[:-1])
    write_state(board.store, SlotState("a", "b", 3), FILES)
    assert chosen(board) == "a"
    assert read_state(board.store) == SlotState("a", failures=1)
    result = read_result(board.store)
    assert result is not None
    assert (result.result, result.reason, result.version) == ("fallback", "not_verified", "1.0")


def test_where_the_good_image_has_gone_bad_the_other_one_runs(board: Board, images: Images) -> None:
    board.put("a", b"")
    board.put("b", images.two)
    write_state(board.store, SlotState("a", failures=2), FILES)
    assert chosen(board) == "b"
    assert read_state(board.store) == SlotState("b")
    result = read_result(board.store)
    assert result is not None
    assert (result.result, result.slot, result.reason) == ("fallback", "b", ACTIVE_DAMAGED)
    board.put("b", b"")
    assert chosen(board) == "none"
    assert read_state(board.store) == SlotState("b"), "nothing is written about nothing"


GOOD = SlotState("b", "a", 2, 1).to_bytes()
DAMAGED = {
    "missing": None,
    "empty": b"",
    "half": GOOD[:40],
    "without its sum": GOOD.rpartition(b"sum=")[0],
    "a changed digit": GOOD.replace(b"tries=2", b"tries=3"),
    "more behind it": GOOD + b"x\n",
    "a line twice": GOOD.replace(b"active=b\n", b"active=b\nactive=b\n"),
    "Windows lines": GOOD.replace(b"\n", b"\r\n"),
    "zeros, as after a power cut": bytes(len(GOOD)),
    "noise": bytes(range(256)) * 4,
    "both the same": SlotState("b", "b", 2, 1).to_bytes(),
    "a newer format": GOOD.replace(b"format=1", b"format=2"),
}


def test_a_damaged_state_is_made_anew_from_what_verifies(board: Board, images: Images) -> None:
    board.put("a", images.one[:-1])
    board.put("b", images.two)
    for name, content in DAMAGED.items():
        state_file(board.store).unlink(missing_ok=True)
        if content is not None:
            state_file(board.store).write_bytes(content)
        assert read_state(board.store) is None, name
        assert chosen(board) == "b", name
        assert read_state(board.store) == SlotState("b"), name


def test_what_cannot_be_counted_is_not_tried(
    make_board: Callable[[str], Board], images: Images
) -> None:
    """A worn-out card that went read-only: the good image, and none on trial, for ever."""
    board = make_board("dash")
    board.put("a", images.one)
    board.put("b", images.two)
    write_state(board.store, SlotState("a", "b", 3), FILES)
    # As root permissions mean nothing: a folder stands where the new state would be written
    (board.store.state / "slots.new").mkdir()
    assert chosen(board) == "a"
    assert read_state(board.store) == SlotState("a", "b", 3)


STEPS = st.lists(
    st.one_of(
        st.just("boot"),
        st.just("boot"),
        st.just("healthy"),
        st.sampled_from(("install a", "install b")),
        st.sampled_from(("spoil a", "spoil b")),
        st.just("damage state"),
    ),
    min_size=3,
    max_size=9,
)


@pytest.mark.parametrize(("shell", "examples"), [("dash", 10), ("busybox", 4)])
def test_any_history_follows_the_model(
    images: Images, make_board: Callable[[str], Board], shell: str, examples: int
) -> None:
    make_board(shell)  # skips where the shell is missing

    @settings(max_examples=examples, deadline=None)
    @given(steps=STEPS)
    def follow(steps: list[str]) -> None:
        folder = Path(tempfile.mkdtemp(prefix="kiosk-history-"))
        try:
            history(Board(folder / "board", images.keys.public.parent, shell), images, steps)
        finally:
            shutil.rmtree(folder)

    follow()


def history(board: Board, images: Images, steps: list[str]) -> None:
    """Walk board and model side by side; installing is refused where `kioskctl` refuses it."""
    board.put("a", images.one)
    good: set[Slot] = {"a"}
    state: SlotState | None = None
    running = ""
    run = board.store.run
    run.mkdir(exist_ok=True)
    for step in [*steps, "boot"]:
        if step == "boot":
            running, state = expected(state, good)
            assert chosen(board) == running, steps
            (run / "slot").write_text(running)
        elif step == "healthy":
            mark_good(board.store, FILES)
            if state is not None and running == state.pending:
                state = SlotState(state.pending)
            elif state is not None and running == state.active:
                state = replace(state, failures=0)
        elif step.startswith("install"):
            slot: Slot = "a" if step.endswith("a") else "b"
            if state is None or slot in (state.active, running):
                continue
            board.put(slot, images.two)
            good.add(slot)
            state = SlotState(state.active, slot, 3, state.failures)
            write_state(board.store, state, FILES)
        elif step.startswith("spoil"):
            spoilt: Slot = "a" if step.endswith("a") else "b"
            board.put(spoilt, images.one[:-1])
            good.discard(spoilt)
        else:
            state_file(board.store).write_bytes(b"damaged")
            state = None
        assert read_state(board.store) == state, (step, steps)
