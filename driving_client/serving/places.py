# SPDX-License-Identifier: Apache-2.0
"""How many connections there may be at once: strangers in all and from each, and this machine.

This machine has places of its own, so that its own users (the operator, probes) are served
while strangers hold all of theirs. Among strangers a place that is only held, by somebody who
owes the head of a request, goes to a newcomer who has fewer: a flood from some addresses then
shares what there is with everybody else, and keeps nobody out.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from driving_client.serving.sources import source_of

CLOSING_S: Final = 5.0
"""What is left to send when a connection is closed must be taken within that time."""
STALLED_S: Final = 20.0
"""A peer that takes nothing of what waits for it is gone."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Connections at once: from other machines, from each of them, and from this machine."""

    strangers: int = 96
    by_source: int = 24
    here: int = 64


@dataclass(slots=True, eq=False)
class Place:
    """One connection; the transport is there once its handshake is over, `owes_head` says more."""

    source: str
    here: bool
    transport: asyncio.Transport | None = None
    owes_head: Callable[[], bool] = lambda: False
    closing_since: float | None = None
    waiting_bytes: int = 0
    waiting_since: float = 0.0

    def held_idle(self) -> bool:
        """Whether nobody loses anything by its end: no request, and no answer under way."""
        if self.transport is None:
            return True
        return self.owes_head() and not self.transport.get_write_buffer_size()

    def overdue(self, now: float) -> bool:
        """Whether the peer has kept what was sent to it waiting for too long."""
        transport = self.transport
        if transport is None:
            return False  # the handshake has a limit of its own
        if transport.is_closing():
            if self.closing_since is None:
                self.closing_since = now
            return now - self.closing_since > CLOSING_S
        waiting = transport.get_write_buffer_size()
        if waiting != self.waiting_bytes or not waiting:
            self.waiting_bytes, self.waiting_since = waiting, now
            return False
        return now - self.waiting_since > STALLED_S


class Places:
    """The connections there are; used by one thread."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._taken: dict[Place, None] = {}  # the oldest first
        self._sources: Counter[str] = Counter()
        self._here = 0

    def __len__(self) -> int:
        return len(self._taken)

    def __iter__(self) -> Iterator[Place]:
        return iter(tuple(self._taken))

    def free(self, *, here: bool) -> bool:
        """Whether one more from this machine, or from any other, finds a free place."""
        if here:
            return self._here < self._limits.here
        return len(self._taken) - self._here < self._limits.strangers

    def room(self, *, here: bool) -> bool:
        """Whether one more can be let in at all: a place is free, or it may be another's."""
        if self.free(here=here):
            return True
        return not here and any(not place.here and place.held_idle() for place in self._taken)

    def crowded(self, address: str) -> bool:
        """Whether this machine, which is another one, has as many places as it may."""
        return self._sources[source_of(address)] >= self._limits.by_source

    def yields_to(self, address: str) -> Place | None:
        """The idle place that a newcomer from another machine may have, with all taken.

        It is the oldest of the source with the most, and at least two more than the newcomer: so
        two machines never take places from each other in turn.
        """
        idle = [place for place in self._taken if not place.here and place.held_idle()]
        most = max(idle, key=lambda place: self._sources[place.source], default=None)
        if most is None or self._sources[most.source] < self._sources[source_of(address)] + 2:
            return None
        return most

    def take(self, address: str, *, here: bool) -> Place | None:
        """A place for this peer, or None where it has as many as it may, or all are taken."""
        if (not here and self.crowded(address)) or not self.free(here=here):
            return None
        place = Place(source_of(address), here)
        self._taken[place] = None
        self._here += here
        self._sources[place.source] += 1
        return place

    def release(self, place: Place) -> bool:
        """Give a place back; False where that has been done already."""
        if place not in self._taken:
            return False
        del self._taken[place]
        self._here -= place.here
        self._sources[place.source] -= 1
        if not self._sources[place.source]:
            del self._sources[place.source]
        return True
