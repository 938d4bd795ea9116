# SPDX-License-Identifier: Apache-2.0
"""The checks of the board: storage, temperature, clock; what cannot be read says so.

Only files that the kernel answers from memory are read, so that a dying flash cannot block
the thread that runs the checks.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final

from kioskd.health.status import Finding, Reason, Status, passed, warned

LEAST_FREE: Final = 0.05
WORN_OUT: Final = 9
"""eMMC life time estimate in tenths: from 0x09 on, 80 to 90 % of its life is used (JESD84)."""
EARLIEST: Final = 1735689600.0
"""2025-01-01: a clock before that has not been set, and no TLS certificate is valid yet."""
SYNCHRONISED: Final = Path("/run/systemd/timesync/synchronized")


@dataclass(frozen=True, slots=True)
class StorageCheck:
    """Free space, file system errors, and how worn the flash is."""

    name: ClassVar[str] = "storage"
    folder: Path
    sys: Path = Path("/sys")

    def run(self, _now: float) -> Finding:
        """Warns before storage becomes a fault that people notice."""
        reasons = []
        try:
            usage = os.statvfs(self.folder)
        except OSError as error:
            text = f"{self.folder} cannot be read: {error.strerror}"
            return warned("unknown", "storage_unreadable", text)
        free = usage.f_bavail / max(usage.f_blocks, 1)
        if free < LEAST_FREE:
            text = f"only {free:.0%} free at {self.folder}; remove old files"
            reasons.append(Reason("storage_full", text))
        errors = sum(_number(path) or 0 for path in self.sys.glob("fs/ext4/*/errors_count"))
        if errors:
            text = f"{errors} file system errors; replace the storage"
            reasons.append(Reason("storage_errors", text))
        if any(_worn(path) for path in self.sys.glob("class/block/mmcblk*/device/life_time")):
            reasons.append(Reason("storage_worn", "the flash is near the end of its life"))
        observed = f"{free:.0%} free at {self.folder}"
        return Finding(Status.WARN if reasons else Status.PASS, observed, tuple(reasons))


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
    """Whether the wall clock has been set; speech needs none, TLS does."""

    name: ClassVar[str] = "time"
    wall_clock: Callable[[], float] = time.time

    def run(self, _now: float) -> Finding:
        """Warns while the clock is obviously wrong."""
        now = self.wall_clock()
        observed = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now))
        if now < EARLIEST:
            text = "the clock has not been set; wss:// endpoints refuse until it is (NTP)"
            return warned(observed, "clock_not_set", text)
        synchronised = "synchronised" if SYNCHRONISED.exists() else "synchronisation not known"
        return passed(f"{observed}, {synchronised}")


def _number(path: Path) -> int | None:
    try:
        return int(path.read_text().split()[0], 0)
    except (OSError, ValueError, IndexError):
        return None


def _worn(path: Path) -> bool:
    try:
        return any(int(word, 16) >= WORN_OUT for word in path.read_text().split())
    except (OSError, ValueError):
        return False
