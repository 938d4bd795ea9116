# SPDX-License-Identifier: Apache-2.0
"""How often one machine may ask: enough for any console and scraper, little for a flood.

One bucket per machine, in a table that cannot grow, and one for all together, against floods
from many. A wrong token costs as much as many right requests, which slows guessing down. This
machine itself is not limited: its users have better ways to disturb.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

from driving_client.serving.sources import source_of

RATE: Final = 20.0
"""Requests a second, in the long run; the console asks once a second."""
BURST: Final = 100.0
"""Requests at once."""
TOGETHER: Final = 100.0
"""Requests a second of all machines, and three seconds' worth at once."""
WRONG_TOKEN_COST: Final = 20.0
MAX_ADDRESSES: Final = 256


class RateLimit:
    """Buckets that fill with RATE up to BURST; used by one thread.

    `together` is the rate of the one bucket that all share.
    """

    def __init__(self, together: float = TOGETHER) -> None:
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._together = together
        self._level, self._since = 3 * together, 0.0

    def wait(self, now: float) -> float:
        """Seconds until any source at all can be served; 0 for at once."""
        grown = self._together * max(now - self._since, 0.0)
        self._level, self._since = min(self._level + grown, 3 * self._together), now
        return max(1.0 - self._level, 0.0) / self._together

    def take(self, address: str, now: float, cost: float = 1.0) -> float:
        """Take `cost` of the address's bucket at `now` (monotonic seconds); 0 when it was there.

        Otherwise nothing is taken, and the answer says in how many seconds it will be.
        """
        key = source_of(address)
        level, since = self._buckets.pop(key, (BURST, now))
        level = min(level + RATE * max(now - since, 0.0), BURST)
        wait_s = max((cost - level) / RATE, self.wait(now))
        if wait_s > 0:
            self._put(key, level, now)
            return wait_s
        self._put(key, level - cost, now)
        self._level -= cost
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
