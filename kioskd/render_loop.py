# SPDX-License-Identifier: Apache-2.0
"""The render loop: the main thread, frame by frame, as long as the kiosk lives.

Per frame: events, the player's parameters for the moment when this frame will be seen, pose,
draw, flip. A frame counts as shown when the GPU has finished it. Offscreen the loop waits for
that and then paces itself; with a screen, flip waits for the vertical blank and so sets the
pace, and at most one frame is in the GPU's hands while the next is made. From asking the
player to the end of drawing, measured and smoothed, plus the panel's own delay, is how far
ahead frames are drawn.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Final

from kioskd.health.pictures import PictureDesk
from kioskd.health.sources import RenderSnapshot
from kioskd.metrics import Metrics
from kioskd.playback.player import Player
from kioskd.systemd_notify import Watchdog
from splat_gles import camera as cameras
from splat_gles.avatar import Avatar
from splat_gles.display import Display
from splat_gles.errors import RenderError
from splat_gles.gl.buffers import Fence
from splat_gles.renderer import Renderer
from splat_gles.rig import Rig

logger = logging.getLogger(__name__)

OFFSCREEN_RATE: Final = 30.0
_RATE_WINDOW_S: Final = 2.0
_SMOOTHING: Final = 0.1
_FENCE_TIMEOUT_S: Final = 5.0


class RenderLoop:
    """Draws what the player says until told to stop; publishes a RenderSnapshot."""

    def __init__(
        self,
        display: Display,
        avatar: Avatar,
        rig: Rig,
        renderer: Renderer,
        player: Player,
        pictures: PictureDesk,
        metrics: Metrics,
        *,
        frame_rate: float,
        panel_latency_s: float,
        yaw_degrees: float,
    ) -> None:
        self._display = display
        self._avatar = avatar
        self._rig = rig
        self._renderer = renderer
        self._player = player
        self._pictures = pictures
        self._metrics = metrics
        self._yaw = math.radians(yaw_degrees)
        self._offscreen = offscreen = display.driver == "offscreen"
        self._panel_latency_s = 0.0 if offscreen else panel_latency_s
        self._rate = frame_rate or (OFFSCREEN_RATE if offscreen else 0.0)
        self._drawing_s = 0.02
        self._shown: deque[float] = deque()
        self._drawn: deque[tuple[Fence, float]] = deque()
        self.snapshot = RenderSnapshot(asked_rate=self._rate)

    def run(
        self, stop: threading.Event, watchdog: Watchdog, first_frame: Callable[[], None]
    ) -> None:
        """Draw until `stop` is set or the window is closed; raises SplatError."""
        camera = cameras.bust(self._avatar.framing, self._display.size, self._yaw)
        due = time.monotonic()
        ready = False
        while not stop.is_set():
            events = self._display.pump()
            if events.quit:
                logger.info("the window was closed", extra={"code": "window_closed"})
                return
            if events.size_changed:
                self._renderer.resize(self._display.size)
                camera = cameras.bust(self._avatar.framing, self._display.size, self._yaw)
            self._draw(camera)
            self._collect()
            if not ready and self.snapshot.frames:
                ready = True
                first_frame()
            watchdog.feed(time.monotonic())
            due = self._next_due(due)
            stop.wait(max(due - time.monotonic(), 0.0))

    def _draw(self, camera: cameras.Camera) -> None:
        begin = time.monotonic()
        parameters = self._player.tick(begin, self._drawing_s + self._panel_latency_s)
        fence = self._renderer.draw(self._rig.pose(parameters), camera)
        if self._pictures.wanted(begin):
            self._pictures.deliver(self._renderer.read_pixels(), begin)
        self._display.flip()
        self._drawn.append((fence, begin))

    def _collect(self) -> None:
        """Take the frames that are finished; with a screen the newest is not waited for."""
        while self._drawn:
            fence, begin = self._drawn[0]
            must_wait = self._offscreen or len(self._drawn) > 1
            if not fence.signalled(_FENCE_TIMEOUT_S if must_wait else 0.0):
                if not must_wait:
                    return
                raise RenderError(
                    f"the GPU has not finished a frame within {_FENCE_TIMEOUT_S:g} s; the driver "
                    f"({self._renderer.gl_strings['renderer']}) hangs: restart the kiosk"
                )
            self._drawn.popleft()
            finished = time.monotonic()
            self._player.frame_shown(finished + self._panel_latency_s)
            self._drawing_s += _SMOOTHING * (finished - begin - self._drawing_s)
            self._publish(finished)

    def _publish(self, now: float) -> None:
        shown = self._shown
        if shown:
            self._metrics.frame_interval.observe(now - shown[-1])
        self._metrics.frames.inc()
        shown.append(now)
        while shown[-1] - shown[0] > _RATE_WINDOW_S:
            shown.popleft()
        span = shown[-1] - shown[0]
        self.snapshot = RenderSnapshot(
            frames=self.snapshot.frames + 1,
            last_frame=now,
            fps=(len(shown) - 1) / span if span > 0 else 0.0,
            asked_rate=self._rate,
        )

    def _next_due(self, due: float) -> float:
        """When the next frame is to begin: now where the screen sets the pace or time is out."""
        now = time.monotonic()
        return max(due + 1.0 / self._rate, now) if self._rate else now
