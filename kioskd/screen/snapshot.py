# SPDX-License-Identifier: Apache-2.0
"""What the screen tells about itself: frames, the display, the avatar that shows.

Immutable, replaced whole by the thread that draws, so that a check reads it without a lock.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from splat_gles.governor import GovernorState


@dataclass(frozen=True, slots=True)
class RenderSnapshot:
    """The render loop: `last_frame` is time.monotonic() of the last frame shown, 0 before any.

    `fps` is over the last seconds, `asked_rate` what is aimed at (0: as the screen gives).
    `missed` frames should have been shown between others. `quality` says how finely it draws,
    `trouble` what is wrong with the picture where reopening the display has not mended it.
    """

    frames: int = 0
    last_frame: float = 0.0
    fps: float = 0.0
    asked_rate: float = 0.0
    missed: int = 0
    quality: GovernorState | None = None
    trouble: Literal["blank", "still"] | None = None


@dataclass(frozen=True, slots=True)
class DisplaySnapshot:
    """Where the picture goes."""

    driver: str
    width: int
    height: int
    gl: str


@dataclass(frozen=True, slots=True)
class AvatarSnapshot:
    """The avatar that shows; `problem` says why it is not the one that is configured."""

    name: str
    splats: int
    problem: str = ""
