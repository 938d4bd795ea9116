# SPDX-License-Identifier: Apache-2.0
"""The display and what draws on it, as one thing that can be made anew while the kiosk runs.

On a board whose own screen is to show the picture (there is a `lookout` then) the stage stands on
that screen, and where it cannot, in a buffer, so that the console page and the checks still see
a picture. While a screen that is there cannot be drawn on, and where there is no buffer either
(a vendor's GL library may know screens only), the stage is dark: the kiosk lives on without it.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Protocol

from kioskd.screen.lookout import Lookout
from kioskd.screen.placement import Placement, problem_after_failure, problem_of
from kioskd.screen.snapshot import FAULTS, DisplaySnapshot, ScreenProblem
from splat_gles.avatar import Avatar
from splat_gles.display import Display, open_display
from splat_gles.errors import SplatError
from splat_gles.renderer import Renderer

logger = logging.getLogger(__name__)

NOWHERE = DisplaySnapshot("none", 0, 0, "")


class OpenDisplay(Protocol):
    """As `open_display`."""

    def __call__(
        self, driver: str, size: tuple[int, int] | None, title: str, drm_drivers: Sequence[str]
    ) -> Display:
        """Open it; raises SplatError."""


class Stage:
    """Opened by `with`; `rebuild` replaces `display` and `renderer`. Main thread only.

    `driver`, `size` and `drm_drivers` are those of `open_display`, `background` the renderer's.
    With a `lookout` the driver is `kmsdrm` where there is a screen. While the stage is `dark` it
    has neither display nor renderer.
    """

    display: Display
    renderer: Renderer
    snapshot: DisplaySnapshot = NOWHERE

    def __init__(
        self,
        avatar: Avatar,
        driver: str,
        size: tuple[int, int] | None,
        background: tuple[float, float, float],
        drm_drivers: Sequence[str] = (),
        lookout: Lookout | None = None,
        opener: OpenDisplay = open_display,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.avatar = avatar
        self.lookout = lookout
        self.dark = True
        self._driver = driver
        self._size = size
        self._background = background
        self._drm_drivers = drm_drivers
        self._opener = opener
        self._clock = clock
        self._placement: Placement | None = None

    def is_misplaced(self, now: float) -> bool:
        """Whether screens have come or gone, so that a rebuild is due. Costs next to nothing."""
        if self.lookout is None or self._placement is None:
            return False
        return self._placement.is_outdated(self.lookout.sight, now)

    def rebuild(self) -> None:
        """Close all and open it again, with a context of its own.

        Raises SplatError; never with a lookout, which goes where it can.
        """
        if self.lookout is not None:
            self._close()
            self._place(self.lookout)
            return
        driver, size = self.display.driver, self.display.size
        self._close()
        # The same again: "auto" might find another
        self._make(driver, None if driver == "kmsdrm" else size)
        self.snapshot = self._described()

    def __enter__(self) -> Stage:
        if self.lookout is None:
            self._make(self._driver, self._size)
            self.snapshot = self._described()
        else:
            self._place(self.lookout)
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    def _place(self, lookout: Lookout) -> None:
        """Go onto the screen, else into a buffer, else nowhere."""
        began = self._clock()
        problem, error = problem_of(lookout.look().card), ""
        if problem is None:
            problem, error = self._try_screen(lookout)
        if problem is not None and problem not in FAULTS:
            try:
                self._make("offscreen", self._size)
            except SplatError as no_buffer:
                logger.warning("%s", no_buffer, extra={"code": "nothing_drawn"})
        now = self._clock()
        # As it is after opening, which makes the kernel ask the screens
        card = lookout.look().card
        screens = "no graphics card with a connector" if card is None else card.describe()
        self.snapshot = replace(self._described(), problem=problem, screens=screens, error=error)
        self._placement = Placement(problem, card, now, now - began)

    def _try_screen(self, lookout: Lookout) -> tuple[ScreenProblem | None, str]:
        try:
            self._make("kmsdrm", self._size)
        except SplatError as error:
            problem = problem_after_failure(lookout.look().card)
            if problem != self.snapshot.problem:
                logger.warning("%s", error, extra={"code": "display_unavailable"})
            return problem, str(error)
        return None, ""

    def _make(self, driver: str, size: tuple[int, int] | None) -> None:
        self.display = display = self._opener(driver, size, "Avatar kiosk", self._drm_drivers)
        try:
            self.renderer = Renderer(self.avatar, display.size, self._background)
        except BaseException:
            display.close()
            raise
        self.dark = False

    def _described(self) -> DisplaySnapshot:
        if self.dark:
            return NOWHERE
        display, driver = self.display, self.renderer.gl_strings["renderer"]
        return DisplaySnapshot(display.driver, *display.size, driver)

    def _close(self) -> None:
        if not self.dark:
            self.dark = True
            self.renderer.close()
            self.display.close()
