# SPDX-License-Identifier: Apache-2.0
"""Which configuration this image knows: a number for its table of options, and former names.

The files say no version. A board has two images and one configuration, so that the number is kept
with what an image has accepted (`kioskd.config.accepted`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

VERSION: Final = 2
"""Raised by one with each release whose table has other keys or bounds; 0.1.0 had 1."""
READ_FOR: Final = 2
"""Versions in which a former name is still read, the one that renamed it among them."""


@dataclass(frozen=True, slots=True)
class Renamed:
    """What an option is called, `section.name`, since version `since`."""

    new: str
    since: int


RENAMED: Final[dict[str, Renamed]] = {}
"""The options by their former names, as far as those are read; a test says when one is to go."""
