# SPDX-License-Identifier: Apache-2.0
"""The state file: which slot is good, which one is on trial, and how often it may still try.

Six lines and their hash, written so that a shell reads them with `sed`. It is replaced whole
by a rename; a file that is damaged all the same counts as missing, and what verifies decides.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final, cast

from driving_client.regular_file import open_regular
from kioskd.durable_files import Files, replace
from kioskd.update.store import Slot, Store

TRIES: Final = 3
_MAX_BYTES: Final = 4096
_FORM: Final = re.compile(
    rb"(format=1\nactive=([ab])\npending=([ab]?)\ntries=(\d)\nfailures=(0|[1-9]\d{0,2})\n)"
    rb"sum=([0-9a-f]{64})\n"
)


@dataclass(frozen=True, slots=True)
class SlotState:
    """`active` is known to be good, `pending` (if any) has `tries` boots left to prove itself.

    `failures` (to 999) counts the images in a row that did not.
    """

    active: Slot
    pending: Slot | None = None
    tries: int = 0
    failures: int = 0

    def to_bytes(self) -> bytes:
        """The file's content."""
        lines = (
            f"format=1\nactive={self.active}\npending={self.pending or ''}\n"
            f"tries={self.tries}\nfailures={self.failures}\n"
        ).encode("ascii")
        return lines + f"sum={hashlib.sha256(lines).hexdigest()}\n".encode("ascii")


def parse_state(content: bytes) -> SlotState | None:
    """The state, None for anything that was not written whole or contradicts itself."""
    found = _FORM.fullmatch(content)
    if found is None or hashlib.sha256(found[1]).hexdigest().encode() != found[6]:
        return None
    active, pending = cast(Slot, found[2].decode()), cast("Slot | None", found[3].decode() or None)
    if pending == active:
        return None
    return SlotState(active, pending, int(found[4]), int(found[5]))


def state_file(store: Store) -> Path:
    """Where it lies."""
    return store.state / "slots"


def read_state(store: Store) -> SlotState | None:
    """The state, None where the file is missing or damaged."""
    try:
        with open_regular(state_file(store)) as file:
            return parse_state(file.read(_MAX_BYTES))
    except OSError:
        return None


def write_state(store: Store, state: SlotState, files: Files) -> None:
    """Replace the file, durably; raises OSError."""
    files.make_folder(store.state)
    replace(files, state_file(store), state.to_bytes())
