# SPDX-License-Identifier: Apache-2.0
"""Draws the test's picture over each frame, and counts what kioskd's own clocks make of it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from kioskd.audio.snapshot import AudioSnapshot
from kioskd.avtest.picture import FLASH_S, picture
from kioskd.screen.overlay import Overlay
from kioskd.screen.rectangle import turned
from splat_gles.renderer import Renderer

_MOST_PENDING: Final = 8


@dataclass(frozen=True, slots=True)
class Flash:
    """The first frame of a flash: seen at `at` (monotonic), drawn for `phase_s` after its click.

    `offset_s` is by how much it was seen too early against the sound, by kioskd's own clocks.
    """

    click: int
    phase_s: float
    at: float
    offset_s: float


@dataclass(frozen=True, slots=True)
class _Posed:
    position_s: float | None
    flash: bool


class Film(Overlay):
    """`flashes` are taken from its left by another thread."""

    def __init__(self, audio: Callable[[], AudioSnapshot], quarters: int = 0) -> None:
        self._audio = audio
        self._quarters = quarters
        self._pending: deque[_Posed] = deque(maxlen=_MOST_PENDING)
        self._before_s: float | None = None
        self._frame = 0
        self.flashes: deque[Flash] = deque(maxlen=_MOST_PENDING)

    def draw(self, renderer: Renderer, now: float, latency_s: float) -> None:
        """See Overlay. The moment is chosen as `Performance.speak` chooses that of the lips."""
        audio = self._audio()
        position_s = audio.position_at(now) + latency_s if audio.running else None
        phase_s = None if position_s is None or position_s < 0.5 else _phase(position_s)
        begins = (
            phase_s is not None
            and 0 <= phase_s < FLASH_S
            and (self._before_s is None or self._before_s < 0)
        )
        self._before_s = phase_s
        self._frame += 1
        self._pending.append(_Posed(position_s, begins))
        width, height = renderer.size
        seen = (height, width) if self._quarters % 2 else (width, height)
        for each in picture(*seen, phase_s, self._frame):
            laid = turned(each, *seen, self._quarters)
            renderer.fill((laid.x, laid.y, laid.width, laid.height), laid.color)

    def frame_shown(self, at: float) -> None:
        """See Overlay."""
        if not self._pending:
            return
        posed = self._pending.popleft()
        audio = self._audio()
        if posed.flash and posed.position_s is not None and audio.running:
            offset_s = posed.position_s - audio.position_at(at)
            phase_s = _phase(posed.position_s)
            self.flashes.append(Flash(int(posed.position_s), phase_s, at, offset_s))

    def frames_lost(self) -> None:
        """See Overlay."""
        self._pending.clear()


def _phase(position_s: float) -> float:
    """Seconds since the nearest click."""
    return (position_s + 0.5) % 1.0 - 0.5
