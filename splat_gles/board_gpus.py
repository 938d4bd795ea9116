# SPDX-License-Identifier: Apache-2.0
"""The GPUs of the boards under board/: how many cores of what width, how fast, and who says so.

Every board is in one of the two tables: with a GPU that can be estimated, or with why it has no
estimate. The kiosk itself never looks here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final


@dataclass(frozen=True, slots=True)
class Board:
    """A board's GPU: shader cores, 32-bit lanes of each core, gigahertz.

    `gpu` is what the shader report calls it. `known_from` says where the figures are from,
    `assumed` what no source says.
    """

    title: str
    gpu: str
    cores: int
    lanes: int
    gigahertz: float
    known_from: str
    assumed: str


BOARDS: Final[Mapping[str, Board]] = MappingProxyType(
    {
        "rk3576": Board(
            "Rockchip RK3576",
            "Mali-G52",
            cores=3,
            lanes=16,
            gigahertz=0.95,
            known_from="3 cores by the data sheet; 0.95 GHz is the fastest operating point of "
            "Linux's rk3576.dtsi",
            assumed="16 lanes a core: the vendor's 145 GFLOPS leave 16 or 24 open",
        ),
        "8189": Board(
            "MediaTek MT8189",
            "Mali-G57",
            cores=2,
            lanes=32,
            gigahertz=0.88,
            known_from="MC2 and 0.88 GHz are the Genio 520's, the slowest of the family (the "
            "Genio 720 has 1.1); 32 lanes a core by Mesa's table of Mali models",
            assumed="that the vendor's driver lets it run at that clock",
        ),
        "g88": Board(
            "MediaTek Helio G88",
            "Mali-G52",
            cores=2,
            lanes=16,
            gigahertz=1.0,
            known_from="MC2 and up to 1 GHz by public tables of the chip",
            assumed="16 lanes a core, as in MediaTek's other Mali-G52 MC2",
        ),
    }
)

NO_ESTIMATE: Final[Mapping[str, str]] = MappingProxyType(
    {
        "s565": "no public source says what chip the S565 is, so its GPU is unknown. "
        "`--calibrate`, run on the board itself, measures it",
        "qemu-virt": "QEMU's machine has no GPU: Mesa's software rasteriser draws on an emulated "
        "processor, whose speed is that of the computer it runs on. `--calibrate` measures this "
        "computer",
    }
)
"""Boards that have none, and why, as a person reads it."""
