# SPDX-License-Identifier: Apache-2.0
"""What the echo tells about the loudspeaker: how late it is, and whether it sounds at all.

The ears' thread writes it and outlives no fault with it: whoever cleans next goes on from what is
known here. Others read an immutable value.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import replace
from statistics import median
from typing import Final

from kioskd.ears.snapshot import EchoPathSnapshot

_MEASUREMENTS: Final = 9
"""The delay is the middle one of so many seconds of own voice."""

_SURE: Final = 3
"""So many are needed before it is told."""

_SILENT: Final = 10
"""Seconds of own voice without an echo, after which the loudspeaker is silent."""


class EchoPath:
    """From the sound card to the microphone; `heard` and `unheard` are the ears' thread's."""

    def __init__(
        self,
        loop_s: float | None = None,
        microphone_s: float = 0.0,
        listener: Callable[[EchoPathSnapshot], None] = lambda _snapshot: None,
    ) -> None:
        """`loop_s`: the loop's delay as it was known before; `microphone_s`: the microphone's part.

        The `listener` is told each second of own voice, on the ears' thread.
        """
        self._microphone_s = microphone_s
        self._listener = listener
        self._known_s = loop_s
        self._measured: deque[float] = deque(maxlen=_MEASUREMENTS)
        self._in_vain = 0
        self._snapshot = EchoPathSnapshot(self._delay_s())

    @property
    def loop_s(self) -> float | None:
        """The delay from the card to the microphone, None where it was never measured."""
        return self._known_s

    def snapshot(self) -> EchoPathSnapshot:
        """The newest one; may be called from any thread."""
        return self._snapshot

    def heard(self, loop_s: float, level_db: float) -> None:
        """A second of own voice came back so late, and was recorded so loud."""
        self._measured.append(loop_s)
        self._in_vain = 0
        self._snapshot = replace(
            self._snapshot,
            heard_s=self._snapshot.heard_s + 1,
            level_db=level_db,
            silent=False,
        )
        if len(self._measured) >= _SURE:
            self._known_s = median(self._measured)
            self._snapshot = replace(self._snapshot, delay_s=self._delay_s())
        self._listener(self._snapshot)

    def unheard(self) -> None:
        """A second of own voice did not come back."""
        self._in_vain += 1
        silent = self._in_vain >= _SILENT
        if silent:
            # Whoever mends it may put another loudspeaker there
            self._measured.clear()
        self._snapshot = replace(
            self._snapshot, unheard_s=self._snapshot.unheard_s + 1, silent=silent
        )
        self._listener(self._snapshot)

    def _delay_s(self) -> float | None:
        return None if self._known_s is None else max(self._known_s - self._microphone_s, 0.0)
