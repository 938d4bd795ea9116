# SPDX-License-Identifier: Apache-2.0
"""The display and what draws on it, as one thing that can be made anew while the kiosk runs.

On a board whose own screen is to show the picture (there is a `lookout` then) the stage stands on
that screen, and where it cannot, in a buffer, so that the console page and the checks still see
a picture. While a screen that is there cannot be drawn on, and where there is no buffer either
(a vendor's GL library may know screens only), the stage is dark: the kiosk lives on without it, and
a still picture is on the screen where that is possible without GL (`still_screen`). GL that fails
again and again is tried ever more seldom, since each attempt takes the still picture down.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import replace
from typing import Final, Protocol

from kioskd.patience import PATIENCE_S, patient
from kioskd.screen.lookout import Lookout
from kioskd.screen.opening_mark import OpeningMark
from kioskd.screen.placement import Placement, problem_after_failure, problem_of
from kioskd.screen.snapshot import FAULTS, DisplaySnapshot, ScreenProblem
from kioskd.screen.still_screen import StillScreen
from splat_gles import camera as cameras
from splat_gles.avatar import Avatar
from splat_gles.camera import Size
from splat_gles.display import Display, open_display
from splat_gles.errors import SplatError
from splat_gles.renderer import Renderer
from splat_gles.rig import Rig

logger = logging.getLogger(__name__)

NOWHERE = DisplaySnapshot("none", 0, 0, "")
_AFTER_A_CRASH: Final = 3
"""Failures that the first counts as beyond its own: a minute until the next attempt, so that the
service manager's limit of starts, 6 in 10 minutes, is not reached."""
FORGIVEN_S: Final = 600.0
"""So long a screen has to be drawn on without a failure for those before not to count."""


class OpenDisplay(Protocol):
    """As `open_display`."""

    def __call__(
        self, driver: str, size: tuple[int, int] | None, title: str, drm_drivers: Sequence[str]
    ) -> Display:
        """Open it; raises SplatError."""


class Stage:
    """Opened by `with`; `rebuild` replaces `display` and `renderer`. Main thread only.

    `driver`, `size` and `drm_drivers` are those of `open_display`, `background` the renderer's.
    `mark` remembers attempts that ended the process.
    With a `lookout` the driver is `kmsdrm` where there is a screen. While the stage is `dark` it
    has neither display nor renderer, and `still`, if there is one, may be up. `alive` is called
    on another thread while a driver takes long to open.
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
        still: StillScreen | None = None,
        opener: OpenDisplay = open_display,
        clock: Callable[[], float] = time.monotonic,
        mark: OpeningMark | None = None,
    ) -> None:
        self.avatar = avatar
        self.alive: Callable[[], None] = lambda: None
        self.lookout = lookout
        self.still = still
        self.dark = True
        rig = Rig(avatar)
        self._rest = rig.pose(rig.neutral())
        self._driver = driver
        self._size = size
        self._background = background
        self._drm_drivers = drm_drivers
        self._opener = opener
        self._clock = clock
        self._placement: Placement | None = None
        self._failures = 0
        self._mark = mark

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

    def give_up(self, error: str) -> None:
        """Go dark: drawing on this screen fails in spite of all; it is tried again later.

        Only with a lookout.
        """
        assert self.lookout is not None
        logger.error("the screen is given up for now: %s", error, extra={"code": "screen_given_up"})
        now = self._clock()
        self._forgive(now)
        self._close()
        self._settle(self.lookout, "screen_failed", error, now)

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
        self._forgive(began)
        problem, error = problem_of(lookout.look().card), ""
        never_came_back = self._mark.unfinished if self._mark and self._placement is None else 0
        if problem is None and never_came_back:
            problem, error = "screen_failed", "opening it crashed or hung kioskd the last time"
            self._failures = _AFTER_A_CRASH + never_came_back
            logger.error("%s", error, extra={"code": "screen_opening_unfinished"})
        elif problem is None:
            problem, error = self._try_screen(lookout)
        if problem is not None and problem not in FAULTS:
            try:
                self._make("offscreen", self._size)
            except SplatError as no_buffer:
                logger.warning("%s", no_buffer, extra={"code": "nothing_drawn"})
        self._settle(lookout, problem, error, began)

    def _settle(
        self, lookout: Lookout, problem: ScreenProblem | None, error: str, began: float
    ) -> None:
        """Note where the stage stands; a failure gets a still picture where that is possible."""
        # As it is after opening, which makes the kernel ask the screens
        card = lookout.look().card
        still = ""
        if self.still is not None and problem in ("screen_failed", "no_graphics_card"):
            self.still.put_up(card)
            still = self.still.shown
        self._failures += problem == "screen_failed"
        now = self._clock()
        screens = "no graphics card with a connector" if card is None else card.describe()
        self.snapshot = replace(
            self._described(), problem=problem, screens=screens, error=error, still=still
        )
        # Without a still picture there is nothing that an attempt would spoil
        failures = self._failures if still else 0
        self._placement = Placement(problem, card, now, now - began, failures)

    def _forgive(self, now: float) -> None:
        stood = self._placement
        if stood is not None and stood.problem is None and now - stood.at >= FORGIVEN_S:
            self._failures = 0

    def _try_screen(self, lookout: Lookout) -> tuple[ScreenProblem | None, str]:
        try:
            with self._mark.opening() if self._mark else nullcontext():
                self._make("kmsdrm", self._size)
        except SplatError as error:
            problem = problem_after_failure(lookout.look().card)
            if problem != self.snapshot.problem:
                logger.warning("%s", error, extra={"code": "display_unavailable"})
            return problem, str(error)
        return None, ""

    def _make(self, driver: str, size: tuple[int, int] | None) -> None:
        with patient("opening the display and compiling its shaders", lambda: self.alive()):
            self.display = display = self._opener(driver, size, "Avatar kiosk", self._drm_drivers)
            try:
                self.renderer = Renderer(self.avatar, display.size, self._background)
                self._draw_first(display.size)
            except BaseException:
                display.close()
                raise
        self.dark = False

    def _draw_first(self, size: Size) -> None:
        """Many drivers compile when a program is first used: here somebody waits for that."""
        camera = cameras.on_screen(self.avatar.framing, size)
        self.renderer.draw(self._rest, camera)
        self.renderer.wait(PATIENCE_S)

    def _described(self) -> DisplaySnapshot:
        if self.dark:
            return NOWHERE
        display, driver = self.display, self.renderer.gl_strings["renderer"]
        return DisplaySnapshot(display.driver, *display.size, driver)

    def _close(self) -> None:
        if self.still is not None:
            self.still.take_down()
        if not self.dark:
            self.dark = True
            self.renderer.close()
            self.display.close()
