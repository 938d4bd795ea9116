# SPDX-License-Identifier: Apache-2.0
"""The governor's steps: which there are on a screen, and which one to begin with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from splat_gles.quality import SCALES


@dataclass(frozen=True, slots=True)
class Step:
    """Internal resolution as a factor of each side, and N, where every Nth refresh is drawn."""

    scale: float
    divisor: int = 1


def ladder(rate: float) -> tuple[Step, ...]:
    """The steps for a screen of `rate` Hz, finest first.

    Half the rate is a step only where it leaves 25 pictures a second. There the resolution rises
    once more: 0.67 at half the rate is still less work than 0.5 at the full one.
    """
    full = tuple(Step(scale) for scale in SCALES)
    return (*full, Step(0.67, 2), Step(0.5, 2)) if rate >= 50.0 else full


def beginning(
    steps: tuple[Step, ...], rate: float, costs: Mapping[float, float], fitting: float
) -> int:
    """The index of the finest step whose measured cost fits; the last one where none does.

    `costs` are seconds of a frame by scale, `fitting` the share of its time that it may take. Where
    a step was not measured before one fits, it is the first: nothing is known then.
    """
    for index, step in enumerate(steps):
        if step.scale not in costs:
            return 0
        if costs[step.scale] * rate / step.divisor <= fitting:
            return index
    return len(steps) - 1
