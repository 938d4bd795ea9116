# SPDX-License-Identifier: Apache-2.0
"""What may lie over the avatar's picture, drawn with each of its frames; nothing, as a rule."""

from __future__ import annotations

from collections.abc import Callable

from kioskd.audio.snapshot import AudioSnapshot
from kioskd.screen.snapshot import DisplaySnapshot
from splat_gles.renderer import Renderer


class Overlay:
    """Nothing. Called by the render loop, on its thread, as the player is for the same frame."""

    def draw(self, renderer: Renderer, now: float, latency_s: float) -> None:
        """Draw over the frame that will be seen `latency_s` after `now` (monotonic)."""

    def frame_shown(self, at: float) -> None:
        """The oldest frame not yet seen was seen at `at`."""

    def frames_lost(self) -> None:
        """The frames not yet seen never will be."""


MakeOverlay = Callable[[Callable[[], AudioSnapshot], Callable[[], DisplaySnapshot], int], Overlay]
"""Given the sound, the display, and by how many degrees clockwise its picture is turned."""


def no_overlay(*_: object) -> Overlay:
    """A MakeOverlay."""
    return Overlay()
