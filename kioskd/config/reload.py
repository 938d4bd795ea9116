# SPDX-License-Identifier: Apache-2.0
"""SIGHUP: reads the configuration again; what is wrong changes nothing.

Options marked live in the table apply at once. The others stay as they are until a restart,
which the log says by name; the health answer shows what is in force. Secrets and certificates are
taken anew at each reload, and without one soon after their files have changed
(`kioskd.config.renewal`).

Files are read on a thread of its own: 256 KiB of YAML take three seconds of a fast processor, in
which the link's thread would speak no voice and give no sign of life, and a medium may hang.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, TypeVar

from driving_client.faults import FaultLog
from kioskd.config import Config, ConfigError, Loaded, load
from kioskd.config.accepted import keep_accepted, read_accepted
from kioskd.config.options import Option
from kioskd.config.renewal import LOOK_EVERY_S, Fingerprint, Renewal, fingerprint, renew
from kioskd.config.snapshot import ConfigSnapshot
from kioskd.config.table import build, changed, flatten

logger = logging.getLogger(__name__)

MOST_TOLD: Final = 20
"""Problems; a file of some other kind may have one in each of 20,000 lines."""

T = TypeVar("T")
Apply = Callable[[Loaded, frozenset[str]], None]


@dataclass(frozen=True, slots=True)
class _Read:
    """What one reading of all files has brought: `rows` differ, or there are `problems`."""

    renewal: Renewal
    rows: Sequence[Option] = ()
    problems: Sequence[str] = ()


class LiveConfig:
    """The configuration in force; `apply` is given the new one and the sections that changed.

    Every option of the endpoint is live, and so are the link's settings. `wall_clock` gives
    seconds since 1970. `state`: the folder that remembers what was accepted.
    """

    def __init__(
        self,
        loaded: Loaded,
        path: Path | None,
        overrides: Sequence[str],
        wall_clock: Callable[[], float] = time.time,
        state: Path | None = None,
    ) -> None:
        self.loaded = loaded
        self.snapshot = ConfigSnapshot(warnings=_told(loaded))
        self._path = path
        self._overrides = tuple(overrides)
        self._wall_clock = wall_clock
        self._state = state
        self._reading = self._again = False
        self._busy = asyncio.Lock()
        self._seen: Fingerprint | None = None
        self._taken: Fingerprint | None = None

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
                async with self._busy:
                    self._again = False
                    self._take(await _on_a_thread(self._read), apply)
        finally:
            self._reading = False

    async def keep_renewing(self, apply: Apply) -> None:
        """Until cancelled: take secrets and certificates whose files have changed."""
        faults = FaultLog()
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            try:
                await self.look(apply)
            except Exception as error:  # noqa: BLE001 – logged with its traceback
                faults.tell("looking for renewed files", error, "renewal_fault")

    async def look(self, apply: Apply) -> None:
        """One look at the files; what has changed and has settled since the last is taken."""
        async with self._busy:
            config = self.config
            before, self._seen = self._seen, await _on_a_thread(lambda: fingerprint(config))
            # What was refused is tried each time: a right or a clock may mend it as well
            if self._seen == before and (before != self._taken or self.snapshot.refused):
                renewal = await _on_a_thread(lambda: renew(self.loaded, self._wall_clock))
                self._taken = before
                self._renew(renewal, apply)

    def _read(self) -> _Read:
        try:
            wanted = load(self._path, self._overrides, accepted=read_accepted(self._state))
        except ConfigError as error:
            return _Read(renew(self.loaded, self._wall_clock), problems=error.problems)
        keep_accepted(self._state, wanted.accepted)
        rows = changed(self.config, wanted.config)
        live = [row for row in rows if row.rule.live]
        # With the secrets in force: files that wait for a restart must not bring theirs already
        after = replace(
            wanted,
            config=_with(self.config, wanted.config, live),
            secrets=self.loaded.secrets,
        )
        return _Read(renew(after, self._wall_clock), rows)

    def _take(self, read: _Read, apply: Apply) -> None:
        if read.problems:
            problems = _first(read.problems)
            self.snapshot = replace(self.snapshot, problems=problems, waiting=())
            for problem in problems:
                logger.error("%s", problem, extra={"code": "config_invalid"})
            logger.error("the configuration is kept as it was", extra={"code": "config_kept"})
            self._renew(read.renewal, apply)
            return
        live = [row for row in read.rows if row.rule.live]
        waiting = tuple(row.key for row in read.rows if not row.rule.live)
        warnings = _told(read.renewal.loaded)
        self.snapshot = replace(self.snapshot, problems=(), waiting=waiting, warnings=warnings)
        apply(read.renewal.loaded, frozenset(row.section for row in live))
        self.loaded = read.renewal.loaded
        self._renew(read.renewal, apply)
        logger.info(
            "configuration read again, applied: %s",
            ", ".join(dict.fromkeys([*(row.key for row in live), *read.renewal.renewed]))
            or "nothing",
            extra={"code": "config_reloaded"},
        )
        if waiting:
            logger.warning(
                "changed, but only a restart applies it: %s",
                ", ".join(waiting),
                extra={"code": "config_needs_restart"},
            )

    def _renew(self, renewal: Renewal, apply: Apply) -> None:
        if renewal.loaded is not self.loaded:
            apply(renewal.loaded, frozenset())
            self.loaded = renewal.loaded
        if renewal.renewed:
            logger.info(
                "renewed files are in use: %s",
                ", ".join(renewal.renewed),
                extra={"code": "secrets_renewed"},
            )
        for refused in renewal.refused:
            if refused not in self.snapshot.refused:
                logger.error("%s", refused, extra={"code": "renewal_refused"})
        self.snapshot = replace(self.snapshot, refused=renewal.refused)


async def _on_a_thread(function: Callable[[], T]) -> T:
    """Not a pool's thread, which the end of the process would wait for."""
    future: Future[T] = Future()
    future.set_running_or_notify_cancel()

    def run() -> None:
        try:
            future.set_result(function())
        except Exception as error:  # noqa: BLE001 – raised where the result is taken
            future.set_exception(error)

    threading.Thread(target=run, name="config", daemon=True).start()
    return await asyncio.wrap_future(future)


def _told(loaded: Loaded) -> tuple[str, ...]:
    """What health is to say of its warnings; the log says it here."""
    warnings = _first(loaded.warnings)
    for warning in warnings:
        logger.warning("%s", warning, extra={"code": "config_warning"})
    return warnings


def _first(lines: Sequence[str]) -> tuple[str, ...]:
    left_out = len(lines) - MOST_TOLD
    if left_out <= 0:
        return tuple(lines)
    rest = f"… {left_out:,} more problems; `python -m kioskd --check` lists them all"
    return (*lines[:MOST_TOLD], rest)


def _with(before: Config, wanted: Config, rows: Sequence[Option]) -> Config:
    values, new = flatten(before), flatten(wanted)
    values.update({row.key: new[row.key] for row in rows})
    return build(values)
