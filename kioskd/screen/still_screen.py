# SPDX-License-Identifier: Apache-2.0
"""The end of the ladder: a still picture of the avatar on a screen that GL cannot draw on.

By plain KMS, else on a framebuffer device. It shows until the stage tries GL again, for which the
card must be free.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Protocol

import numpy as np

from kioskd.screen.rectangle import Rectangle
from kioskd.screen.still_picture import Pixels, StillPicture
from splat_gles.camera import Size
from splat_gles.drm_cards import DrmCard
from splat_gles.errors import DisplayError
from splat_gles.framebuffer_still import FramebufferStill
from splat_gles.kms_still import KmsStill, Paint

logger = logging.getLogger(__name__)


class Still(Protocol):
    """A KmsStill or FramebufferStill."""

    @property
    def sizes(self) -> tuple[Size, ...]:
        """Of the screens."""

    def paint(self, paint: Paint) -> None:
        """Show another picture."""

    def close(self) -> None:
        """Free the screens."""


Ways = tuple[tuple[str, Callable[[DrmCard | None, Paint], Still]], ...]


def _by_kms(card: DrmCard | None, paint: Paint) -> Still:
    if card is None:
        raise DisplayError("no still picture: no graphics card has a connector")
    return KmsStill(card.index, paint)


WAYS: Ways = (
    ("KMS", _by_kms),
    ("framebuffer", lambda _card, paint: FramebufferStill(paint)),
)


class StillScreen:
    """Puts the picture up and takes it down; main thread only.

    `shown` says by what and how large, empty while nothing is. `marks` lie over the picture.
    """

    def __init__(self, picture: StillPicture, ways: Ways = WAYS) -> None:
        self._picture = picture
        self._ways = ways
        self._still: Still | None = None
        self._painted: object = None
        self.marks: Callable[[Size], tuple[Rectangle, ...]] = lambda _: ()
        self._told: list[str] = []
        self.shown = ""

    def put_up(self, card: DrmCard | None) -> None:
        """Show the picture on the card's screens, or where there is no such way, tell so."""
        self.take_down()
        problems: list[str] = []
        for name, way in self._ways:
            try:
                self._still = way(card, self._paint)
            except DisplayError as error:
                problems.append(str(error))
                continue
            self._painted = self._look
            sizes = ", ".join(f"{width}×{height}" for width, height in self._still.sizes)
            self.shown = f"{name} {sizes}"
            logger.warning(
                "a still picture is shown by %s", self.shown, extra={"code": "still_shown"}
            )
            return
        if problems != self._told:
            self._told = problems
            logger.warning("%s", "; ".join(problems), extra={"code": "still_not_shown"})

    def keep(self) -> None:
        """Show the picture as soon as it is made, and other marks; costs nothing otherwise."""
        if self._still is None or (look := self._look) == self._painted:
            return
        self._painted = look
        try:
            self._still.paint(self._paint)
        except OSError as error:
            logger.warning("%s", error, extra={"code": "still_not_shown"})
            self.take_down()

    def pixels(self) -> Pixels | None:
        """What people see on the first screen; None while nothing is there."""
        return None if self._still is None else self._picture.upright(self._still.sizes[0])

    @property
    def _look(self) -> object:
        """What is to be seen: another value, another look."""
        sizes = () if self._still is None else self._still.sizes
        return self._picture.made, [self.marks(size) for size in sizes]

    def _paint(self, size: Size) -> Pixels:
        pixels, marks = self._picture.paint(size), self.marks(size)
        if marks:
            pixels = pixels.copy()
        for each in marks:
            color = np.rint(np.array(each.color) * 255)
            pixels[each.y : each.y + each.height, each.x : each.x + each.width] = color
        return pixels

    def take_down(self) -> None:
        """Leave the screen to others."""
        if self._still is not None:
            self._still.close()
            self._still, self.shown = None, ""
