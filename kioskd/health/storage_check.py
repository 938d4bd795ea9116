# SPDX-License-Identifier: Apache-2.0
"""The check of the storage: room, errors, and how worn the flash is, by the board's own words.

Only files that the kernel answers from memory are read, so that a dying flash cannot block
the thread that runs the checks. SD cards tell nothing about their wear.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final

from kioskd.health.status import Finding, Reason, Status, warned
from kioskd.metrics import Metrics

LEAST_FREE: Final = 0.05
WORN_OUT: Final = 9
"""Life time estimate in tenths: from 0x09 on, 80 to 90 % of the life is used (JESD84, JESD220)."""
URGENT: Final = 2
"""End of life by the spare blocks: 2 says that 80 % of them are used, 3 that it is urgent."""
_LIFE: Final = (
    "class/block/mmcblk*/device/life_time",
    "bus/platform/drivers/ufshcd*/*/health_descriptor/life_time_estimation_*",
)
_END_OF_LIFE: Final = (
    "class/block/mmcblk*/device/pre_eol_info",
    "bus/platform/drivers/ufshcd*/*/health_descriptor/eol_info",
)


@dataclass(frozen=True, slots=True)
class StorageCheck:
    """Free space at `folder`, file system errors, wear of eMMC and UFS; metrics of all four."""

    name: ClassVar[str] = "storage"
    folder: Path
    sys: Path = Path("/sys")
    metrics: Metrics | None = None

    def run(self, _now: float) -> Finding:
        """Warns before storage becomes a fault that people notice."""
        try:
            usage = os.statvfs(self.folder)
        except OSError as error:
            text = f"{self.folder} cannot be read: {error.strerror}"
            return warned("unknown", "storage_unreadable", text)
        free = usage.f_bavail / max(usage.f_blocks, 1)
        errors = sum(next(_numbers(path), 0) for path in self.sys.glob("fs/ext4/*/errors_count"))
        life = max(self._all(_LIFE), default=0)
        end = max(self._all(_END_OF_LIFE), default=0)
        self._measure(free, errors, life, end)
        reasons = []
        if free < LEAST_FREE:
            text = f"only {free:.0%} free at {self.folder}; remove old files"
            reasons.append(Reason("storage_full", text))
        if errors:
            text = f"{errors} file system errors; replace the storage"
            reasons.append(Reason("storage_errors", text))
        if life >= WORN_OUT or end >= URGENT:
            text = "the flash is near the end of its life; replace it while it still works"
            reasons.append(Reason("storage_worn", text))
        used = f", at most {10 * min(life, 10)}% of the flash's life used" if life else ""
        observed = f"{free:.0%} free at {self.folder}{used}"
        return Finding(Status.WARN if reasons else Status.PASS, observed, tuple(reasons))

    def _all(self, patterns: tuple[str, ...]) -> Iterator[int]:
        for pattern in patterns:
            for path in self.sys.glob(pattern):
                yield from _numbers(path)

    def _measure(self, free: float, errors: int, life: int, end: int) -> None:
        if self.metrics is None:
            return
        self.metrics.storage_free.set(free)
        self.metrics.storage_errors.set(errors)
        if life:
            self.metrics.storage_life.set(life / 10)
        if end:
            self.metrics.storage_end_of_life.set(end)


def _numbers(path: Path) -> Iterator[int]:
    try:
        words = path.read_text("ascii").split()
        numbers = [int(word, 0) for word in words]
    except (OSError, ValueError):
        return
    yield from numbers
