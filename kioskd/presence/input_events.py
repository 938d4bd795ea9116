# SPDX-License-Identifier: Apache-2.0
"""What an input device's bytes tell: that somebody came, is touching, or left.

The kernel's `struct input_event`, read without a library: a finger on a touch screen, a switch or
key that a sensor closes (`gpio-keys`), a proximity switch. Where a finger is and what a key is
called is nobody's business here.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

Source = Literal["presence", "touch"]

_EVENT: Final = struct.Struct("llHHi")
"""Seconds and microseconds, type, code, value, in the machine's own sizes."""

SIZE: Final = _EVENT.size

_KEY, _ABSOLUTE, _SWITCH = 0x01, 0x03, 0x05
_BUTTONS: Final = range(0x100, 0x160)
"""Of mice, pens and touch screens: a finger down is 0x14a."""

_FINGER: Final = 0x39
"""A number of its own for each finger, -1 when it is lifted; some screens send nothing else."""

_REPEATED: Final = 2


@dataclass(frozen=True, slots=True)
class Sign:
    """`there`: somebody came, or touched it; otherwise they left."""

    source: Source
    there: bool


def signs(chunk: bytes) -> Iterator[Sign]:
    """What whole events tell; a rest that is no whole one tells nothing."""
    for _, _, kind, code, value in _EVENT.iter_unpack(chunk[: len(chunk) // SIZE * SIZE]):
        if kind == _KEY and value != _REPEATED:
            yield Sign("touch" if code in _BUTTONS else "presence", value != 0)
        elif kind == _SWITCH:
            yield Sign("presence", value != 0)
        elif kind == _ABSOLUTE and code == _FINGER:
            yield Sign("touch", value >= 0)
