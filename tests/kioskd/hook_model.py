# SPDX-License-Identifier: Apache-2.0
"""What the hook does when the board starts, said in Python: the tests' measure for its shell."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

from kioskd.durable_files import DiskFiles
from kioskd.update.release import Trust
from kioskd.update.slot_state import SlotState, read_state, write_state
from kioskd.update.slots import look_into
from kioskd.update.store import SLOTS, Slot, Store, other

_SEEN: dict[tuple[str, Trust], bool] = {}
"""Thousands of starts look at the same few images; openssl takes 10 ms for each."""


class _NotSynced(DiskFiles):
    """Thousands of starts in a test need no durable disk."""

    def sync(self, path: Path) -> None:
        """Leave it in memory."""

    def sync_folder(self, path: Path) -> None:
        """Leave it in memory."""


_FILES = _NotSynced()


def choose(store: Store, trust: Trust) -> Slot | None:
    """The slot to start, with the state file written as the hook leaves it."""
    state = read_state(store)
    if state is None:
        whole = [slot for slot in SLOTS if _verifies(store, slot, trust)]
        if whole:
            write_state(store, SlotState(whole[0]), _FILES)
        return whole[0] if whole else None
    if state.pending is not None:
        if state.tries > 0:
            state = replace(state, tries=state.tries - 1)
            write_state(store, state, _FILES)
            if _verifies(store, state.pending, trust):
                return state.pending
        state = replace(state, pending=None, tries=0, failures=min(state.failures + 1, 999))
        write_state(store, state, _FILES)
    if _verifies(store, state.active, trust):
        return state.active
    if _verifies(store, other(state.active), trust):
        write_state(store, SlotState(other(state.active)), _FILES)
        return other(state.active)
    return None


def _verifies(store: Store, slot: Slot, trust: Trust) -> bool:
    try:
        content = store.image(slot).read_bytes()
    except OSError:
        return False
    key = hashlib.sha256(content).hexdigest(), trust
    if key not in _SEEN:
        _SEEN[key] = look_into(store, slot, trust).manifest is not None
    return _SEEN[key]
