# SPDX-License-Identifier: Apache-2.0
"""Whether kioskd's process stays, for kiosks whose HTTP server is switched off.

Weaker than a health answer, but not weak: the service's watchdog ends a process that stops
drawing, and then this sees another one.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Final

from kioskd.update.trial_watch import Look

_FOLDERS: Final = ("system.slice", "systemd/system.slice")
"""Of control groups version 2, and of version 1 beside them."""


class ServiceProcess:
    """Looks at the first process in the service's control group."""

    def __init__(self, groups: Path = Path("/sys/fs/cgroup"), unit: str = "kioskd.service") -> None:
        self._lists = [groups / folder / unit / "cgroup.procs" for folder in _FOLDERS]
        self._process = 0
        self._since = 0.0

    def look(self) -> Look:
        """The process's state, with the time since which it has been the same one."""
        process = self._first()
        if process != self._process:
            self._process, self._since = process, time.monotonic()
        if not process:
            return Look("kioskd does not run")
        return Look("", time.monotonic() - self._since)

    def _first(self) -> int:
        for path in self._lists:
            try:
                return min(int(word) for word in path.read_text("ascii").split())
            except (OSError, ValueError):
                continue
        return 0
