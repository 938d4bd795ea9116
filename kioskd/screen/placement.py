# SPDX-License-Identifier: Apache-2.0
"""Decides when the picture has to move: onto a screen that has come, off one that has gone.

What is on a screen stays there until that screen is gone or offers another size; a second one
beside it changes nothing. SDL draws on the card's first connector and does not tell which that
is, so where several screens are connected the loss of any counts: whoever is left is taken.

Without a screen an attempt follows every change that promises one, and is repeated every few
seconds while one is connected that cannot be used, or while the kernel cannot tell; ever more
seldom where failures follow each other and each attempt would be seen. A connector
that flickers moves the picture once in SETTLE_S at most.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from kioskd.screen.lookout import Sight
from kioskd.screen.snapshot import ScreenProblem
from splat_gles.drm_access import obstacle
from splat_gles.drm_cards import DrmCard

SETTLE_S: Final = 1.5
RETRY_S: Final = 4.0
RETRY_AT_MOST_S: Final = 300.0
_SPARE: Final = 10.0
"""An attempt that takes long, as on an emulated board, is repeated after so many times as long."""


def problem_of(card: DrmCard | None) -> ScreenProblem | None:
    """Why an attempt on this card is of no use; None where it may be."""
    if card is None:
        return "no_graphics_card"
    return None if card.promising else "no_screen_connected"


def problem_after_failure(card: DrmCard | None) -> ScreenProblem:
    """Why drawing on this card has just failed, as it is since; only while no display is open."""
    useless = problem_of(card)
    if card is None or useless is not None:
        return useless or "no_graphics_card"
    hindered = obstacle(card.index)
    if hindered is not None:
        return "screen_forbidden" if hindered == "forbidden" else "screen_busy"
    if not card.connected:
        return "no_screen_connected"
    # The kernel has just been made to ask the screens for their sizes
    return "screen_failed" if any(each.modes for each in card.connected) else "screen_without_modes"


@dataclass(frozen=True, slots=True)
class Placement:
    """Where the picture is since `at` (s, monotonic), and what was to be seen of screens then.

    `took_s` is how long it took to bring it there, `problem` why it is on no screen. The more
    `failures` have followed each other, the longer the next attempt waits.
    """

    problem: ScreenProblem | None
    seen: DrmCard | None
    at: float
    took_s: float
    failures: int = 0

    def is_outdated(self, sight: Sight, now: float) -> bool:
        """Whether the picture has to be placed anew."""
        if sight.at <= self.at or now - self.at < max(SETTLE_S, self.took_s):
            return False
        if self.problem is None:
            return self._lost(sight.cards)
        useless = problem_of(sight.card)
        if useless is not None:
            return useless != self.problem
        patience = min(RETRY_S * 2 ** max(0, self.failures - 1), RETRY_AT_MOST_S)
        return sight.card != self.seen or now - self.at >= max(patience, _SPARE * self.took_s)

    def _lost(self, cards: Sequence[DrmCard]) -> bool:
        seen = self.seen
        now = next((card for card in cards if seen is not None and card.index == seen.index), None)
        if seen is None or now is None:
            return True
        offered = {each.name: each.modes[:1] for each in now.connected}
        return any(
            each.name not in offered or (offered[each.name] or each.modes[:1]) != each.modes[:1]
            for each in seen.connected
        )
