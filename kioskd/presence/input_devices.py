# SPDX-License-Identifier: Apache-2.0
"""Finds input devices by what they are, never by their number: numbers change with every start."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final

SYSFS: Final = Path("/sys/class/input")
DEVICES: Final = Path("/dev/input")


@dataclass(frozen=True, slots=True)
class InputDevice:
    """`node` is the name of its file under /dev/input, `names` all that it is called."""

    node: str
    names: tuple[str, ...]

    @property
    def name(self) -> str:
        """What people call it."""
        return self.names[0] or self.node


def read_devices(folder: Path = SYSFS) -> list[InputDevice]:
    """Those that are there, in the order of their numbers; none where Linux has no such folder."""
    found = []
    for entry in sorted(folder.glob("event*"), key=lambda path: (len(path.name), path.name)):
        names = (_line(entry / "device/name"), _line(entry / "device/phys"), str(entry.resolve()))
        found.append(InputDevice(entry.name, names))
    return found


def fits(device: InputDevice, pattern: str) -> bool:
    """Whether one of its names does, in either case."""
    return any(fnmatchcase(name.lower(), pattern.lower()) for name in device.names)


def chosen(devices: Sequence[InputDevice], patterns: Sequence[str]) -> list[InputDevice]:
    """All that fit one of the patterns."""
    return [each for each in devices if any(fits(each, pattern) for pattern in patterns)]


def _line(path: Path) -> str:
    try:
        return path.read_text("utf-8", "replace").strip()
    except OSError:
        return ""  # unplugged just now, or it has none
