# SPDX-License-Identifier: Apache-2.0
"""What the GPU behind an open display does, and which frame rates an avatar gets on it.

For a benchmark on the screen itself. The estimate's rates come from `estimate_calibration`; here
are those beside them: how fast data reach the GPU, what blending costs in each format of the
picture, and what a frame takes at each internal resolution. Frames are made as the kiosk makes
them: while the GPU draws one the CPU makes the next, so that the slower of both counts. The
screen's blank is not waited for, or 17 ms would look like 33; only now and then a frame is shown,
outside of what is timed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Final, Literal

import numpy as np

from splat_gles import camera, renderer
from splat_gles.avatar import Avatar
from splat_gles.bench import talking, timed
from splat_gles.camera import Size
from splat_gles.display import Display
from splat_gles.errors import RenderError
from splat_gles.estimate_calibration import large_quads
from splat_gles.gl.api import gl
from splat_gles.gl.buffers import BufferRing, Fence
from splat_gles.gl.frame_data import await_fence
from splat_gles.gl.target import OffscreenTarget
from splat_gles.quality import SCALES, RenderQuality
from splat_gles.renderer import Renderer
from splat_gles.rig import Rig
from splat_gles.sorting import DepthSorter

FORMATS: Final[Mapping[str, str]] = {"rgba8": "GL_RGBA8", "rgb10_a2": "GL_RGB10_A2"}
"""The offscreen buffer's formats that are compared: 8 or 10 bits a channel."""
RATES: Final = (25, 30, 60)
"""Frames a second that a scale may hold."""
_SHARE: Final = 95.0
"""Of the frames, in per cent, that must be done in time where a scale holds a rate."""
_SHOWN_EVERY_S: Final = 0.25
_FENCE_S: Final = 10.0
_LEAST_FRAMES: Final = 3
_UPLOAD_BYTES: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class ScaleTime:
    """Milliseconds from a frame to the next, median and 95th percentile, at one internal scale."""

    scale: float
    frames: int
    ms_p50: float
    ms_p95: float


@dataclass(frozen=True, slots=True)
class CpuTime:
    """Median milliseconds of the thread that draws: pose, sort, all that it does for a frame."""

    pose_ms: float
    sort_ms: float
    cpu_ms: float


def held_scale(times: list[ScaleTime], rate: float) -> float | None:
    """The highest scale at which 95 of 100 frames are ready in time for `rate` a second."""
    fitting = [each.scale for each in times if each.ms_p95 <= 1e3 / rate]
    return max(fitting, default=None)


def upload_rate(seconds: float) -> float:
    """Bytes a second that reach the GPU in pieces of 1 MiB, each in a buffer that is not in use."""
    data = np.zeros(_UPLOAD_BYTES, np.uint8)
    ring = BufferRing(gl.GL_ARRAY_BUFFER, data.nbytes, 3)
    try:
        started = time.perf_counter()
        sent = 0
        while sent == 0 or time.perf_counter() - started < seconds:
            for slot in range(3):
                ring.write(slot, data)
                sent += data.nbytes
            _finish()
        return sent / (time.perf_counter() - started)
    finally:
        ring.delete()


def blend_times(size: Size, seconds: float) -> dict[str, float | None]:
    """Milliseconds of a frame that is all blending, by the format that it is blended in.

    `back_buffer` is the screen's own, then those of FORMATS with the pass that brings them to the
    screen. None where the driver cannot draw into the format.
    """
    avatar = large_quads(size)
    rig = Rig(avatar)
    eye = camera.bust(avatar.framing, size)
    pose = rig.pose(rig.neutral())
    found: dict[str, float | None] = {}
    for name in ("back_buffer", *FORMATS):
        mode: Literal["fast", "quality"] = "fast" if name == "back_buffer" else "quality"
        try:
            with (
                _buffer_format(name),
                Renderer(avatar, size, quality=RenderQuality(1.0, mode)) as drawing,
            ):
                times = _frame_times(partial(drawing.draw, pose, eye), seconds)
                gl.check(f"blending in {name}")
        except RenderError:
            found[name] = None
        else:
            found[name] = round(float(np.median(times)) * 1e3, 3)
    return found


