# SPDX-License-Identifier: Apache-2.0
"""The parts that draw: what the GPU does, what each avatar takes, and what heat makes of it.

Where a board has no screen they fail and say so: figures from a buffer would not be the screen's.
On a machine where the configuration draws into a buffer anyway, the buffer is what is measured.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import numpy as np

from kioskd.benchmark.heat import read_heat
from kioskd.benchmark.plan import Plan
from kioskd.errors import KioskError
from splat_gles import camera, device_rates
from splat_gles.bundle import read_bundle
from splat_gles.display import Display, open_display
from splat_gles.errors import SplatError
from splat_gles.estimate_calibration import measure_rates
from splat_gles.gl.api import gl
from splat_gles.gl.frame_data import await_fence
from splat_gles.quality import RenderQuality
from splat_gles.renderer import Renderer
from splat_gles.rig import Rig

Tell = Callable[[str], None]
_SOFTWARE: Final = ("llvmpipe", "softpipe", "swrast", "swiftshader")
SLOWER: Final = 1.15
"""A frame at the end that takes so many times as long as at the start was slowed by something."""


class PartError(KioskError):
    """A part cannot be measured, or not whole; the text says why and what to do.

    `figures` are those that were measured all the same.
    """

    def __init__(self, problem: str, figures: dict[str, Any] | None = None) -> None:
        super().__init__(problem)
        self.figures = figures or {}


def measure_graphics(plan: Plan, tell: Tell) -> dict[str, Any]:
    """Rates, uploads and blending of the GPU behind the screen. Raises SplatError."""
    times = plan.durations
    with _open(plan) as display:
        size = display.size
        tell(f"filling and projecting at {size[0]}x{size[1]}")
        slow, middle, fast = measure_rates(size, times.round_s)
        tell("sending data to the GPU")
        upload = device_rates.upload_rate(times.upload_s)
        tell("blending with 8 and with 10 bits a channel")
        blend = device_rates.blend_times(size, times.blend_s)
        renderer = gl.string(gl.GL_RENDERER)
        return {
            "driver": display.driver,
            "width": size[0],
            "height": size[1],
            "refresh_hz": round(display.refresh_rate, 2),
            "gl_vendor": gl.string(gl.GL_VENDOR),
            "gl_renderer": renderer,
            "gl_version": gl.string(gl.GL_VERSION),
            "software": any(word in renderer.lower() for word in _SOFTWARE),
            "fill_pixels_per_s": [round(rate.fill) for rate in (slow, middle, fast)],
            "splats_per_s": [round(rate.splats) for rate in (slow, middle, fast)],
            "fixed_ms": round(middle.fixed_s * 1e3, 3),
            "upload_bytes_per_s": round(upload),
            "blend_ms": blend,
        }


def measure_avatars(plan: Plan, tell: Tell) -> dict[str, Any]:
    """CPU and frame times of each avatar at the screen's size. Raises SplatError, PartError."""
    times = plan.durations
    found, problems = [], []
    with _open(plan) as display:
        for path in plan.avatars:
            try:
                avatar = read_bundle(Path(path))
            except SplatError as error:
                problems.append(str(error))
                continue
            tell(f"{avatar.name}, {avatar.splats} splats: pose and sort")
            cpu = device_rates.cpu_time(display, avatar, times.cpu_s)
            tell(f"{avatar.name}: frames at each internal resolution")
            scales = device_rates.scale_times(display, avatar, times.scale_s)
            found.append(
                {
                    "name": avatar.name,
                    "splats": avatar.splats,
                    **asdict(cpu),
                    "frames": [asdict(each) for each in scales],
                    "holds": {
                        str(rate): device_rates.held_scale(scales, rate)
                        for rate in device_rates.RATES
                    },
                }
            )
    if problems:
        raise PartError("; ".join(problems), {"avatars": found})
    return {"avatars": found}


def measure_soak(plan: Plan, tell: Tell) -> dict[str, Any]:
    """The first avatar at full resolution, at the screen's rate, for minutes, with temperatures.

    `ms_p50` is what a frame takes until the GPU is done with it, without the screen's blank.

    `throttled` says that the kernel limited a clock or that frames became slower by SLOWER.
    """
    times = plan.durations
    avatar = read_bundle(Path(plan.avatars[0]))
    rig = Rig(avatar)
    samples: list[dict[str, Any]] = []
    limits: set[str] = set()
    with _open(plan) as display, Renderer(avatar, display.size, quality=RenderQuality()) as drawing:
        eye = camera.on_screen(avatar.framing, display.size)
        frames = device_rates.FrameStream(display, drawing, rig, eye)
        began = now = time.perf_counter()
        while now - began < times.soak_s:
            started = now
            spent: list[float] = []
            while now - started < times.sample_s or not spent:
                await_fence(frames.draw(), 10.0)
                spent.append(time.perf_counter() - now)
                frames.show()
                now = time.perf_counter()
            heat = read_heat()
            limits.update(heat.limited)
            rate, median = len(spent) / (now - started), float(np.median(spent)) * 1e3
            samples.append(
                {
                    "at_s": round(now - began, 1),
                    "fps": round(rate, 2),
                    "ms_p50": round(median, 3),
                    "celsius": heat.celsius,
                    "limited": sorted(heat.limited),
                }
            )
            warmth = "no sensor" if heat.celsius is None else f"{heat.celsius:.0f} °C"
            slowed = f", limited: {', '.join(sorted(heat.limited))}" if heat.limited else ""
            tell(f"{now - began:.0f} of {times.soak_s:.0f} s: {rate:.1f} fps, {warmth}{slowed}")
    slower = samples[-1]["ms_p50"] / samples[0]["ms_p50"]
    return {
        "avatar": avatar.name,
        "seconds": samples[-1]["at_s"],
        "slower": round(slower, 3),
        "limited": sorted(limits),
        "throttled": bool(limits) or slower > SLOWER,
        "samples": samples,
    }


def _open(plan: Plan) -> Display:
    return open_display(plan.display, plan.size, "Benchmark", plan.drm_drivers)
