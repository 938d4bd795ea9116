# SPDX-License-Identifier: Apache-2.0
"""How many frames a second a board may draw, estimated before anybody has the board.

A model of Arm Mali GPUs (Bifrost and Valhall). What a shader costs is what the compiler of that
GPU says (`shader_report`): cycles of a core by unit, of which the slowest counts. C is cores
times clock times eta.

    fragments   F * h threads of splat.frag at C, F the quads' pixels, h = 1 + 4 / sqrt(pixels of
                a mean quad) for helper pixels at their edges; no faster than two blended pixels
                a clock and core
    vertices    for each splat one thread of projection.vert, with the rounds of its loop over
                blendshapes, which the compiler counts once, and four corners of splat.vert
    enlarging   a thread of enlarge.frag for each pixel, where the internal resolution is lower
    bus         0.4 ms, and 30 % of one write and one read of the picture at 8 GB/s

eta, how much of its rates a GPU reaches, is what nobody knows before measuring: 0.45, 0.70 and
0.95 give the pessimistic, the expected and the optimistic figure. The CPU works beside the GPU,
so the slower of both counts. `calibrate` measures what is assumed here. Whatever comes out of
the model is an estimate, to be printed as one; nothing of it was measured on these boards.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from splat_gles.board_gpus import Board
from splat_gles.camera import Size
from splat_gles.gl.quad_pass import GPU
from splat_gles.shader_report import ShaderReport, read_report

CASES: Final = ("pessimistic", "expected", "optimistic")
_ETAS: Final = (0.45, 0.70, 0.95)
_BLENDED_PER_CLOCK: Final = 2.0
_CORNERS: Final = 4

# A talking face has some 31 blendshapes at work, which touch about half of its splats. A round of
# projection.vert's loop reads a uniform and a texel; its few multiplications hide behind that.
_MORE_ROUNDS: Final = 31 / 2 - 1
_ROUND_READS: Final = 1.0

MODELLED_ENLARGING: Final = (1080 * 1920) / 2.6e-3
"""Pixels a second, for a device whose shaders nobody has compiled."""

# What a Cortex-A72 takes of a frame in Python and numpy: 4.5 times what was measured on a server
# core for calls and small arrays, 7 times for what is bound by memory
_CPU_FIXED_S: Final = 0.8e-3
_CPU_S_PER_SPLAT: Final = 4e-8


@dataclass(frozen=True, slots=True)
class Rates:
    """What a GPU does: `fill` pixels a second blended, `splats` a second projected and set up.

    `fixed_s` are the seconds that a frame of the size asked for takes beyond that, `enlarged`
    the pixels a second that come out of a lower internal resolution.
    """

    fill: float
    splats: float
    fixed_s: float
    enlarged: float = MODELLED_ENLARGING


@dataclass(frozen=True, slots=True)
class Cycles:
    """Cycles of one core: for a blended fragment, a splat's vertices, an enlarged pixel.

    `bound_by` names the unit that the fragments wait for.
    """

    fragment: float
    splat: float
    enlarged: float
    bound_by: str


def board_cycles(board: Board, report: ShaderReport) -> Cycles:
    """What the compiler of the board's GPU says, for a core as wide as the board's."""
    gpu = report.gpus[board.gpu]

    def of(
        shader: str, stage: str, defines: Mapping[str, int | str] | None = None
    ) -> dict[str, float]:
        return gpu.cycles(shader, stage, board.lanes, defines)

    fragment = of("splat.frag", "fragment", GPU.defines)
    fragment["blending"] = 1.0 / _BLENDED_PER_CLOCK
    projection = of("projection.vert", "vertex")
    projection["load_store"] += _MORE_ROUNDS * _ROUND_READS
    stages = {each.stage for each in gpu.shaders if each.shader == "splat.vert"}
    corner = sum(max(of("splat.vert", stage, GPU.defines).values()) for stage in stages)
    return Cycles(
        fragment=max(fragment.values()),
        splat=max(projection.values()) + _CORNERS * corner,
        enlarged=max(of("enlarge.frag", "fragment").values()),
        bound_by=max(fragment, key=lambda unit: fragment[unit]),
    )


@dataclass(frozen=True, slots=True)
class Work:
    """What a frame asks for: splats drawn, pixels painted at full resolution, the picture's size.

    `cpu_s` are the seconds that the CPU takes for it.
    """

    splats: int
    fragments: float
    size: Size
    cpu_s: float


@dataclass(frozen=True, slots=True)
class FrameTime:
    """Milliseconds of a frame by stage, and what comes out of them.

    `gpu_ms` is the sum of the first four; CPU and GPU work at the same time.
    """

    fragments_ms: float
    vertices_ms: float
    bus_ms: float
    enlarging_ms: float
    cpu_ms: float

    @property
    def gpu_ms(self) -> float:
        """Milliseconds of the GPU, its stages one after the other."""
        return self.fragments_ms + self.vertices_ms + self.bus_ms + self.enlarging_ms

    @property
    def fps(self) -> float:
        """Frames a second that GPU and CPU can make, whatever the screen shows."""
        return 1e3 / max(self.gpu_ms, self.cpu_ms)


def frame_time(work: Work, rates: Rates, scale: float = 1.0) -> FrameTime:
    """A frame at an internal resolution of `scale` times each side, 0 to 1.

    The low-pass goes with the scale, so the painted pixels shrink with its square.
    """
    fragments = work.fragments * scale * scale
    mean_quad = max(1.0, fragments / max(1, work.splats))
    helpers = 1.0 + 4.0 / math.sqrt(mean_quad)
    pixels = work.size[0] * work.size[1]
    return FrameTime(
        fragments_ms=fragments * helpers / rates.fill * 1e3,
        vertices_ms=work.splats / rates.splats * 1e3,
        bus_ms=rates.fixed_s * 1e3,
        enlarging_ms=pixels / rates.enlarged * 1e3 if scale < 1.0 else 0.0,
        cpu_ms=work.cpu_s * 1e3,
    )


def board_cpu_s(splats: int) -> float:
    """Seconds of a board's CPU for a frame, taken to be a Cortex-A72 at 2.2 GHz."""
    return _CPU_FIXED_S + _CPU_S_PER_SPLAT * splats


def board_rates(board: Board, size: Size) -> tuple[Rates, Rates, Rates]:
    """Rates in the order of CASES. Raises SplatError where the shader report is damaged."""
    cycles = board_cycles(board, read_report())

    def rates(eta: float) -> Rates:
        clock = board.cores * board.gigahertz * 1e9 * eta
        return Rates(
            fill=clock / cycles.fragment,
            splats=clock / cycles.splat,
            fixed_s=0.4e-3 + 0.3 * (2 * 4 * size[0] * size[1]) / 8e9,
            enlarged=clock / cycles.enlarged,
        )

    pessimistic, expected, optimistic = map(rates, _ETAS)
    return pessimistic, expected, optimistic
