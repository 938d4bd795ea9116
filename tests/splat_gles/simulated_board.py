# SPDX-License-Identifier: Apache-2.0
"""A board in numbers: what a frame costs it, its clock, its heat; hours of it in a second."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass, field

from splat_gles.governor import Governor, GovernorState

POLL_S = 0.1
CLOCKS = (0.3, 0.45, 0.6, 0.75, 0.9, 1.0)
"""Steps of a GPU's clock as shares of the highest."""


@dataclass
class Board:
    """A screen of `rate` Hz and a GPU that needs fixed_s + fragments_s · scale² for a frame.

    `on_demand` is the load in which Linux' simple_ondemand raises the clock (its default is
    0.9, Rockchip and panfrost set 0.4 to 0.45); None for a fixed clock. `heating_c` is how far
    above `ambient_c` full load takes the board in the long run, with a time constant of
    `inertia_s`; from 85 °C on the kernel lowers the clock. `work(t)` scales every frame.
    """

    rate: float = 60.0
    fixed_s: float = 0.002
    fragments_s: float = 0.010
    noise: float = 0.03
    on_demand: float | None = None
    ambient_c: float = 30.0
    heating_c: float = 0.0
    inertia_s: float = 60.0
    work: Callable[[float], float] = lambda _: 1.0
    seed: int = 1

    now: float = 0.0
    clock: float = 1.0
    highest_clock: float = 1.0
    celsius: float = 30.0
    late: list[tuple[float, bool]] = field(default_factory=list)
    states: list[tuple[float, GovernorState]] = field(default_factory=list)

    def load(self, scale: float, divisor: int = 1) -> float:
        """The share of its time that a frame takes on a step, at the highest clock."""
        cost = (self.fixed_s + self.fragments_s * scale**2) * self.work(self.now)
        return cost * self.rate / divisor

    def run(self, governor: Governor, seconds: float) -> None:
        """Draw for `seconds`, with vertical sync and one frame in flight."""
        chance = random.Random(self.seed)
        period, end = 1.0 / self.rate, self.now + seconds
        polled = warmed = self.now
        busy = 0.0
        step = governor.state.step
        self.states.append((self.now, governor.state))
        while self.now < end:
            cost = self.load(step.scale) * period / self.clock
            cost *= max(0.2, chance.gauss(1.0, self.noise))
            interval = max(math.ceil(cost / period - 1e-9), step.divisor) * period
            self.now += interval
            busy += cost
            self.late.append((self.now, interval > 1.5 * step.divisor * period))
            drawn_with, step = step, governor.observe(self.now, cost, step)
            if step != drawn_with:
                self.states.append((self.now, governor.state))
            if self.now - polled >= POLL_S:
                used = busy / (self.now - polled)
                self._warm(used * self.clock, self.now - polled)
                self._scale_clock(used)
                polled, busy = self.now, 0.0
            if self.now - warmed >= 1.0:
                warmed = self.now
                step = governor.observe_temperature(self.now, self.celsius)
                if governor.state.step != self.states[-1][1].step:
                    self.states.append((self.now, governor.state))

    def late_share(self, begin: float, end: float) -> float:
        """The share of frames between two moments that came late."""
        among = [late for at, late in self.late if begin <= at < end]
        return sum(among) / max(1, len(among))

    def changes(self) -> list[tuple[float, int]]:
        """When the step was changed, and by how much (positive is down)."""
        pairs = zip(self.states, self.states[1:], strict=False)
        return [
            (at, after.index - before.index)
            for (_, before), (at, after) in pairs
            if after.index != before.index
        ]

    def _warm(self, used: float, seconds: float) -> None:
        target = self.ambient_c + self.heating_c * min(used, 1.0)
        self.celsius += (target - self.celsius) * min(1.0, seconds / self.inertia_s)
        if self.celsius > 85.0:
            self.highest_clock = max(0.45, self.highest_clock - 0.15)
        elif self.celsius < 82.0:
            self.highest_clock = min(1.0, self.highest_clock + 0.15)

    def _scale_clock(self, used: float) -> None:
        wanted = 1.0
        if self.on_demand is not None:
            if used > self.on_demand:
                wanted = 1.0
            elif used > self.on_demand - 0.05:
                wanted = self.clock
            else:
                least = used * self.clock / (self.on_demand - 0.025)
                wanted = next(clock for clock in CLOCKS if clock >= min(least, 1.0))
        self.clock = min(wanted, self.highest_clock)
