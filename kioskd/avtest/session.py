# SPDX-License-Identifier: Apache-2.0
"""One test from its request to its end: what the daemon is given, and what is told of it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from driving_client.link.interface import EventSink, LinkUp, PlaybackState, UtteranceStarted
from kioskd.audio.snapshot import AudioSnapshot
from kioskd.avtest.clicks import SECONDS, clicks
from kioskd.avtest.film import Film
from kioskd.link.local_links import NoLink
from kioskd.screen.snapshot import DisplaySnapshot

logger = logging.getLogger(__name__)

PATIENCE_S: Final = 10.0
"""So long a screen or a sound card may take to be there."""
_LOOK_S: Final = 0.5


class AvTest:
    """`latency_ms` is tried as audio.latency_ms, None leaves what is configured.

    `tell` is given lines for a person; `problem` says in the end why nothing could be filmed.
    """

    def __init__(
        self, latency_ms: float | None, tell: Callable[[str], None], patience_s: float = PATIENCE_S
    ) -> None:
        self.latency_ms = latency_ms
        self.problem = ""
        self.tell = tell
        self._patience_s = patience_s
        self._film: Film | None = None
        self._audio: Callable[[], AudioSnapshot] = AudioSnapshot
        self._display: Callable[[], DisplaySnapshot] | None = None

    @property
    def overrides(self) -> list[str]:
        """Options of the configuration for this run."""
        return [] if self.latency_ms is None else [f"audio.latency_ms={self.latency_ms:g}"]

    def link(self, sink: EventSink, end: Callable[[], None]) -> ClickLink:
        """In the endpoint's place; `end` ends the daemon."""
        return ClickLink(sink, self, end)

    def overlay(
        self,
        audio: Callable[[], AudioSnapshot],
        display: Callable[[], DisplaySnapshot],
        degrees: int,
    ) -> Film:
        """A MakeOverlay."""
        self._audio, self._display = audio, display
        self._film = Film(audio, degrees // 90)
        return self._film

    async def watch(self, end: Callable[[], None]) -> None:
        """Tell what is shown and heard, until neither can come."""
        waited_s, told = 0.0, False
        while True:
            await asyncio.sleep(_LOOK_S)
            self._tell_flashes()
            problem = self._hindrance()
            waited_s = waited_s + _LOOK_S if problem else 0.0
            if waited_s >= self._patience_s:
                self.problem = problem
                end()
                return
            if not problem and not told:
                told = True
                self.tell(self._begins())

    def _begins(self) -> str:
        assert self._display is not None
        display, device = self._display(), self._audio().device
        where = "in no window: see /screenshot.png" if display.driver == "offscreen" else "shown"
        return (
            f"flash and click each second for {SECONDS // 60} minutes, {where} at "
            f"{display.width}x{display.height}, heard on {device}; film it now: the film's "
            "distance from click to flash, less the digits of the flash's first frame, is the error"
        )

    def _hindrance(self) -> str:
        display = None if self._display is None else self._display()
        if display is not None and (display.problem is not None or display.driver == "none"):
            return f"no screen shows the flash ({display.problem or 'none'}); see `kioskctl doctor`"
        if reason := self._audio().reason:
            return f"no sound card plays the click ({reason}); see `kioskctl doctor`"
        return ""

    def _tell_flashes(self) -> None:
        while self._film is not None and self._film.flashes:
            flash = self._film.flashes.popleft()
            self.tell(
                f"click {flash.click}: its flash's first frame has the digits "
                f"{flash.phase_s * 1e3:+04.0f}, and by kioskd's own clocks is "
                f"{abs(flash.offset_s) * 1e3:.1f} ms {'early' if flash.offset_s > 0 else 'late'}"
            )


class ClickLink(NoLink):
    """Plays the clicks once, then ends the daemon."""

    def __init__(self, sink: EventSink, test: AvTest, end: Callable[[], None]) -> None:
        super().__init__(sink)
        self._test = test
        self._end = end

    async def run(self) -> None:
        """Start the clicks, whole from the first moment."""
        self._sink(LinkUp("avtest"))
        self._sink(UtteranceStarted(clicks()))
        await self._test.watch(self._end)
        await asyncio.Event().wait()

    def report_playback(self, request_id: str, state: PlaybackState, played_ms: int) -> None:
        """The end of the clicks, or an interrupt, is the end of the test."""
        if state not in (PlaybackState.PLAYING, PlaybackState.PAUSED):
            logger.info(
                "clicks %s %s after %.1f s",
                request_id,
                state.value,
                played_ms / 1000,
                extra={"code": "avtest_over"},
            )
            self._end()
