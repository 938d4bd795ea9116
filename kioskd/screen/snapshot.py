# SPDX-License-Identifier: Apache-2.0
"""What the screen tells about itself: frames, the display, the avatar that shows.

Immutable, replaced whole by the thread that draws, so that a check reads it without a lock.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from splat_gles.governor import GovernorState

ScreenProblem = Literal[
    "no_graphics_card",
    "no_screen_connected",
    "screen_without_modes",
    "screen_forbidden",
    "screen_busy",
    "screen_failed",
]
"""Why the picture is on no screen, where it should be on one."""
FAULTS: Final = frozenset({"screen_forbidden", "screen_busy", "screen_failed"})
"""Those with a screen that is there and cannot be drawn on."""


@dataclass(frozen=True, slots=True)
class RenderSnapshot:
    """The render loop: `last_frame` is time.monotonic() of the last frame shown, 0 before any.

    `fps` is over the last seconds, `asked_rate` what is aimed at (0: as the screen gives).
    `missed` frames should have been shown between others. `quality` says how finely it draws,
    `trouble` what is wrong with the picture where reopening the display has not mended it.
    `dark`: there is nowhere to draw, and `last_frame` is when the loop last said that it lives.
    """

    frames: int = 0
    last_frame: float = 0.0
    fps: float = 0.0
    asked_rate: float = 0.0
    missed: int = 0
    quality: GovernorState | None = None
    trouble: Literal["blank", "still"] | None = None
    dark: bool = False


@dataclass(frozen=True, slots=True)
class DisplaySnapshot:
    """Where the picture goes; `driver` is "none" where it goes nowhere.

    `problem` says why it is on no screen, None where it is on one or none is asked for; `screens`
    names the card and its connectors, `error` is what opening the screen said. `still` says by what
    a still picture is shown in place of the moving one, empty where none is.
    """

    driver: str
    width: int
    height: int
    gl: str
    problem: ScreenProblem | None = None
    screens: str = ""
    error: str = ""
    still: str = ""


@dataclass(frozen=True, slots=True)
class AvatarSnapshot:
    """The avatar that shows; `problem` says why it is not the one that is configured."""

    name: str
    splats: int
    problem: str = ""