def scale_times(
    display: Display, avatar: Avatar, seconds: float, scales: tuple[float, ...] = SCALES
) -> list[ScaleTime]:
    """What frames of a talking face take at each scale, about `seconds` for each.

    Scales that the driver cannot draw at are left out.
    """
    rig = Rig(avatar)
    eye = camera.on_screen(avatar.framing, display.size)
    found = []
    with Renderer(avatar, display.size) as drawing:
        for scale in scales:
            try:
                drawing.set_quality(RenderQuality(scale))
            except RenderError:
                continue
            frames = FrameStream(display, drawing, rig, eye)
            times = _frame_times(frames.draw, seconds, frames.show)
            median, late = np.percentile(times, [50.0, _SHARE]) * 1e3
            found.append(
                ScaleTime(scale, len(times), round(float(median), 3), round(float(late), 3))
            )
    return found


def cpu_time(display: Display, avatar: Avatar, seconds: float) -> CpuTime:
    """What pose, sort and the whole of a frame take of this thread; the GPU is waited for between.

    With a software driver its threads draw and are not counted.
    """
    rig = Rig(avatar)
    eye = camera.on_screen(avatar.framing, display.size)
    spent: dict[str, list[float]] = {}
    with (
        Renderer(avatar, display.size) as drawing,
        timed(Rig, "pose", spent, "pose"),
        timed(DepthSorter, "order", spent, "sort"),
        timed(FrameStream, "draw", spent, "cpu"),
    ):
        frames = FrameStream(display, drawing, rig, eye)
        started = time.perf_counter()
        while len(spent["cpu"]) < _LEAST_FRAMES or time.perf_counter() - started < seconds:
            await_fence(frames.draw(), _FENCE_S)
    medians = {name: round(float(np.median(each)) * 1e3, 3) for name, each in spent.items()}
    return CpuTime(medians["pose"], medians["sort"], medians["cpu"])


class FrameStream:
    """A talking face, frame by frame, 25 to a second of what it says."""

    def __init__(self, display: Display, drawing: Renderer, rig: Rig, eye: camera.Camera) -> None:
        self._display = display
        self._renderer = drawing
        self._rig = rig
        self._eye = eye
        self._number = 0

    def draw(self) -> Fence:
        """Give the commands of the next frame."""
        self._number += 1
        return self._renderer.draw(self._rig.pose(talking(self._rig, self._number / 25)), self._eye)

    def show(self) -> None:
        """Bring the frame to the screen."""
        self._display.pump()
        self._display.flip()


def _frame_times(
    draw: Callable[[], Fence], seconds: float, show: Callable[[], None] = lambda: None
) -> list[float]:
    """Seconds from each frame's end to the next one's, one being drawn while the next is made."""
    await_fence(draw(), _FENCE_S)
    found: list[float] = []
    began = shown = before = time.perf_counter()
    drawn = draw()
    while len(found) < _LEAST_FRAMES or before - began < seconds:
        following = draw()
        await_fence(drawn, _FENCE_S)
        now = time.perf_counter()
        found.append(now - before)
        drawn, before = following, now
        if now - shown >= _SHOWN_EVERY_S:
            await_fence(drawn, _FENCE_S)
            show()
            drawn = draw()
            await_fence(drawn, _FENCE_S)
            drawn = draw()
            shown = before = time.perf_counter()
    await_fence(drawn, _FENCE_S)
    return found


def _finish() -> None:
    fence = Fence()
    await_fence(fence, _FENCE_S)


@contextmanager
def _buffer_format(name: str) -> Iterator[None]:
    """While it is entered the renderer takes this format for its buffer, whatever the driver."""
    names = vars(renderer)
    made = names["make_target"]
    if name in FORMATS:
        wanted = int(getattr(gl, FORMATS[name]))
        names["make_target"] = lambda size, _mode: OffscreenTarget(size, wanted)
    try:
        yield
    finally:
        names["make_target"] = made
