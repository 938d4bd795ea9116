# SPDX-License-Identifier: Apache-2.0
"""The two slots as they are: what each holds, and which state is true where the file is not."""

from __future__ import annotations

from dataclasses import dataclass

from kioskd.update.errors import ImageError
from kioskd.update.image_format import verify
from kioskd.update.manifest import Manifest
from kioskd.update.release import Trust
from kioskd.update.slot_state import SlotState, read_state
from kioskd.update.store import SLOTS, Slot, Store, other


@dataclass(frozen=True, slots=True)
class SlotContent:
    """One slot: a verified image's manifest, or why there is none (`problem`)."""

    slot: Slot
    manifest: Manifest | None
    problem: str = ""


def look_into(store: Store, slot: Slot, trust: Trust) -> SlotContent:
    """Verify one slot's image; never raises for a bad one."""
    if not store.image(slot).exists():
        return SlotContent(slot, None, "empty")
    try:
        return SlotContent(slot, verify(store.image(slot), trust.keys, trust.board))
    except ImageError as error:
        return SlotContent(slot, None, str(error))


def true_state(store: Store, trust: Trust) -> SlotState:
    """The state file's word, unless it is missing or its active slot is not whole.

    Then what verifies is active, a before b: which image is the newer says nothing of
    which one works.
    The hook decides in the same way when it starts the board.
    """
    told = read_state(store)
    order = SLOTS if told is None else (told.active, other(told.active))
    for slot in order:
        if look_into(store, slot, trust).manifest is not None:
            if told is not None and slot == told.active:
                return told
            return SlotState(slot)
    return told or SlotState("a")
