# SPDX-License-Identifier: Apache-2.0
"""What the render loop needs for a stage where it stands now; made anew whenever that moves.

Pace, camera, and what lives in the stage's GL context. On a dark stage there is only a pace.
"""

from __future__ import annotations

from dataclasses import dataclass

from kioskd.screen.frame_cost import CostMeter
from kioskd.screen.pacing import Pacer
from kioskd.screen.screen_watch import ScreenWatch
from kioskd.screen.stage import Stage
from splat_gles import camera as cameras
from splat_gles.gl.pixel_rows import PixelRows


@dataclass(frozen=True, slots=True)
class ScreenWish:
    """What the configuration wants of any screen.

    `frame_rate` is a limit, 0 for as the screen gives; `panel_latency_s` from drawing to light;
    `yaw` turns the avatar, in radians. The picture is turned clockwise by `quarters`, for a panel
    that is mounted on its side.
    """

    frame_rate: float
    panel_latency_s: float
    yaw: float
    quarters: int = 0


class Equipment:
    """Made, used and closed with the stage's context current.

    `asked_rate` is the frames a second that are aimed at, 0 for as the screen gives.
    """

    rows: PixelRows
    camera: cameras.Camera

    def __init__(self, stage: Stage, wish: ScreenWish) -> None:
        self._stage = stage
        self._wish = wish
        self.offscreen = stage.dark or stage.display.driver == "offscreen"
        if self.offscreen:
            self.pacer = Pacer(wish.frame_rate, 0.0, vsync=False, offscreen=True)
            self.asked_rate = self.pacer.rate
        else:
            display = stage.display
            self.pacer = Pacer(
                wish.frame_rate, display.refresh_rate, display.vsync, offscreen=False
            )
            self.asked_rate = wish.frame_rate
        self.panel_latency_s = 0.0 if self.offscreen else wish.panel_latency_s
        if not stage.dark:
            self.cost = CostMeter(self.offscreen)
            self.watch = ScreenWatch(stage.avatar)
            self._fit()

    def resize(self) -> None:
        """The display has another size."""
        self._stage.renderer.resize(self._stage.display.size)
        self.rows.delete()
        self._fit()

    def close(self) -> None:
        """Free what lives in the context, which the stage must still have."""
        if not self._stage.dark:
            self.cost.close()
            self.rows.delete()

    def _fit(self) -> None:
        size = self._stage.display.size
        self.rows = PixelRows(size)
        quarters = self._wish.quarters
        # As people see it, who stand before a panel on its side
        seen = (size[1], size[0]) if quarters % 2 else size
        upright = cameras.on_screen(self._stage.avatar.framing, seen, self._wish.yaw)
        self.camera = cameras.turned_clockwise(upright, quarters)
