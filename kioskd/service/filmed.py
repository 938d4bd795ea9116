# SPDX-License-Identifier: Apache-2.0
"""The daemon's side of `kioskctl avtest`: whether this start is to be one, and who hears of it."""

from __future__ import annotations

import logging

from kioskd.avtest.session import AvTest
from kioskd.benchmark.request import ProgressFile, waiting
from kioskd.update.store import Store

logger = logging.getLogger(__name__)


class AskedTest(AvTest):
    """A test that kioskctl follows by the progress of its request."""

    def __init__(self, latency_ms: float | None, progress: ProgressFile) -> None:
        super().__init__(latency_ms, progress.line)
        self._progress = progress

    def over(self) -> None:
        """Tell whoever asked how it ended."""
        self._progress.end(self.problem)


def avtest_if_asked(store: Store) -> AskedTest | None:
    """Take a waiting request for a test; None where there is none to follow."""
    request = waiting(store)
    if request is None or not request.avtest:
        return None
    try:
        return AskedTest(request.latency_ms, ProgressFile(store, request))
    except OSError as error:
        logger.warning(
            "no avtest: %s cannot be written: %s",
            store.data,
            error.strerror,
            extra={"code": "no_avtest"},
        )
        return None
