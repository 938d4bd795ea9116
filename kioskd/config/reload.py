# SPDX-License-Identifier: Apache-2.0
"""SIGHUP: reads the configuration again; what is wrong changes nothing.

Options marked live in the table apply at once. The others stay as they are until a restart,
which the log says by name; the health answer shows what is in force.

Files are read on a thread of its own: 256 KiB of YAML take three seconds of a fast processor, in
which the link's thread would speak no voice and give no sign of life.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from typing import Final

from kioskd.config import Config, ConfigError, Loaded, load
from kioskd.config.options import Option
from kioskd.config.sections import build, changed, flatten
from kioskd.config.snapshot import ConfigSnapshot

logger = logging.getLogger(__name__)

MOST_TOLD: Final = 20
"""Problems; a file of some other kind may have one in each of 20,000 lines."""

Apply = Callable[[Loaded, frozenset[str]], None]


class LiveConfig:
    """The configuration in force; `apply` is given the new one and the sections that changed.

    Every option of the endpoint is live, and so are the link's settings.
    """

    def __init__(self, loaded: Loaded, path: Path | None, overrides: Sequence[str]) -> None:
        self.loaded = loaded
        self.snapshot = ConfigSnapshot()
        self._path = path
        self._overrides = tuple(overrides)
        self._reading = self._again = False

    @property
    def config(self) -> Config:
        """The options in force."""
        return self.loaded.config

    async def reload(self, apply: Apply) -> None:
        """Read again and apply what can be; the last good configuration stays on any error.

        Asked for while it reads, it reads once more.
        """
        self._again = True
        if self._reading:
            return
        self._reading = True
        try:
            while self._again:
                self._again = False
                read = self._begin_reading()
                await asyncio.wait({read})
                self._take(read, apply)
        finally:
            self._reading = False

    def _begin_reading(self) -> asyncio.Future[Loaded]:
        future: Future[Loaded] = Future()
        future.set_running_or_notify_cancel()

        def read() -> None:
            try:
                future.set_result(load(self._path, self._overrides))
            except Exception as error:  # noqa: BLE001 – raised where the result is taken
                future.set_exception(error)

        # Not a pool's thread, which the end of the process would wait for
        threading.Thread(target=read, name="config", daemon=True).start()
        return asyncio.wrap_future(future)

    def _take(self, read: asyncio.Future[Loaded], apply: Apply) -> None:
        try:
            wanted = read.result()
        except ConfigError as error:
            problems = _first(error.problems)
            self.snapshot = ConfigSnapshot(problems=problems)
            for problem in problems:
                logger.error("%s", problem, extra={"code": "config_invalid"})
            logger.error("the configuration is kept as it was", extra={"code": "config_kept"})
            return
        rows = changed(self.config, wanted.config)
        live = [row for row in rows if row.rule.live]
        after = replace(wanted, config=_with(self.config, wanted.config, live))
        apply(after, frozenset(row.section for row in live))
        self.loaded = after
        logger.info(
            "configuration read again, applied: %s",
            ", ".join(row.key for row in live) or "nothing",
            extra={"code": "config_reloaded"},
        )
        waiting = tuple(row.key for row in rows if not row.rule.live)
        self.snapshot = ConfigSnapshot(waiting=waiting)
        if waiting:
            logger.warning(
                "changed, but only a restart applies it: %s",
                ", ".join(waiting),
                extra={"code": "config_needs_restart"},
            )


def _first(problems: Sequence[str]) -> tuple[str, ...]:
    left_out = len(problems) - MOST_TOLD
    if left_out <= 0:
        return tuple(problems)
    rest = f"… {left_out:,} more problems; `python -m kioskd --check` lists them all"
    return (*problems[:MOST_TOLD], rest)


def _with(before: Config, wanted: Config, rows: Sequence[Option]) -> Config:
    values, new = flatten(before), flatten(wanted)
    values.update({row.key: new[row.key] for row in rows})
    return build(values)
