# SPDX-License-Identifier: Apache-2.0
"""What the parts of the daemon publish about themselves for the checks to look at.

Immutable snapshots, replaced whole by the thread that owns the part, so that a check reads
them without a lock.
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
    path: str
    splats: int
    problem: str = ""


@dataclass(frozen=True, slots=True)
class LinkSnapshot:
    """The link to the endpoint; `since` is time.monotonic() of the last change."""

    configured: bool
    up: bool = False
    fatal: bool = False
    reason: str = ""
    retry_in_s: float | None = None
    connection_id: str = ""
    since: float = 0.0


@dataclass(frozen=True, slots=True)
class ConfigSnapshot:
    """The last reload: what was wrong with the files, and keys that wait for a restart."""

    problems: tuple[str, ...] = ()
    waiting: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class HttpSnapshot:
    """The HTTP server: where it listens, and what became of the thread that it runs on."""

    url: str = ""
    connections: int = 0
    restarts: int = 0
    trouble: str = ""
