# SPDX-License-Identifier: Apache-2.0
"""The time of day as the token service tells it: a board without a battery does not know.

Such a board comes up in the year of its image or of its last shutdown and may wait minutes for
its time server, if it ever reaches one. The Date of an HTTP answer is exact to a second or two,
which is plenty for the expiry of a token.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

_EARLIEST: Final = datetime(2026, 1, 1, tzinfo=UTC).timestamp()
_LATEST: Final = datetime(2200, 1, 1, tzinfo=UTC).timestamp()
"""A clock outside of these has not been set, wherever it comes from."""


class ServerClock:
    """Unix time by the service's last Date, else by the board's own clock if that can be right."""

    def __init__(
        self,
        wall: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._wall = wall
        self._monotonic = monotonic
        self._ahead_of_monotonic: float | None = None

    @property
    def told(self) -> bool:
        """Whether a service has told the time."""
        return self._ahead_of_monotonic is not None

    def hear(self, date: str | None) -> None:
        """Take the Date header of an answer that has just come; nonsense is ignored."""
        seconds = unix_seconds(date or "")
        if seconds is not None:
            self._ahead_of_monotonic = seconds - self._monotonic()

    def now(self) -> float | None:
        """Unix seconds, None while nobody knows."""
        if self._ahead_of_monotonic is not None:
            return self._ahead_of_monotonic + self._monotonic()
        own = self._wall()
        return own if _EARLIEST <= own <= _LATEST else None


def unix_seconds(http_date: str) -> float | None:
    """An HTTP date as Unix seconds; None for anything else, or an implausible year."""
    try:
        moment = parsedate_to_datetime(http_date)
        seconds = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
    return seconds if _EARLIEST <= seconds <= _LATEST else None
