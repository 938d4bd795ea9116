# SPDX-License-Identifier: Apache-2.0
"""Whether anybody can see the picture.

A missing screen is a warning: the kiosk speaks, waits, and moves onto the screen that comes, and an
image on trial must not be thrown away for a pulled cable. A screen that is there and cannot be
drawn on is a failure, also of an image on trial: its graphics may be what has broken.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar, Final

from kioskd.health.status import Finding, failed, passed, warned
from kioskd.screen.snapshot import FAULTS, DisplaySnapshot, ScreenProblem

NO_CARD: Final = (
    "no graphics card has a connector; the kernel lacks the display's driver, or the device tree "
    "switches it off (dmesg | grep -i drm)"
)
_MOVES: Final = "the picture moves there by itself"
TEXTS: Final[Mapping[ScreenProblem, str]] = {
    "no_graphics_card": f"{NO_CARD}; where one comes, {_MOVES}",
    "no_screen_connected": f"no screen is plugged in or switched on; check its cable; {_MOVES}",
    "screen_without_modes": "a screen is plugged in, but does not tell its sizes; check its cable, "
    f"try another, or name a size to the kernel (video=); {_MOVES}",
    "screen_forbidden": "kioskd may not open the graphics card in /dev/dri; its user needs the "
    "groups video and render (`kioskctl doctor`); tried again every few seconds",
    "screen_busy": "another program holds the screen; end the desktop (`systemctl disable --now` "
    "what starts it); tried again every few seconds",
    "screen_failed": "a screen is connected and cannot be drawn on; install the GL libraries of "
    "the board's maker (`kioskctl doctor`), or go back to the image before; tried again every few "
    "seconds, with a still picture on the screen ever more seldom, every 5 minutes in the end",
}


@dataclass(frozen=True, slots=True)
class DisplayCheck:
    """Whether the picture is where it should be; `address` is the console page's, if any."""

    name: ClassVar[str] = "display"
    source: Callable[[], DisplaySnapshot | None]
    address: Callable[[], str] = lambda: ""

    def run(self, _now: float) -> Finding:
        """Warns while no screen is connected; fails where one cannot be drawn on."""
        display = self.source()
        if display is None:
            return failed("none", "no_display", "no display has been opened yet")
        observed = "nothing is drawn"
        if display.driver != "none":
            observed = f"{display.driver}, {display.width}×{display.height}, {display.gl}"
        if display.problem is None:
            return passed(observed)
        if display.still:
            observed = f"{observed}; a still picture by {display.still}"
        observed = f"{observed}; {display.screens}"
        text = TEXTS[display.problem]
        if display.error:
            text = f"{text}: {display.error}"
        if display.still and (address := self.address()):
            text = f"{text}; what is shown is to be seen at {address}"
        tell = failed if display.problem in FAULTS else warned
        return tell(observed, display.problem, text)
