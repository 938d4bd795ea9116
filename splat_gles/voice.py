# SPDX-License-Identifier: Apache-2.0
"""Whose voice an avatar has: a plain value that needs nothing of the renderer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

SEXES: Final = ("female", "male")


@dataclass(frozen=True, slots=True)
class Voice:
    """How the person speaks, for whoever makes the sound: nothing here has a voice.

    `language` is a BCP 47 tag such as "en-US", `sex` one of SEXES, `pitch` the mean of the voice's
    fundamental frequency in Hz: 165 to 255 for most women, 85 to 155 for most men (Fitch and
    Holbrook 1970; means of studies are about 210 and 120, Traunmüller and Eriksson 1995).
    """

    language: str
    sex: str
    pitch: float
