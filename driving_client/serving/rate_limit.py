# SPDX-License-Identifier: Apache-2.0
"""How often one machine may ask: enough for any console and scraper, little for a flood.

One bucket per machine, in a table that cannot grow. A wrong token costs as much as many right
requests, which slows guessing down. This machine itself is not limited: who is on it has
better ways to disturb.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

from driving_client.serving.sources import source_of

RATE: Final = 20.0
"""Requests a second, in the long run; the console asks once a second."""
BURST: Final = 100.0
"""Requests at once."""
WRONG_TOKEN_COST: Final = 20.0
MAX_ADDRESSES: Final = 256


class RateLimit:
    """Buckets that fill with RATE up to BURST; used by one thread."""

    def __init__(self) -> None:
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, address: str, now: float, cost: float = 1.0) -> float:
        """Take `cost` of the address's bucket at `now` (monotonic seconds); 0 when it was there.

        Otherwise nothing is taken, and the answer says in how many seconds it will be.
        """
        key = source_of(address)
        level, since = self._buckets.pop(key, (BURST, now))
        level = min(level + RATE * max(now - since, 0.0), BURST)
        if level < cost:
            self._put(key, level, now)
            return (cost - level) / RATE
        self._put(key, level - cost, now)
        return 0.0

    def punish(self, address: str, now: float) -> None:
        """Take what a wrong token costs, also where less is left: the bucket is then in debt."""
        key = source_of(address)
        level, since = self._buckets.pop(key, (BURST, now))
        level = min(level + RATE * max(now - since, 0.0), BURST)
        self._put(key, max(level - WRONG_TOKEN_COST, -BURST), now)

    def _put(self, key: str, level: float, now: float) -> None:
        self._buckets[key] = (level, now)
        while len(self._buckets) > MAX_ADDRESSES:
            self._buckets.popitem(last=False)
