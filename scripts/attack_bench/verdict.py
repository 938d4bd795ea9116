# SPDX-License-Identifier: Apache-2.0
"""What was measured during one attack, and whether it is within the limits.

Attackers share the cores with the kiosk here, which no server can help. So voices and frames
are compared with the control, in which a core is as busy without a single request: that of the
same kiosk just before, so that a machine that gets slower within the run changes no verdict.
Answers and the watchdog have limits of their own, whatever else runs, and so has the control:
compared with one that hardly speaks, everything would be held.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

LIVEZ_P95_S: Final = 0.5
VOICE_LATE_S: Final = 0.3
"""The latest voice, after the median of the control's of the same kind."""

FRAMES_SHARE: Final = 0.9
"""Of the control's frames a second."""

CONTROL_VOICE_S: Final = 1.0
"""The median of the control's voices at most; with four times the load it took 0.03 and 0.21 s."""

WATCHDOG_S: Final = 2.0
"""The kiosk's watchdog here, a tenth of what its unit has. Beats come twice as often."""

_HEADINGS: Final = (
    "attack", "livez p95 here, there", "latest voice relayed, posted", "control's median",
    "longest without a beat", "frames/s", "control's", "log lines/s", "descriptors", "threads",
    "result",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Measured:
    """One attack. Times in seconds; `before` and `after` are descriptors and threads."""

    attack: str
    here: Sequence[float]
    there: Sequence[float]
    relayed: Sequence[float]
    posted: Sequence[float]
    longest_without_beat: float
    frames_per_s: float
    lines_per_s: float
    before: tuple[int, int]
    after: tuple[int, int]


def broken(told: Measured, control: Measured) -> list[str]:
    """The limits that do not hold, in words; none where all do."""
    faults = [f"already its control: {fault}" for fault in _unusable(control)]
    faults += _whatever_runs(told)
    for kind, voices, usual in (
        ("relayed", told.relayed, control.relayed),
        ("posted", told.posted, control.posted),
    ):
        late = latest(voices) - middle(usual)
        if not late <= VOICE_LATE_S:
            faults.append(f"a {kind} voice is {_ms(late)} late")
    if not told.frames_per_s >= FRAMES_SHARE * control.frames_per_s:
        faults.append(f"{told.frames_per_s:.1f} frames/s where {control.frames_per_s:.1f} can be")
    return faults


def _whatever_runs(told: Measured) -> list[str]:
    faults = []
    for where, times in (("this machine", told.here), ("another machine", told.there)):
        if not p95(times) < LIVEZ_P95_S:
            faults.append(f"livez from {where} takes {_ms(p95(times))}")
    if not told.longest_without_beat < WATCHDOG_S:
        faults.append(f"no beat for {told.longest_without_beat:.2f} s")
    return faults


def _unusable(control: Measured) -> list[str]:
    faults = _whatever_runs(control)
    for kind, voices in (("relayed", control.relayed), ("posted", control.posted)):
        if not middle(voices) <= CONTROL_VOICE_S:
            faults.append(f"a {kind} voice takes {_ms(middle(voices))}")
    if not control.frames_per_s > 0.0:
        faults.append("no frames")
    return faults


def p95(times: Sequence[float]) -> float:
    """The 95th percentile; not a number where nothing was measured, which is within no limit."""
    return sorted(times)[math.ceil(0.95 * len(times)) - 1] if times else math.nan


def middle(times: Sequence[float]) -> float:
    """The median; not a number where nothing was measured."""
    return median(times) if times else math.nan


def latest(times: Sequence[float]) -> float:
    """The longest; not a number where nothing was measured."""
    return max(times, default=math.nan)


def heading() -> str:
    """The table's first two lines."""
    return f"| {' | '.join(_HEADINGS)} |\n{'|---' * len(_HEADINGS)}|"


def row(told: Measured, control: Measured, faults: Sequence[str]) -> str:
    """One line of the table."""
    cells = (
        told.attack,
        f"{_ms(p95(told.here))}, {_ms(p95(told.there))}",
        f"{_ms(latest(told.relayed))}, {_ms(latest(told.posted))}",
        f"{_ms(middle(control.relayed))}, {_ms(middle(control.posted))}",
        f"{told.longest_without_beat:.2f} s",
        f"{told.frames_per_s:.1f}",
        f"{control.frames_per_s:.1f}",
        f"{told.lines_per_s:.1f}",
        f"{told.before[0]} → {told.after[0]}",
        f"{told.before[1]} → {told.after[1]}",
        "; ".join(faults) or "held",
    )
    return f"| {' | '.join(cells)} |"


def _ms(seconds: float) -> str:
    return f"{1000 * seconds:.0f} ms"
