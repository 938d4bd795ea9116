# SPDX-License-Identifier: Apache-2.0
"""The checks of the board's temperature and clock; what cannot be read says so."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Final

from kioskd.health.status import Finding, passed, warned
from kioskd.metrics import Metrics

EARLIEST: Final = 1735689600.0
"""2025-01-01: a clock before that has not been set, and no TLS certificate is valid yet."""
_SLACK_S: Final = 86400.0
"""A developer's machine may be behind the one that dated the files."""
SYNCHRONISED: Final = Path("/run/systemd/timesync/synchronized")


@dataclass(frozen=True, slots=True)
class ThermalCheck:
    """The hottest sensor of the board; `tell` is given each reading in °C."""

    name: ClassVar[str] = "thermal"
    limit_c: Callable[[], float]
    zones: Path = Path("/sys/class/thermal")
    tell: Callable[[float], None] | None = None

    def run(self, _now: float) -> Finding:
        """Warns above the limit of the configuration."""
        readings = [_number(path) for path in self.zones.glob("thermal_zone*/temp")]
        degrees = [each / 1000 for each in readings if each is not None]
        if not degrees:
            return passed("no sensor can be read")
        if self.tell is not None:
            self.tell(max(degrees))
        observed = f"{max(degrees):.0f} °C"
        if max(degrees) > self.limit_c():
            text = f"above {self.limit_c():g} °C; give the case more air"
            return warned(observed, "too_hot", text)
        return passed(observed)


@dataclass(frozen=True, slots=True)
class TimeCheck:
    """Whether the wall clock has been set; speech needs none, TLS does.

    `needs_tls` tells whether the endpoint is reached over TLS. A clock before `earliest`
    (seconds since 1970) has not been set: no image was built before.
    """

    name: ClassVar[str] = "time"
    needs_tls: Callable[[], bool] = lambda: False
    wall_clock: Callable[[], float] = time.time
    earliest: float = field(default_factory=lambda: build_time())
    synchronised: Path = SYNCHRONISED
    metrics: Metrics | None = None

    def run(self, _now: float) -> Finding:
        """Warns while the clock is obviously wrong; by another code where TLS waits for it."""
        now = self.wall_clock()
        observed = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now))
        synchronised = self.synchronised.exists()
        if self.metrics is not None:
            self.metrics.time_synced.set(synchronised)
        if now < self.earliest:
            if self.needs_tls():
                text = (
                    "the endpoint's certificate is not valid yet by this clock; the link is "
                    "tried again as soon as the clock is set. Let the board reach a time server"
                )
                return warned(observed, "tls_time_unsynced", text)
            text = "the clock has not been set; let the board reach a time server (NTP)"
            return warned(observed, "clock_not_set", text)
        known = "synchronised" if synchronised else "synchronisation not known"
        return passed(f"{observed}, {known}")


def build_time() -> float:
    """When this code was built into an image, which dates all files; EARLIEST at least."""
    try:
        return max(EARLIEST, Path(__file__).stat().st_mtime - _SLACK_S)
    except OSError:
        return EARLIEST


def _number(path: Path) -> int | None:
    try:
        return int(path.read_text().split()[0], 0)
    except (OSError, ValueError, IndexError):
        return None
