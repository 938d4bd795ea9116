# SPDX-License-Identifier: Apache-2.0
"""Decides how finely to draw: measured frame times in, a step of a ladder out.

The ladder lowers the internal resolution and last the frame rate, in an order in which every
step costs the GPU less work per second than the one before, whatever share of a frame is fixed
(vertices, clearing) and whatever grows with its pixels. Only the first step down adds something,
enlarging, and can cost a cheap frame as much as it saves; a cheap frame needs no step. Down is
fast: a quarter of a second of frames over their budget, then straight to the step that is
predicted to fit. Up is slow: one step at a time, when the next one is predicted to fit with room
to spare.

A prediction can be wrong. On boards whose GPU clock follows the load, frames take the same
time on every step, and no measurement tells how much is in reserve; so after a long calm the
next step is tried all the same. A step up that does not last is taken back, and the time
until that step is tried again doubles, up to five minutes. That is what keeps a board at its
limit from swinging between two steps. Once frames take much less than before the attempt that
failed, it was made under a load that has ended, and is forgotten.

Heat lowers the ladder's upper end before the kernel throttles (the RK3576 begins at 85 °C),
a step every ten seconds, and gives it back slowly, with the same doubling. No time is read and
no OpenGL called here: a simulated board runs through hours in a test.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, replace
from statistics import median
from typing import Final

from splat_gles.governor_ladder import Step, beginning, ladder

logger = logging.getLogger(__name__)

LATE: Final = 0.97
"""Share of its time from which a frame counts as late."""
FITTING: Final = 0.85
"""Predicted share at which a step down is deep enough."""
ROOMY: Final = 0.8
"""Predicted share, of nine frames in ten, below which a step up is taken without a trial."""
WELCOME: Final = 0.93
"""Share that 19 frames in 20 after a step up must stay below. Well under LATE: a step that
just fits would be left again at the next noise."""
FAST_S: Final = 0.35
"""Longer than clocks that follow the load need to rise (polled every 50 to 100 ms)."""
SLOW_S: Final = 2.0
LATE_SHARE: Final = 0.15
"""More late frames than that during SLOW_S are too many, though most are in time."""
DECIDE_S: Final = 0.05
WINDOW_S: Final = 3.0
CLIMB_S: Final = 3.0
TRIAL_S: Final = 20.0
AGAIN_S: Final = 40.0
"""The wait after a step up that did not last; doubled with each that follows."""
LONGEST_WAIT_S: Final = 300.0
"""The longest of these waits. A step that lasted as long was right."""
EASED: Final = 0.7
"""Share of the load before a failed step up below which the load has changed since."""
HOT_C: Final = 80.0
COOLER_C: Final = 8.0
HEAT_STEP_S: Final = 10.0
RELEASE_S: Final = 60.0
LONGEST_RELEASE_S: Final = 3600.0


@dataclass(frozen=True, slots=True)
class GovernorState:
    """What the governor does and why, for health and metrics.

    `load` is the median share of the time at hand that frames took lately, 0 before any; `reason`
    why the last change came: "" before any, else overload, late_frames, room, trial, no_room,
    heat or limit.
    """

    index: int
    step: Step
    load: float
    reason: str
    changes: int


class Governor:
    """Holds a frame's cost to 1/`rate` seconds, `rate` being the screen's in Hz.

    `hot_c` is the temperature in °C from which heat lowers the ladder. `costs` are seconds that
    frames were measured to take, by scale: it begins with the finest step that they fit into, so
    that nobody sees it find that out. What is not measured begins finest.
    """

    def __init__(
        self, rate: float, hot_c: float = HOT_C, costs: Mapping[float, float] | None = None
    ) -> None:
        self.steps = ladder(rate)
        self._rate = rate
        self._hot_c = hot_c
        self._loads: deque[tuple[float, float]] = deque()
        self._begun: float | None = None
        self._decided = 0.0
        self._calm_since = 0.0
        self._climbed: dict[int, tuple[float, float]] = {}  # when, and the load before it
        self._welcome = True
        self._waits: dict[int, float] = {}  # of the steps that did not last
        # A failed step up: where it began, the load before it, the step's wait before it
        self._failed: tuple[int, float, float] | None = None
        self._fixed = 0.2
        self._cost_before: tuple[float, float] | None = None
        self._heat_cap = 0
        self._limit = 0
        self._heated_at = float("-inf")
        self._cool_since: float | None = None
        self._released_at: float | None = None
        self._release_wait = RELEASE_S
        index = beginning(self.steps, rate, costs or {}, FITTING)
        self.state = GovernorState(index, self.steps[index], 0.0, "", 0)

    def observe(self, now: float, cost_s: float, step: Step) -> Step:
        """Take note of a frame that was finished at `now` (s, monotonic); the step from now on.

        `cost_s` is what the frame took of GPU or CPU, whichever is longer, without waiting for
        the screen; `step` the one that it was drawn with. Frames still made with another one
        are left out, and so is the first of a new one, which allocates.
        """
        if step != self.state.step:
            return self.state.step
        if self._begun is None:
            self._begun = self._calm_since = now
            return step
        self._loads.append((now, cost_s * self._rate / step.divisor))
        while self._loads[0][0] < now - WINDOW_S:
            self._loads.popleft()
        if now - self._decided >= DECIDE_S:
            self._decided = now
            self._decide(now, now - self._begun)
        return self.state.step

    def observe_temperature(self, now: float, celsius: float) -> Step:
        """Take note of the board's hottest sensor, about once a second; the step from now on."""
        if celsius > self._hot_c - COOLER_C:
            self._cool_since = None
            if celsius >= self._hot_c and now - self._heated_at >= HEAT_STEP_S:
                self._heat(now)
        elif self._heat_cap:
            if self._cool_since is None:
                self._cool_since = now
            if now - self._cool_since >= self._release_wait:
                self._cool_since = self._released_at = now
                self._heat_cap -= 1
        return self.state.step

    def limit(self, index: int, now: float) -> Step:
        """Never draw finer than step `index` from now on; the step from now on."""
        self._limit = index
        self._change(max(self.state.index, index), now, "limit")
        return self.state.step

    def move(self, rate: float) -> Step:
        """Go on at another screen, of `rate` Hz; the step from now on.

        What heat and `limit` forbid stays forbidden; what frames took counts no more.
        """
        self.steps = ladder(rate)
        self._rate = rate
        self._loads.clear()
        self._climbed.clear()
        self._waits.clear()
        self._begun = self._failed = self._cost_before = None
        self._welcome = True
        last = len(self.steps) - 1
        self._heat_cap, self._limit = min(self._heat_cap, last), min(self._limit, last)
        index = min(self.state.index, last)
        self.state = replace(self.state, index=index, step=self.steps[index], load=0.0)
        return self.state.step

    def _heat(self, now: float) -> None:
        released, self._released_at = self._released_at, None
        if released is not None and now - released < 2 * self._release_wait:
            self._release_wait = min(2 * self._release_wait, LONGEST_RELEASE_S)
        self._heated_at = now
        self._heat_cap = min(max(self._heat_cap, self.state.index) + 1, len(self.steps) - 1)
        self._change(max(self.state.index, self._heat_cap), now, "heat")

    def _decide(self, now: float, settled: float) -> None:
        loads = [load for _, load in self._loads]
        recent = [load for at, load in self._loads if at >= now - FAST_S]
        if len(recent) < 2:
            recent = loads[-2:]
        load = median(recent)
        self.state = replace(self.state, load=load)
        if settled < FAST_S or len(recent) < 2:
            return
        self._learn(load)
        index = self.state.index
        if load > LATE:
            self._down(self._fitting(load), now, "overload")
            return
        if settled >= SLOW_S:
            lately = [load for at, load in self._loads if at >= now - SLOW_S]
            if sum(load > LATE for load in lately) > LATE_SHARE * len(lately):
                self._down(min(index + 1, len(self.steps) - 1), now, "late_frames")
                return
        if settled < CLIMB_S:
            return
        if not self._welcome:
            self._welcome = _share(loads, 0.95) <= WELCOME
            if not self._welcome:
                self._down(index + 1, now, "no_room")
                return
        if index <= self._best:
            return
        usual = _share(loads, 0.9)
        if self._failed is not None and self._failed[0] == index:
            _, load, wait = self._failed
            if usual < EASED * load:
                self._waits[index - 1] = wait
                self._failed = None
        roomy = self._predicted(usual, index - 1, -0.2) <= ROOMY
        wait = max(CLIMB_S if roomy else TRIAL_S, self._waits.get(index - 1, 0.0))
        if now - self._calm_since >= wait:
            self._climbed[index - 1] = now, usual
            self._change(index - 1, now, "room" if roomy else "trial")
            self._welcome = False

    @property
    def _best(self) -> int:
        """The finest step that heat and `limit` allow."""
        return max(self._heat_cap, self._limit)

    def _fitting(self, load: float) -> int:
        """The step to go down to: the one from before a climb that failed, else as predicted."""
        index, last = self.state.index, len(self.steps) - 1
        if not self._welcome:
            return index + 1
        fitting = (i for i in range(index + 1, last) if self._predicted(load, i, 0.1) <= FITTING)
        return next(fitting, last)

    def _predicted(self, load: float, index: int, doubt: float) -> float:
        """The load on another step: cost = fixed + fragments, fragments ∝ scale².

        `doubt` is added to the fixed share: it makes a step up dearer, a step down less worth.
        """
        fixed = min(max(self._fixed + doubt, 0.0), 0.95)
        here, there = self.state.step, self.steps[index]
        cost = [fixed + (1 - fixed) * each.scale**2 for each in (here, there)]
        return load * cost[1] / cost[0] * here.divisor / there.divisor

    def _learn(self, load: float) -> None:
        """The fixed share of a full-size frame's cost, from the costs before and after a change."""
        if self._cost_before is None:
            return
        scale, cost = self._cost_before
        self._cost_before = None
        before, after = scale**2, self.state.step.scale**2
        if abs(before - after) < 0.1:
            return
        ratio = load * self.state.step.divisor / cost
        # (fixed + (1 - fixed)·after) / (fixed + (1 - fixed)·before) = ratio, solved for fixed
        slope = 1 - after - ratio * (1 - before)
        share = (ratio * before - after) / slope if abs(slope) > 1e-6 else self._fixed
        # Half the way only: the load may have changed at the same time
        self._fixed = 0.5 * (self._fixed + min(max(share, 0.0), 0.9))

    def _down(self, index: int, now: float, reason: str) -> None:
        self._calm_since = now
        here = self.state.index
        if index == here:
            return
        if here in self._climbed:
            climbed_at, load = self._climbed.pop(here)
            before = self._waits.get(here, 0.0)
            lasted = now - climbed_at >= LONGEST_WAIT_S
            wait = 0.0 if lasted else max(2 * before, AGAIN_S)
            self._waits[here] = min(wait, LONGEST_WAIT_S)
            # Of several attempts amid one load, the first knows the wait from before it
            known = self._failed is not None and self._failed[0] == here + 1
            if self._failed is None or not known or load < EASED * self._failed[1]:
                self._failed = here + 1, load, before
        self._change(index, now, reason)

    def _change(self, index: int, now: float, reason: str) -> None:
        before = self.state
        if index == before.index:
            return
        self.state = GovernorState(
            index, self.steps[index], before.load, reason, before.changes + 1
        )
        cost = before.load * before.step.divisor
        self._cost_before = (before.step.scale, cost) if cost else None
        self._loads.clear()
        self._welcome = True
        self._begun = None
        self._calm_since = now
        logger.info(
            "drawing at %g of the resolution, 1/%d of the rate (%s: frames took %.0f %% of "
            "their time)",
            self.state.step.scale,
            self.state.step.divisor,
            reason,
            100 * before.load,
            extra={"code": "quality_changed"},
        )


def _share(loads: list[float], share: float) -> float:
    """The load that `share` of the frames stay below."""
    return sorted(loads)[int(share * len(loads))]
