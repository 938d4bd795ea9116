# SPDX-License-Identifier: Apache-2.0
"""The render loop: the main thread, frame by frame, as long as the kiosk lives.

Per frame: events, the player's parameters for the moment when this frame will be seen, pose,
draw, flip. A frame counts as shown when the GPU has finished it. Offscreen the loop waits for
that and then paces itself; with a screen, flip waits for the vertical blank and so sets the
pace, and at most one frame is in the GPU's hands while the next is made. From asking the
player to the end of drawing, measured and smoothed, plus the panel's own delay, is how far
ahead frames are drawn.

What frames cost decides how finely the next are drawn (`picture_quality`), and now and then a few
pixels are looked at (`screen_watch`). An empty or frozen picture is repaired: first by making
display and renderer anew, at the next time also with a quarter of the pixels; when neither has
helped, health says so until the picture is back.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from kioskd.metrics import Metrics
from kioskd.playback.player import Player
from kioskd.screen.frame_cost import CostMeter
from kioskd.screen.pacing import Pacer
from kioskd.screen.picture_quality import LOWER_TIER, PictureQuality
from kioskd.screen.pictures import PictureDesk
from kioskd.screen.screen_watch import ScreenWatch
from kioskd.screen.snapshot import RenderSnapshot
from kioskd.screen.stage import Stage
from kioskd.systemd_notify import Watchdog
from splat_gles import camera as cameras
from splat_gles.errors import RenderError
from splat_gles.gl.buffers import Fence
from splat_gles.gl.pixel_rows import PixelRows
from splat_gles.governor import Step
from splat_gles.rig import Rig

logger = logging.getLogger(__name__)

HEALED_WITHIN_S: Final = 600.0
HEALINGS: Final = 2
"""So often within HEALED_WITHIN_S; people see each as a flash."""
_RATE_WINDOW_S: Final = 2.0
_SMOOTHING: Final = 0.1
_FENCE_TIMEOUT_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class _Frame:
    fence: Fence
    begin: float
    step: Step
    looked_at: bool
    alone_s: float | None


class RenderLoop:
    """Draws what the player says until told to stop; publishes a RenderSnapshot."""

    def __init__(
        self,
        stage: Stage,
        rig: Rig,
        player: Player,
        pictures: PictureDesk,
        metrics: Metrics,
        *,
        frame_rate: float,
        panel_latency_s: float,
        yaw_degrees: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clock = clock
        self._stage = stage
        self._rig = rig
        self._player = player
        self._pictures = pictures
        self._metrics = metrics
        self._yaw = math.radians(yaw_degrees)
        display = stage.display
        self._offscreen = offscreen = display.driver == "offscreen"
        self._panel_latency_s = 0.0 if offscreen else panel_latency_s
        self._pacer = Pacer(frame_rate, display.refresh_rate, display.vsync, offscreen)
        self.quality = PictureQuality(self._pacer.rate, metrics)
        self._drawing_s = 0.02
        self._shown: deque[float] = deque()
        self._drawn: deque[_Frame] = deque()
        self._healed: deque[float] = deque()
        asked = frame_rate or (self._pacer.rate if offscreen else 0.0)
        self.snapshot = RenderSnapshot(asked_rate=asked, quality=self.quality.state)

    def run(
        self, stop: threading.Event, watchdog: Watchdog, first_frame: Callable[[], None]
    ) -> None:
        """Draw until `stop` is set or the window is closed; raises SplatError."""
        self._equip()
        due = self._clock()
        ready = False
        while not stop.is_set():
            events = self._stage.display.pump()
            if events.quit:
                logger.info("the window was closed", extra={"code": "window_closed"})
                return
            if events.size_changed:
                self._stage.renderer.resize(self._stage.display.size)
                self._rows.delete()
                self._look_at_size()
            try:
                self._draw(stop)
                self._collect()
            except RenderError as error:
                if not self._heal(str(error)):
                    raise
            if not ready and self.snapshot.frames:
                ready = True
                first_frame()
            watchdog.feed(self._clock())
            divisor = self.quality.state.step.divisor
            due = self._pacer.next_begin(due, self._clock(), divisor)
            stop.wait(max(due - self._clock(), 0.0))

    def _equip(self) -> None:
        """What belongs to the stage's context, made anew with it."""
        self._cost = CostMeter(self._offscreen)
        self._watch = ScreenWatch(self._stage.avatar)
        self._look_at_size()

    def _look_at_size(self) -> None:
        size = self._stage.display.size
        self._rows = PixelRows(size)
        self._camera = cameras.on_screen(self._stage.avatar.framing, size, self._yaw)

    def _draw(self, stop: threading.Event) -> None:
        alone = self._cost.alone()
        if alone:
            self._collect(everything=True)
        renderer = self._stage.renderer
        begin = self._clock()
        parameters = self._player.tick(begin, self._drawing_s + self._panel_latency_s)
        pose = self._rig.pose(parameters)
        step = self.quality.apply(renderer)
        self._cost.drawing()
        fence = renderer.draw(pose, self._camera)
        self._cost.drawn(self._clock() - begin)
        look = self._watch.due(begin, pose)
        if look:
            self._rows.request()
        if self._pictures.wanted(begin):
            self._pictures.deliver(renderer.read_pixels(), begin)
        alone_s = None
        if alone and fence.signalled(_FENCE_TIMEOUT_S):
            alone_s = self._clock() - begin
        pause = self._pacer.flip_at(begin, step.divisor) - self._clock()
        if pause > 0:
            # Asking sends the commands to the GPU, which works meanwhile
            fence.signalled()
            stop.wait(pause)
        self._stage.display.flip()
        self._drawn.append(_Frame(fence, begin, step, look, alone_s))

    def _collect(self, everything: bool = False) -> None:
        """Take the frames that are finished; with a screen the newest is not waited for."""
        while self._drawn:
            frame = self._drawn[0]
            must_wait = everything or self._offscreen or len(self._drawn) > 1
            if not frame.fence.signalled(_FENCE_TIMEOUT_S if must_wait else 0.0):
                if not must_wait:
                    return
                raise RenderError(
                    f"the GPU has not finished a frame within {_FENCE_TIMEOUT_S:g} s; the driver "
                    f"({self._stage.snapshot.gl}) hangs: restart the kiosk"
                )
            self._drawn.popleft()
            finished = self._clock()
            self._player.frame_shown(finished + self._panel_latency_s)
            whole_s = finished - frame.begin
            self._drawing_s += _SMOOTHING * (whole_s - self._drawing_s)
            cost_s = self._cost.cost(whole_s if self._offscreen else frame.alone_s)
            if cost_s is not None:
                self.quality.finished(finished, cost_s, frame.step)
            self._publish(finished, frame.step)
            if frame.looked_at:
                self._judge()

    def _publish(self, now: float, step: Step) -> None:
        shown, before = self._shown, self.snapshot
        missed = 0
        if shown:
            self._metrics.frame_interval.observe(now - shown[-1])
            missed = self._pacer.missed(now - shown[-1], step.divisor)
            self._metrics.missed_frames.inc(missed)
        self._metrics.frames.inc()
        shown.append(now)
        while shown[-1] - shown[0] > _RATE_WINDOW_S:
            shown.popleft()
        span = shown[-1] - shown[0]
        self.snapshot = RenderSnapshot(
            frames=before.frames + 1,
            last_frame=now,
            fps=(len(shown) - 1) / span if span > 0 else 0.0,
            asked_rate=before.asked_rate,
            missed=before.missed + missed,
            quality=self.quality.state,
            trouble=before.trouble,
        )

    def _judge(self) -> None:
        """See whether the frame looked at shows the avatar, and heal if it does not."""
        trouble = self._watch.judge(self._rows.take())
        if trouble is not None and self._heal(f"the picture is {trouble}"):
            trouble = None
        self.snapshot = replace(self.snapshot, trouble=trouble)

    def _heal(self, what: str) -> bool:
        """Make display and renderer anew; False when that has been tried often enough."""
        now = self._clock()
        while self._healed and now - self._healed[0] > HEALED_WITHIN_S:
            self._healed.popleft()
        if len(self._healed) >= HEALINGS:
            return False
        self._healed.append(now)
        lower = len(self._healed) == HEALINGS
        logger.warning(
            "%s: reopening the display%s",
            what,
            f", with {LOWER_TIER:g} of the resolution" if lower else "",
            extra={"code": "screen_reopened"},
        )
        self._metrics.screen_reopened.inc()
        # Fences, queries and buffers mean nothing to another context
        for frame in self._drawn:
            frame.fence.delete()
        self._drawn.clear()
        self._shown.clear()
        self._cost.close()
        self._rows.delete()
        self._stage.rebuild()
        if lower:
            self.quality.lower_tier(now)
        self._equip()
        return True
