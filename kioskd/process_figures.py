# SPDX-License-Identifier: Apache-2.0
"""Memory, CPU time and open files of this process, under the names that Prometheus uses.

prometheus_client's own collector needs /proc/stat and gives nothing without it; our unit
hides that file (ProcSubset=pid), so only /proc/self is read here.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

_SELF = Path("/proc/self")


def resident_bytes() -> float:
    """Memory of this process that is in RAM."""
    pages = int((_SELF / "statm").read_text("ascii").split()[1])
    return float(pages * os.sysconf("SC_PAGE_SIZE"))


class ProcessFigures(Collector):
    """Read anew at every request for /metrics."""

    def collect(self) -> Iterator[Metric]:
        """The three figures."""
        times = os.times()
        yield GaugeMetricFamily(
            "process_resident_memory_bytes", "Resident memory in bytes", resident_bytes()
        )
        yield CounterMetricFamily(
            "process_cpu_seconds", "CPU time spent in seconds", times.user + times.system
        )
        yield GaugeMetricFamily(
            "process_open_fds", "Open file descriptors", sum(1 for _ in (_SELF / "fd").iterdir())
        )
