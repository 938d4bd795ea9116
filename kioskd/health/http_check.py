# SPDX-License-Identifier: Apache-2.0
"""The check of the HTTP server itself: whether its thread had to be begun anew.

Anyone who reads it over HTTP reads it from the new one; a server that is gone shows in the log and
in the status line that the service manager keeps.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from kioskd.health.status import Finding, passed, warned
from kioskd.http.snapshot import HttpSnapshot


@dataclass(frozen=True, slots=True)
class HttpCheck:
    """`source` gives the server's state, None where there is none."""

    name: ClassVar[str] = "http"
    source: Callable[[], HttpSnapshot | None]

    def run(self, _now: float) -> Finding:
        """Warns after a restart of its thread, and where no server answers."""
        http = self.source()
        if http is None:
            return passed("no server is configured")
        observed = f"{http.url or 'not listening'}, {http.connections} connections"
        if http.trouble:
            return warned(observed, "http_down", f"{http.trouble}; tried again every second")
        if http.restarts:
            text = f"its thread was stuck and was restarted, {http.restarts} times; see the log"
            return warned(observed, "http_restarted", text)
        return passed(observed)
