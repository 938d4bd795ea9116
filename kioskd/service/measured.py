# SPDX-License-Identifier: Apache-2.0
"""The daemon's side of the benchmark: measuring where that is asked for, and using the result."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Mapping
from dataclasses import replace

from kioskd import systemd_notify
from kioskd.about import about
from kioskd.benchmark.plan import Durations, plan_for
from kioskd.benchmark.request import ProgressFile, waiting
from kioskd.benchmark.result import ResultError, keep, read
from kioskd.benchmark.run import Command, measure, part_command
from kioskd.benchmark.words import in_short
from kioskd.board_facts import read_board_facts
from kioskd.config import Config
from kioskd.durable_files import DiskFiles
from kioskd.screen.snapshot import DisplaySnapshot
from kioskd.systemd_notify import Watchdog
from kioskd.update.store import Store
from splat_gles.avatar import Avatar

logger = logging.getLogger(__name__)


def measure_if_asked(
    config: Config,
    store: Store,
    durations: Durations | None = None,
    command: Command = part_command,
) -> bool:
    """Take a waiting request, measure and keep the result; False where there is none to follow.

    The service manager hears that the service is ready and that it lives. SIGTERM ends it all at
    once: this process has nothing to close yet, and its part's ends with it.
    """
    request = waiting(store)
    if request is None or request.avtest:
        return False
    try:
        progress = ProgressFile(store, request)
    except OSError as error:
        logger.warning(
            "no benchmark: %s cannot be written: %s",
            store.data,
            error.strerror,
            extra={"code": "no_benchmark"},
        )
        return False
    logger.info("measuring this board", extra={"code": "benchmark_begins"})
    systemd_notify.tell_ready("measuring this board: kioskctl bench")
    watchdog = Watchdog({})
    board = read_board_facts(os.environ)
    plan = plan_for(config, board, store.data, request.soak)
    plan = replace(plan, durations=durations or plan.durations)
    result = measure(
        plan,
        about(store, board).version,
        board.name,
        progress.line,
        lambda: watchdog.feed(time.monotonic()),
        command,
    )
    problem = ""
    try:
        keep(DiskFiles(), store.data, result)
    except ResultError as error:
        problem = str(error)
        logger.error("%s", error, extra={"code": "benchmark_not_kept"})
    progress.end(problem)
    logger.info("measured: %s", in_short(result), extra={"code": "benchmark_ends"})
    return True


class Measured:
    """What is kept of the last benchmark, read once; `told` says it in a line for health."""

    def __init__(self, store: Store) -> None:
        self._result = None
        try:
            self._result = read(store.data)
            self.told = "none yet" if self._result is None else in_short(self._result)
        except ResultError as error:
            self.told = str(error)
            logger.warning("%s", error, extra={"code": "benchmark_unusable"})

    def costs(self, display: DisplaySnapshot, avatar: Avatar) -> Mapping[float, float]:
        """Seconds that frames of this avatar take by scale; empty where none were measured."""
        if self._result is None:
            return {}
        size = display.width, display.height
        return self._result.frame_seconds(display.gl, size, avatar.name, avatar.splats)
