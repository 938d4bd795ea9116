# SPDX-License-Identifier: Apache-2.0
"""Ears that clean nothing and take nobody's turn, for stories about the rest of them."""

from __future__ import annotations

from collections.abc import Sequence

from kioskd.ears.events import EarsEvent
from kioskd.ears.frames import CleanFrame, RawFrame


class PassThrough:
    """A Cleaner that cleans nothing."""

    def clean(self, frame: RawFrame) -> CleanFrame:
        """See Cleaner."""
        return CleanFrame(frame.samples, frame.position, frame.at, False, None, frame.gap)


class NoTurns:
    """Turns of nobody."""

    policy = "half_duplex"
    fallback = None

    def hear(self, _frame: CleanFrame, _recorded: RawFrame) -> Sequence[EarsEvent]:
        """See Turns."""
        return ()
