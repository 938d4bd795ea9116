# SPDX-License-Identifier: Apache-2.0
"""What a process holds, minute by minute, and whether it is level."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

WARM_UP: Final = 0.2
"""Of the looks, FEWEST at least: buffers and arenas grow until every kind of flood was there."""

FEWEST: Final = 5
"""Looks for the warm-up, and as many after it before anything is called level or not."""

MOST_GROWTH_MB: Final = 8.0
"""Between the first and the last third of what follows: 5 KB a second shows in an hour."""

MOST_DESCRIPTORS: Final = 8
MOST_THREADS: Final = 2
_HEALTH_MB: Final = 20.0
_HEALTH_DESCRIPTORS: Final = 6
"""The kiosk reads its own figures a moment earlier, while it answers."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One look: resident and proportional memory in MB, descriptors, threads, and health's own."""

    minute: float
    rss_mb: float
    pss_mb: float
    descriptors: int
    threads: int
    health_rss_mb: float
    health_descriptors: int


def look(pid: int, minute: float, metric: Callable[[str], float]) -> Sample:
    """Look at a process, and at what it says of itself."""
    folder = Path(f"/proc/{pid}")
    rollup = (folder / "smaps_rollup").read_text("ascii")

    def mb(name: str) -> float:
        found = re.search(rf"^{name}: +(\d+) kB", rollup, re.MULTILINE)
        assert found is not None
        return int(found[1]) / 1000

    return Sample(
        minute,
        mb("Rss"),
        mb("Pss"),
        len(list((folder / "fd").iterdir())),
        len(list((folder / "task").iterdir())),
        metric("process_resident_memory_bytes") / 1e6,
        int(metric("process_open_fds")),
    )


def complaints(samples: Sequence[Sample]) -> list[str]:
    """What is not level, and where health tells something else than /proc, in words."""
    return [*_growth(_warm(samples)), *_contradictions(samples)]


def _warm(samples: Sequence[Sample]) -> Sequence[Sample]:
    """The looks after the warm-up; none where they are too few to judge by."""
    kept = samples[max(FEWEST, int(WARM_UP * len(samples))) :]
    return kept if len(kept) >= FEWEST else ()


def _growth(kept: Sequence[Sample]) -> list[str]:
    told: list[str] = []
    if not kept:
        return told
    third = len(kept) // 3
    first, last = kept[:third], kept[-third:]
    growth = min(each.rss_mb for each in last) - min(each.rss_mb for each in first)
    if growth > MOST_GROWTH_MB:
        told.append(f"memory grew by {growth:.1f} MB, more than {MOST_GROWTH_MB:g}")
    for name, most in (("descriptors", MOST_DESCRIPTORS), ("threads", MOST_THREADS)):
        more = _mean(last, name) - _mean(first, name)
        if more > most:
            told.append(f"{name} grew by {more:.1f}, more than {most}")
    return told


def _contradictions(samples: Sequence[Sample]) -> list[str]:
    told = []
    for each in samples:
        if abs(each.rss_mb - each.health_rss_mb) > _HEALTH_MB:
            told.append(f"health says {each.health_rss_mb:.0f} MB, /proc {each.rss_mb:.0f}")
        if abs(each.descriptors - each.health_descriptors) > _HEALTH_DESCRIPTORS:
            told.append(
                f"health says {each.health_descriptors} descriptors, /proc {each.descriptors}"
            )
    return told


def slope_mb_per_hour(samples: Sequence[Sample]) -> float | None:
    """Of resident memory after the warm-up, by least squares; None where that was too short."""
    kept = _warm(samples)
    if not kept:
        return None
    minutes = np.array([each.minute for each in kept])
    memory = np.array([each.rss_mb for each in kept])
    return float(np.polyfit(minutes, memory, 1)[0] * 60)


def table(samples: Sequence[Sample], most: int = 16) -> str:
    """Some of the looks, the first and the last among them."""
    lines = ["| minute | RSS MB | PSS MB | descriptors | threads |", "|---|---|---|---|---|"]
    places = sorted({round(i) for i in np.linspace(0, len(samples) - 1, min(most, len(samples)))})
    lines += [
        f"| {each.minute:.0f} | {each.rss_mb:.1f} | {each.pss_mb:.1f} | {each.descriptors} "
        f"| {each.threads} |"
        for each in (samples[place] for place in places)
    ]
    return "\n".join(lines) + "\n"


def _mean(samples: Sequence[Sample], name: str) -> float:
    return float(np.mean([getattr(each, name) for each in samples]))
