# SPDX-License-Identifier: Apache-2.0
"""What a benchmark found on a board, as the cost model takes it in place of its guesses.

`kioskctl bench` keeps its result as `benchmark.json`; only its figures of GPU and CPU are read
here. An avatar that was not measured there takes CPU time in proportion to the model's for both.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from splat_gles.camera import Size
from splat_gles.errors import SplatError
from splat_gles.estimate import Rates, board_cpu_s
from splat_gles.regular_file import read_regular

STORED: Final = Path("/var/lib/kiosk/data/benchmark.json")
"""Where a board keeps the result."""
_FORMAT: Final = 1
_MAX_BYTES: Final = 512 * 1024
_LARGEST: Final = 1e15


class MeasuredError(SplatError):
    """A benchmark's result cannot be used; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class MeasuredRates:
    """`rates` are the slowest, the middle and the fastest, for pictures of `size` pixels.

    `cpu` are seconds of CPU for a frame of avatars, by their splats.
    """

    title: str
    size: Size
    rates: tuple[Rates, Rates, Rates]
    cpu: dict[int, float]

    def rates_at(self, size: Size) -> tuple[Rates, Rates, Rates]:
        """The rates for another size: what is fixed goes with the picture's pixels."""
        share = size[0] * size[1] / (self.size[0] * self.size[1])
        slow, middle, fast = (
            Rates(rate.fill, rate.splats, rate.fixed_s * share) for rate in self.rates
        )
        return slow, middle, fast

    def cpu_s(self, splats: int) -> float:
        """Seconds of CPU for a frame of so many splats, from the measured avatar nearest to it."""
        nearest = min(self.cpu, key=lambda count: abs(count - splats))
        return self.cpu[nearest] * board_cpu_s(splats) / board_cpu_s(nearest)


def read_measured(path: Path) -> MeasuredRates:
    """The rates in a benchmark's result; raises MeasuredError."""
    try:
        told = json.loads(read_regular(path, _MAX_BYTES))
        if told["format"] != _FORMAT:
            raise MeasuredError(
                f"{path} has format {told['format']!r:.20}, and {_FORMAT} is what can be read; "
                "measure again with `kioskctl bench` of this version"
            )
        parts = told["parts"]
        for name in ("graphics", "avatars"):
            if parts[name]["status"] != "measured":
                raise MeasuredError(
                    f"{path}: {name} was not measured ({parts[name]['problem']!s:.200}); mend "
                    "that and measure again with `kioskctl bench`"
                )
        return _rates(told, parts["graphics"]["figures"], parts["avatars"]["figures"]["avatars"])
    except OSError as error:
        raise MeasuredError(
            f"{path} cannot be read ({error.strerror}); `kioskctl bench` makes it on a board"
        ) from error
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
        raise MeasuredError(
            f"{path} is not what `kioskctl bench` keeps ({error!r:.100}); measure again"
        ) from error


def _rates(told: Any, screen: Any, avatars: Any) -> MeasuredRates:
    fixed_s = _number(screen["fixed_ms"]) / 1e3
    slow, middle, fast = (
        Rates(_number(fill), _number(splats), fixed_s)
        for fill, splats in zip(screen["fill_pixels_per_s"], screen["splats_per_s"], strict=True)
    )
    if not avatars:
        raise ValueError("no avatar was measured")
    software = ", a software driver" if screen["software"] else ""
    return MeasuredRates(
        title=_line(
            f"{told['board'] or 'a machine'} ({screen['gl_renderer']}{software}), "
            f"{told['measured_at']}"
        ),
        size=(int(_number(screen["width"])), int(_number(screen["height"]))),
        rates=(slow, middle, fast),
        cpu={int(_number(each["splats"])): _number(each["cpu_ms"]) / 1e3 for each in avatars},
    )


def _line(text: str) -> str:
    """Safe to print: what a driver or a file says may hold a terminal's commands."""
    return "".join(each if each.isprintable() else "\ufffd" for each in text)[:200]


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < _LARGEST:
        raise ValueError(f"{value!r:.20} where a number above 0 belongs")
    return float(value)
