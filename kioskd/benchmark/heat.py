# SPDX-License-Identifier: Apache-2.0
"""How warm a board is, and whether its kernel holds a clock down for it, by files of /sys."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Heat:
    """`celsius` of the hottest sensor, None without one; `limited` are what is held down."""

    celsius: float | None
    limited: frozenset[str]


def read_heat(sys: Path = Path("/sys")) -> Heat:
    """Read it now; what cannot be read is left out.

    A cooling device counts whose state is above 0 and that is no fan: those of the kernel that
    lower a clock have names such as `cpufreq-cpu0` or `devfreq-27800000.gpu`.
    """
    zones = [_number(path) for path in sys.glob("class/thermal/thermal_zone*/temp")]
    degrees = [each / 1000 for each in zones if each is not None]
    return Heat(max(degrees, default=None), frozenset(_limited(sys)))


def _limited(sys: Path) -> Iterator[str]:
    for device in sys.glob("class/thermal/cooling_device*"):
        name = _text(device / "type")
        lowers = any(word in name.lower() for word in ("freq", "processor", "gpu", "cluster"))
        if lowers and (_number(device / "cur_state") or 0) > 0:
            yield name


def _number(path: Path) -> int | None:
    try:
        return int(_text(path))
    except ValueError:
        return None


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8", "replace").strip()
    except OSError:
        return ""
