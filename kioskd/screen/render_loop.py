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
helped, health says so until the picture is back. On a board's own screen, a picture that stays
empty and a context that is lost again and again are given up for a while: the stage then shows a
still picture, and the loop goes on in the dark.

Where screens come and go, the stage moves between frames, and all that belongs to its context is
made anew; player, governor and the count of frames go on. On a dark stage the loop keeps time: it
asks the player as ever, so that speech begins and ends, and draws nothing.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from kioskd.metrics import Metrics
from kioskd.playback.player import Player
from kioskd.screen.equipment import Equipment, ScreenWish
from kioskd.screen.overlay import Overlay
from kioskd.screen.picture_quality import LOWER_TIER, PictureQuality
from kioskd.screen.pictures import PictureDesk
from kioskd.screen.snapshot import RenderSnapshot
from kioskd.screen.stage import Stage
from kioskd.systemd_notify import Watchdog
from splat_gles.errors import RenderError
from splat_gles.gl.buffers import Fence
from splat_gles.governor_ladder import Step
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
    """Draws what the player says until told to stop; publishes a RenderSnapshot.

    `costs` are those of `PictureQuality` for the stage as it stands. `overlay` lies over the avatar
    in all that is shown, but not in what `screen_watch` looks at.
    """

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
        rotate_degrees: int = 0,
        costs: Mapping[float, float] | None = None,
        overlay: Overlay | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clock = clock
        self._stage = stage
        stage.alive = self._be_alive
        self._rig = rig
        self._player = player
        self._overlay = overlay or Overlay()
        self._pictures = pictures
        self._metrics = metrics
        self._wish = ScreenWish(
            frame_rate, panel_latency_s, math.radians(yaw_degrees), rotate_degrees // 90
        )
        self._kit = Equipment(stage, self._wish)
        self._meet_visitor()
        self.quality = PictureQuality(self._kit.pacer.rate, metrics, costs)
        self._drawing_s = 0.02
        self._shown: deque[float] = deque()
        self._drawn: deque[_Frame] = deque()
        self._healed: deque[float] = deque()
        self.snapshot = RenderSnapshot(
            asked_rate=self._kit.asked_rate, quality=self.quality.state, dark=stage.dark
        )

    def run(
        self, stop: threading.Event, watchdog: Watchdog, first_frame: Callable[[], None]
    ) -> None:
        """Draw until `stop` is set or the window is closed; raises SplatError."""
        due = self._clock()
        ready = False
        while not stop.is_set():
            if self._stage.is_misplaced(self._clock()):
                self._reopen()
            if self._stage.dark:
                self._keep_time()
            elif not self._show(stop):
                logger.info("the window was closed", extra={"code": "window_closed"})
                return
            if not ready and (self.snapshot.frames or self.snapshot.dark):
                ready = True
                first_frame()
            watchdog.feed(self._clock())
            divisor = self.quality.state.step.divisor
            due = self._kit.pacer.next_begin(due, self._clock(), divisor)
            stop.wait(max(due - self._clock(), 0.0))

    def _keep_time(self) -> None:
        """A frame's time without one."""
        now = self._clock()
        self._player.tick(now, 0.0)
        self._lose_frames()
        still = self._stage.still
        if still is not None:
            still.keep()
            if self._pictures.wanted(now) and (pixels := still.pixels()) is not None:
                self._pictures.deliver(pixels, now)
        self.snapshot = replace(self.snapshot, last_frame=now)

    def _be_alive(self) -> None:
        """Called while this loop's own thread waits for a driver."""
        self.snapshot = replace(self.snapshot, last_frame=self._clock())

    def _show(self, stop: threading.Event) -> bool:
        """One frame; False where the window was closed."""
        events = self._stage.display.pump()
        if events.quit:
            return False
        if events.size_changed:
            self._kit.resize()
            self._meet_visitor()
        try:
            self._draw(stop)
            self._collect()
        except RenderError as error:
            if self._heal(str(error)):
                return True
            if self._stage.lookout is None:
                raise
            self._give_up(str(error))
        return True

    def _give_up(self, what: str) -> None:
        """Leave a screen on which nothing helps, until the stage tries it again."""
        self._metrics.screen_given_up.inc()
        self._reopen(lambda: self._stage.give_up(what))

    def _reopen(self, rebuild: Callable[[], None] | None = None) -> None:
        """Make the stage anew, and all that belongs to its context. Raises SplatError."""
        # Fences, queries and buffers mean nothing to another context
        for frame in self._drawn:
            frame.fence.delete()
        self._drawn.clear()
        self._shown.clear()
        self._lose_frames()
        before = self._kit.pacer.rate, self._stage.snapshot
        self._kit.close()
        (rebuild or self._stage.rebuild)()
        self._kit = Equipment(self._stage, self._wish)
        self._meet_visitor()
        if (self._kit.pacer.rate, self._stage.snapshot) != before:
            self.quality.move(self._kit.pacer.rate)
        self.snapshot = replace(
            self.snapshot,
            asked_rate=self._kit.asked_rate,
            quality=self.quality.state,
            fps=0.0,
            trouble=None,
            dark=self._stage.dark,
        )

    def _lose_frames(self) -> None:
        self._player.frames_lost()
        self._overlay.frames_lost()

    def _meet_visitor(self) -> None:
        """A screen of another shape has its camera, and so the visitor, elsewhere."""
        if not self._stage.dark:
            x, y, z = self._kit.camera.position.tolist()
            self._player.look_at((x, y, z))

    def _draw(self, stop: threading.Event) -> None:
        alone = self._kit.cost.alone()
        if alone:
            self._collect(everything=True)
            if self._stage.dark:
                return
        renderer = self._stage.renderer
        begin = self._clock()
        latency_s = self._drawing_s + self._kit.panel_latency_s
        parameters = self._player.tick(begin, latency_s)
        pose = self._rig.pose(parameters)
        step = self.quality.apply(renderer)
        self._kit.cost.drawing()
        fence = renderer.draw(pose, self._kit.camera)
        self._kit.cost.drawn(self._clock() - begin)
        look = self._kit.watch.due(begin, pose)
        if look:
            self._kit.rows.request()
        self._overlay.draw(renderer, begin, latency_s)
        if self._pictures.wanted(begin):
            upright = np.rot90(renderer.read_pixels(), self._wish.quarters)
            self._pictures.deliver(np.ascontiguousarray(upright), begin)
        alone_s = None
        if alone and fence.signalled(_FENCE_TIMEOUT_S):
            alone_s = self._clock() - begin
        pause = self._kit.pacer.flip_at(begin, step.divisor) - self._clock()
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
            must_wait = everything or self._kit.offscreen or len(self._drawn) > 1
            if not frame.fence.signalled(_FENCE_TIMEOUT_S if must_wait else 0.0):
                if not must_wait:
                    return
                raise RenderError(
                    f"the GPU has not finished a frame within {_FENCE_TIMEOUT_S:g} s; the driver "
                    f"({self._stage.snapshot.gl}) hangs: restart the kiosk"
                )
            self._drawn.popleft()
            finished = self._clock()
            self._player.frame_shown(finished + self._kit.panel_latency_s)
            self._overlay.frame_shown(finished + self._kit.panel_latency_s)
            whole_s = finished - frame.begin
            self._drawing_s += _SMOOTHING * (whole_s - self._drawing_s)
            cost_s = self._kit.cost.cost(whole_s if self._kit.offscreen else frame.alone_s)
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
            missed = self._kit.pacer.missed(now - shown[-1], step.divisor)
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
        trouble = self._kit.watch.judge(self._kit.rows.take())
        if trouble is not None and self._heal(f"the picture is {trouble}"):
            trouble = None
        elif trouble == "blank" and self._stage.lookout is not None:
            self._give_up("the picture is blank")
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
        self._reopen()
        if lower:
            self.quality.lower_tier(now)
        return True
