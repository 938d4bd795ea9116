# SPDX-License-Identifier: Apache-2.0
"""Unexpected exceptions, where what comes from outside is handled.

Such a place catches Exception, reports it here and goes on without what caused it: nothing that
a peer sends may end the daemon. The first of a kind is logged with its traceback; the same one
again only at its second, fourth, eighth time, so that a peer cannot fill the log with it.
"""

from __future__ import annotations

import logging
from typing import Final

logger = logging.getLogger(__name__)

_REMEMBERED: Final = 64


class FaultLog:
    """Remembers which exceptions were reported, by their type and the line that raised them."""

    def __init__(self) -> None:
        self._seen: dict[tuple[str, str, int], int] = {}

    def tell(self, where: str, error: BaseException, code: str = "link_fault") -> None:
        """Log it; `where` says what was being done."""
        trace = error.__traceback__
        while trace is not None and trace.tb_next is not None:
            trace = trace.tb_next
        place = ("", 0) if trace is None else (trace.tb_frame.f_code.co_filename, trace.tb_lineno)
        kind = (type(error).__name__, *place)
        times = self._seen.pop(kind, 0) + 1
        self._seen[kind] = times
        if len(self._seen) > _REMEMBERED:
            del self._seen[next(iter(self._seen))]
        text = "unexpected %s while %s: %.300s"
        if times == 1:
            logger.error(
                text, type(error).__name__, where, error, exc_info=error, extra={"code": code}
            )
        elif times & (times - 1) == 0:
            logger.error(
                text + " (%d times so far, traceback at the first)",
                type(error).__name__,
                where,
                error,
                times,
                extra={"code": code},
            )
