# SPDX-License-Identifier: Apache-2.0
"""How many frames a second a board may draw, estimated before anybody has the board.

A model of Arm Mali GPUs (Bifrost and Valhall), from their published rates:

    fragments   F * h / R, F the quads' pixels, h = 1 + 4 / sqrt(pixels of a mean quad) for
                helper pixels at their edges, R = min(2 * cores * f, lanes * f / 10) * eta: two
                blended pixels a clock and core, or ten issue slots a pixel, whichever is less
    vertices    (250 + 4 * 60) * N operations at half of lanes * f: the projection pass, and a
                quad's corners
    bus         0.4 ms, and 30 % of one write and one read of the picture at 8 GB/s
    enlarging   2.6 ms for 1080x1920 pixels where the internal resolution is lower

eta, how much of its rates a GPU reaches, is what nobody knows before measuring: 0.45, 0.70 and
0.95 give the pessimistic, the expected and the optimistic figure. The CPU works beside the GPU,
so the slower of both counts. `calibrate` measures what is assumed here. Whatever comes out of
the model is an estimate, to be printed as one; nothing of it was measured on these boards.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from splat_gles.camera import Size

CASES: Final = ("pessimistic", "expected", "optimistic")
_ETAS: Final = (0.45, 0.70, 0.95)
_SLOTS_PER_FRAGMENT: Final = 10.0
_BLENDED_PER_CLOCK: Final = 2.0
_PROJECTION_OPERATIONS: Final = 250.0
_CORNER_OPERATIONS: Final = 60.0
_ENLARGING_S_PER_PIXEL: Final = 2.6e-3 / (1080 * 1920)

# What a Cortex-A72 takes of a frame in Python and numpy: 4.5 times what was measured on a server
# core for calls and small arrays, 7 times for what is bound by memory
_CPU_FIXED_S: Final = 0.8e-3
_CPU_S_PER_SPLAT: Final = 4e-8


@dataclass(frozen=True, slots=True)
class Rates:
    """What a GPU does: `fill` pixels a second blended, `splats` a second projected and set up.

    `fixed_s` are the seconds that a frame of the size asked for takes beyond that.
    """

    fill: float
    splats: float
    fixed_s: float


@dataclass(frozen=True, slots=True)
class Board:
    """A board's GPU by its data sheet: shader cores, 32-bit lanes of all cores, gigahertz."""

    title: str
    gpu: str
    cores: int
    lanes: int
    gigahertz: float

    def rates(self, size: Size, eta: float) -> Rates:
        """The model's rates at an efficiency `eta` of 0 to 1."""
        clock = self.gigahertz * 1e9
        blended = _BLENDED_PER_CLOCK * self.cores * clock
        shaded = self.lanes * clock / _SLOTS_PER_FRAGMENT
        operations = _PROJECTION_OPERATIONS + 4 * _CORNER_OPERATIONS
        return Rates(
            fill=min(blended, shaded) * eta,
            splats=0.5 * self.lanes * clock / operations,
            fixed_s=0.4e-3 + 0.3 * (2 * 4 * size[0] * size[1]) / 8e9,
        )


BOARDS: Final[Mapping[str, Board]] = MappingProxyType(
    {
        # 145 GFLOPS by the vendor, which leaves open whether a core has 16 or 24 lanes: 16 taken
        "rk3576": Board("Rockchip RK3576", "Mali-G52 MC3", 3, 48, 0.9),
        "8189": Board("MediaTek MT8189", "Mali-G57 MC2", 2, 64, 1.0),
        "g88": Board("MediaTek Helio G88", "Mali-G52 MC2", 2, 32, 1.0),
    }
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
        enlarging_ms=pixels * _ENLARGING_S_PER_PIXEL * 1e3 if scale < 1.0 else 0.0,
        cpu_ms=work.cpu_s * 1e3,
    )


def board_cpu_s(splats: int) -> float:
    """Seconds of a board's CPU for a frame, taken to be a Cortex-A72 at 2.2 GHz."""
    return _CPU_FIXED_S + _CPU_S_PER_SPLAT * splats


def board_rates(board: Board, size: Size) -> tuple[Rates, Rates, Rates]:
    """Rates in the order of CASES."""
    pessimistic, expected, optimistic = (board.rates(size, eta) for eta in _ETAS)
    return pessimistic, expected, optimistic
