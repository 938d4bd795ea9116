# SPDX-License-Identifier: Apache-2.0
"""Whether the kiosk may be interrupted: the policy asked for, or what is safe in this room.

`auto` lets visitors interrupt only where the kiosk's own voice is cancelled well enough that it
would not interrupt itself. Until that is known, 10 s of speech after the start, it is deaf while it
speaks: for that long nobody can interrupt it, but it never stops by itself, which people would see
more often. Once known it holds over silence.
"""

from __future__ import annotations

from typing import Final

BARGE_IN: Final = "barge_in"
HALF_DUPLEX: Final = "half_duplex"

GOOD_DB: Final = 20.0
POOR_DB: Final = 15.0
"""Echo reduction from which, and down to which, a visitor can be told from what is left."""

UNKNOWN: Final = "echo_unknown"
TOO_LOUD: Final = "echo_too_loud"


class Policy:
    """`in_force` is "barge_in" or "half_duplex"; `fallback` a code for why `auto` is the latter."""

    def __init__(self, asked: str) -> None:
        self._auto = asked not in (BARGE_IN, HALF_DUPLEX)
        self.in_force = HALF_DUPLEX if self._auto else asked
        self.fallback = UNKNOWN if self._auto else None

    def consider(self, echo_db: float | None) -> None:
        """Decide anew, given the echo reduction as `CleanFrame` has it."""
        if not self._auto or echo_db is None:
            return
        if echo_db >= GOOD_DB:
            self.in_force, self.fallback = BARGE_IN, None
        elif echo_db < POOR_DB or self.fallback == UNKNOWN:
            self.in_force, self.fallback = HALF_DUPLEX, TOO_LOUD
