# SPDX-License-Identifier: Apache-2.0
"""A render loop in the time of its test, with a player whose avatar nods."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from typing import cast

from kioskd.metrics import Metrics
from kioskd.playback.player import Player
from kioskd.screen.pictures import PictureDesk
from kioskd.screen.render_loop import RenderLoop
from kioskd.screen.snapshot import RenderSnapshot
from kioskd.screen.stage import Stage
from kioskd.systemd_notify import Watchdog
from splat_gles.rig import Rig, RigParameters


class Nodding:
    """A player whose avatar never stands still."""

    def __init__(self, rig: Rig) -> None:
        self._rig = rig
        self.asked = self.shown = self.lost = self.waiting = 0
        self.visitors: list[tuple[float, float, float]] = []

    def look_at(self, visitor: tuple[float, float, float]) -> None:
        self.visitors.append(visitor)

    def tick(self, now: float, latency_s: float) -> RigParameters:
        self.asked += 1
        self.waiting += 1
        neutral = self._rig.neutral()
        rotations = neutral.rotations.copy()
        rotations[-1] = 0.2 * math.sin(2 * now), 0.1, 0.0
        return RigParameters(neutral.weights, rotations)

    def frame_shown(self, at: float) -> None:
        self.shown += 1
        self.waiting -= 1

    def frames_lost(self) -> None:
        self.lost += self.waiting
        self.waiting = 0


class OwnTime(threading.Event):
    """The test's clock, and the loop's `stop`: to wait for it is to move the clock's hands."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 100.0
        self.over: Callable[[], bool] = lambda: False

    def clock(self) -> float:
        return self.now

    def wait(self, timeout: float | None = None) -> bool:
        self.now += timeout or 0.0
        return self.is_set()

    def is_set(self) -> bool:
        """Asked once a frame, so that nothing runs on after the end."""
        return self.over()


class Performance:
    """A loop on a stage, run in the test's own thread until `enough` says so."""

    def __init__(
        self,
        stage: Stage,
        time: OwnTime | None = None,
        frame_rate: float = 0.0,
        rotate_degrees: int = 0,
    ) -> None:
        rig = Rig(stage.avatar)
        self.stage = stage
        self.time = time or OwnTime()
        self.metrics = Metrics()
        self.player = Nodding(rig)
        self.pictures = PictureDesk()
        self.loop = RenderLoop(
            stage,
            rig,
            cast(Player, self.player),
            self.pictures,
            self.metrics,
            frame_rate=frame_rate,
            panel_latency_s=0.0,
            yaw_degrees=0.0,
            rotate_degrees=rotate_degrees,
            clock=self.time.clock,
        )

    def run(self, enough: Callable[[RenderSnapshot], bool], within_s: float) -> float:
        """Run until then; how long it took. Fails after `within_s`."""
        begin = self.time.now
        self.time.over = lambda: enough(self.loop.snapshot) or self.time.now > begin + within_s
        self.loop.run(self.time, Watchdog({}), lambda: None)
        assert enough(self.loop.snapshot), self.loop.snapshot
        return self.time.now - begin

    def metric(self, name: str) -> float:
        return self.metrics.registry.get_sample_value(name) or 0.0
