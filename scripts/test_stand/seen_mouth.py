# SPDX-License-Identifier: Apache-2.0
"""How open the mouth in a picture of an avatar is, whatever its head does.

A living head never stands where the neutral one does, so the picture is first moved to where its
eyes and nose lie on the neutral ones. Turns are not undone: those of a face that idles or speaks
change what an open jaw looks like by little.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from splat_gles.avatar import Avatar
from splat_gles.camera import on_screen
from splat_gles.offscreen import offscreen_renderer
from splat_gles.quality import RenderQuality
from splat_gles.rig import Rig, RigParameters

Picture = NDArray[np.float64]
"""Rows from the top, (height, width, 3), 0 to 255."""

JAW_OPEN: Final = 0.6
"""The jawOpen that counts as an opening of 1."""

_CHANGED: Final = 40
_FURTHEST: Final = 1 / 16
"""Of the picture's height: as far as a head is looked for from its neutral place."""


def render_jaw(
    avatar: Avatar, size: tuple[int, int], jaw_open: float, quality: RenderQuality | None = None
) -> Picture:
    """The avatar's neutral face with its jaw opened as told."""
    rig = Rig(avatar)
    neutral = rig.neutral()
    weights = neutral.weights.copy()
    weights[avatar.blendshapes.index("jawOpen")] = jaw_open
    with offscreen_renderer(avatar, size) as renderer:
        if quality is not None:
            renderer.set_quality(quality)
        pose = rig.pose(RigParameters(weights, neutral.rotations))
        renderer.draw(pose, on_screen(avatar.framing, size))
        return renderer.read_pixels().astype(np.float64)


class SeenMouth:
    """How open the mouth in a picture is: 0 as in the neutral face, 1 as with an open jaw.

    Measured on the pixels that differ between renders of the two, along their difference.
    """

    def __init__(
        self, avatar: Avatar, size: tuple[int, int], quality: RenderQuality | None = None
    ) -> None:
        self._shut = render_jaw(avatar, size, 0.0, quality)
        change = render_jaw(avatar, size, JAW_OPEN, quality) - self._shut
        change[np.abs(change).max(axis=2) < _CHANGED] = 0.0
        rows, columns = np.nonzero(change.any(axis=2))
        assert len(rows) > size[0] * size[1] // 400, "an open jaw changes the picture"
        self._change = change
        self._reach = round(size[1] * _FURTHEST)
        width = int(np.ptp(columns)) + 1
        top = max(int(rows.min()) - width, self._reach)
        self._upper_face = (slice(top, int(rows.min())), slice(columns.min(), columns.max() + 1))

    def opening(self, picture: Picture) -> float:
        """Of a picture of this avatar in the size that was told."""
        down, right = self._place(picture)
        moved = np.roll(picture, (-down, -right), (0, 1))
        return float(np.sum((moved - self._shut) * self._change) / np.sum(self._change**2))

    def _place(self, picture: Picture) -> tuple[int, int]:
        """Pixels down and right by which the upper face differs least from the neutral one."""
        wanted = self._shut[self._upper_face].mean(axis=2)
        grey = picture.mean(axis=2)
        reach, coarse = self._reach, max(self._reach // 8, 1)
        place = (0, 0)
        for step, span in ((coarse, reach), (1, coarse)):
            down, right = place
            steps = range(-span, span + 1, step)
            place = min(
                ((down + y, right + x) for y in steps for x in steps),
                key=lambda place: self._difference(grey, wanted, place),
            )
        return place

    def _difference(
        self, grey: NDArray[np.float64], wanted: NDArray[np.float64], place: tuple[int, int]
    ) -> float:
        rows, columns = self._upper_face
        top, left = rows.start + place[0], columns.start + place[1]
        part = grey[max(top, 0) : top + wanted.shape[0], max(left, 0) : left + wanted.shape[1]]
        if part.shape != wanted.shape:
            return np.inf
        return float(np.mean((part - wanted) ** 2))
