# SPDX-License-Identifier: Apache-2.0
"""Looks once a second which screens are connected, so that the render loop need not.

The kernel is read through sysfs, not listened to: a uevent would come a second earlier and needs
a socket of its own. Reading may wait for the kernel while it asks a screen for its sizes, which
takes a slow one a second; hence a worker thread, never the one that draws or the link's.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from kioskd.board_facts import BoardFacts
from splat_gles.display import desktops, named_driver, usable_cards
from splat_gles.drm_cards import DrmCard, choose_card

LOOK_EVERY_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class Sight:
    """The graphics cards as they were at `at` (s, monotonic).

    `card` is the one to draw on, None where none has a connector.
    """

    cards: tuple[DrmCard, ...]
    card: DrmCard | None
    at: float


class Lookout:
    """Publishes the newest `sight`; `drm_drivers` are those of `choose_card`."""

    def __init__(
        self,
        drm_drivers: Sequence[str] = (),
        read_cards: Callable[[], Sequence[DrmCard]] = usable_cards,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._drm_drivers = drm_drivers
        self._read_cards = read_cards
        self._clock = clock
        self.sight = Sight((), None, float("-inf"))

    def look(self) -> Sight:
        """Look now; from any thread."""
        # The time from before reading: what was seen is no newer
        at = self._clock()
        cards = tuple(self._read_cards())
        self.sight = sight = Sight(cards, choose_card(cards, self._drm_drivers), at)
        return sight

    async def keep_looking(self) -> None:
        """Look for ever."""
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            await asyncio.to_thread(self.look)


def lookout_for(driver: str, board: BoardFacts) -> Lookout | None:
    """A lookout where the picture belongs on the machine's own screen, be it connected or not.

    With `auto` that is so on a board where no desktop runs. Another machine draws into a buffer
    when it has no screen, and is content; there only the driver `kmsdrm` means the screen.
    """
    named = named_driver(driver)
    if named == "kmsdrm" or (named == "auto" and board.name and not desktops()):
        return Lookout(board.drm_drivers)
    return None
