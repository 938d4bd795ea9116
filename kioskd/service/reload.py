# SPDX-License-Identifier: Apache-2.0
"""SIGHUP: reads the configuration again; what is wrong changes nothing.

Options marked live in the table apply at once. The others stay as they are until a restart,
which the log says by name; the health answer shows what is in force.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from pathlib import Path

from kioskd.config import Config, ConfigError, load
from kioskd.config.options import Option
from kioskd.config.sections import build, changed, flatten
from kioskd.health.sources import ConfigSnapshot

logger = logging.getLogger(__name__)

Apply = Callable[[Config, frozenset[str]], None]


class LiveConfig:
    """The configuration in force; `apply` is given the new one and the sections that changed."""

    def __init__(self, config: Config, path: Path | None, overrides: Sequence[str]) -> None:
        self.config = config
        self.snapshot = ConfigSnapshot()
        self._path = path
        self._overrides = tuple(overrides)

    def reload(self, apply: Apply) -> None:
        """Read again and apply what can be; the last good configuration stays on any error."""
        before = self.config
        try:
            wanted = load(self._path, self._overrides).config
            rows = changed(before, wanted)
            live = [row for row in rows if row.rule.live]
            after = _with(before, wanted, live)
            apply(after, frozenset(row.section for row in live))
        except ConfigError as error:
            self.snapshot = ConfigSnapshot(problems=error.problems)
            for problem in error.problems:
                logger.error("%s", problem, extra={"code": "config_invalid"})
            logger.error("the configuration is kept as it was", extra={"code": "config_kept"})
            return
        self.config = after
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


def _with(before: Config, wanted: Config, rows: Sequence[Option]) -> Config:
    values, new = flatten(before), flatten(wanted)
    values.update({row.key: new[row.key] for row in rows})
    return build(values)
