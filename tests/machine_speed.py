# SPDX-License-Identifier: Apache-2.0
"""How slow the machine is just now, for limits that are given in CPU time.

What runs beside a test shares the core's units and caches with it: CPU time then grows as well,
twofold and more. A fixed piece of the same kind of work (a radix sort, small matrices, a loop of
Python) grows with it; limits are for the machine on which that work takes NOMINAL_S.
"""

from __future__ import annotations

import time
from typing import Final

import numpy as np

NOMINAL_S: Final = 0.0005
"""CPU seconds of the work on a core of an AMD EPYC with nothing beside it, estimated from what
speech costs on such a core (3.9 ms a second) and on busy ones."""

_COUNT: Final = 20_000
_KEYS: Final = np.random.default_rng(1).integers(0, 65536, _COUNT).astype(np.uint16)
_POINTS: Final = np.random.default_rng(2).random((_COUNT, 4), np.float32)
_ELSE: Final = np.ones(4_000_000)
"""More than the caches hold: drawing a frame leaves them as little."""


def work_s() -> float:
    """CPU seconds that the fixed work takes this time, with caches full of something else."""
    _ELSE.sum()
    started = time.thread_time()
    order = _KEYS.argsort(kind="stable")
    moved = _POINTS @ np.eye(4, dtype=np.float32)
    moved[order].sum(axis=0)
    sum(number * number for number in range(2_000))
    return time.thread_time() - started


def times_slower(seconds: list[float]) -> float:
    """By how much limits grow, 1 or more, where the work took these times."""
    return max(1.0, float(np.median(seconds)) / NOMINAL_S)


def times_slower_now() -> float:
    """The same, measured here and now."""
    return times_slower([work_s() for _ in range(40)])
