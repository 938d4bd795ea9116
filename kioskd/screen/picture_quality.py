# SPDX-License-Identifier: Apache-2.0
"""Lets the governor (`splat_gles.governor`) set how finely the avatar is drawn, and tells of it.

The temperature comes from the health checks on the io thread as one number: reading sensors
takes milliseconds on some boards, which the render loop does not have.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Final

from kioskd.metrics import Metrics
from splat_gles.errors import RenderError
from splat_gles.governor import Governor, GovernorState
from splat_gles.governor_ladder import Step
from splat_gles.quality import RenderQuality
from splat_gles.renderer import Renderer

logger = logging.getLogger(__name__)

LOWER_TIER: Final = 0.5
_TEMPERATURE_EVERY_S: Final = 1.0


class PictureQuality:
    """The governor of a screen of `rate` Hz. For the render loop's thread where not said else.

    `costs` are seconds that frames were measured to take on it, by internal scale, if any.
    """

    def __init__(
        self, rate: float, metrics: Metrics, costs: Mapping[float, float] | None = None
    ) -> None:
        self._governor = Governor(rate, costs=costs)
        self._metrics = metrics
        self._asked: tuple[Renderer, float] | None = None
        self._warmed = 0.0
        self._celsius: float | None = None
        self._tell(self.state)

    @property
    def state(self) -> GovernorState:
        """What the governor does and why."""
        return self._governor.state

    def apply(self, renderer: Renderer) -> Step:
        """Have the next frame drawn as the governor says; with which step.

        A driver that can draw at full resolution only goes on so, with fewer frames in the end.
        """
        step = self.state.step
        if self._asked != (renderer, step.scale):
            self._asked = renderer, step.scale
            try:
                renderer.set_quality(RenderQuality(step.scale))
            except RenderError as error:
                logger.warning("%s", error, extra={"code": "resolution_kept"})
        return step

    def finished(self, now: float, cost_s: float, step: Step) -> None:
        """A frame drawn with `step` was finished at `now` (s, monotonic) and cost that much."""
        before = self.state
        self._metrics.frame_cost.observe(cost_s)
        self._governor.observe(now, cost_s, step)
        if self._celsius is not None and now - self._warmed >= _TEMPERATURE_EVERY_S:
            self._warmed = now
            self._governor.observe_temperature(now, self._celsius)
        if self.state is not before:
            self._tell(before)

    def move(self, rate: float) -> None:
        """Go on at another screen, of `rate` Hz."""
        before = self.state
        self._governor.move(rate)
        self._tell(before)

    def heard_temperature(self, celsius: float) -> None:
        """Any thread: the board's hottest sensor reads so."""
        self._celsius = celsius

    def lower_tier(self, now: float) -> None:
        """From now on never finer than half the resolution: a quarter of the pixels' work."""
        before = self.state
        scales = [step.scale for step in self._governor.steps]
        self._governor.limit(scales.index(LOWER_TIER), now)
        self._tell(before)

    def _tell(self, before: GovernorState) -> None:
        state, metrics = self.state, self._metrics
        metrics.render_scale.set(state.step.scale)
        metrics.render_divisor.set(state.step.divisor)
        metrics.render_load.set(state.load)
        if state.changes != before.changes:
            metrics.quality_changes.labels(reason=state.reason).inc()
