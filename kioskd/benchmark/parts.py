# SPDX-License-Identifier: Apache-2.0
"""The parts of a benchmark by name, for whoever reads a result without being able to draw."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

PARTS: Final = ("graphics", "avatars", "speech", "sound", "flash")
SOAK: Final = "soak"
PART_WORDS: Final[Mapping[str, str]] = {
    "graphics": "the graphics processor",
    "avatars": "the avatars",
    "speech": "the lip-sync net",
    "sound": "the sound device",
    "flash": "the storage",
    SOAK: "heat",
}
