# SPDX-License-Identifier: Apache-2.0
"""What health says about this kiosk as a thing: which host, board, release and slot."""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass

from kioskd import __version__
from kioskd.board_facts import BoardFacts
from kioskd.first_boot.identity import find_identity, known_identity
from kioskd.update.release import read_release
from kioskd.update.store import Store


@dataclass(frozen=True, slots=True)
class About:
    """`version` is the release's where kioskd runs from an image; the rest may be empty."""

    version: str = __version__
    host: str = ""
    serial: str = ""
    board: str = ""
    slot: str = ""


def about(store: Store, board: BoardFacts) -> About:
    """Read once at the start; none of it changes while kioskd runs."""
    identity = None if known_identity(store) else find_identity()
    return About(
        version=read_release(os.environ).get("version", __version__),
        host=socket.gethostname(),
        serial=known_identity(store) or (identity.serial if identity is not None else ""),
        board=board.name,
        slot=store.running() or "",
    )
