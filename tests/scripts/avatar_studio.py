# SPDX-License-Identifier: Apache-2.0
"""Pictures for the tests of the avatars: close to the face, and masks of what is in them.

A close-up is taken from where the kiosk's picture is, with a longer lens.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
from numpy.typing import NDArray

from avatar_maker.review.shots import both_sides, eyes_middle, mouth_middle, posed
from splat_gles.avatar import Avatar, Framing
from splat_gles.camera import Camera, bust
from splat_gles.gl.api import gl
from splat_gles.offscreen import offscreen_renderer
from splat_gles.renderer import Renderer
from splat_gles.rig import Pose, Rig

Picture = NDArray[np.float64]
Mask = NDArray[np.bool_]
Color = tuple[float, float, float]
SIDE = 400
"""Pixels along a picture's side."""
_GAP, _RIM = 5, 6
"""Pixels: what may lie between two splats of a face, and how far it lies inside its outline."""


class Studio:
    """Draws one avatar; open it with `studio`."""

    def __init__(self, avatar: Avatar, renderer: Renderer) -> None:
        self.avatar = avatar
        self.rig = Rig(avatar)
        self._renderer = renderer

    def camera(
        self, place: NDArray[np.float64], width: float, yaw: float = 0.0, pitch: float = 0.0
    ) -> Camera:
        """Looks at a place, about which the avatar turns by degrees; `width` metres wide."""
        x, y, z = place.tolist()
        framing = Framing((x, y, z), self.avatar.framing.width)
        size = (SIDE, SIDE)
        view = bust(framing, size, float(np.radians(yaw)), float(np.radians(pitch))).view
        straight = bust(framing, size)
        aside = (view - straight.view) @ [x, y, z, 1.0]
        view[:3, 3] -= aside[:3]
        return replace(straight, view=view, focal=straight.focal * framing.width / width)

    def picture(
        self, camera: Camera, units: Mapping[str, float], background: Color = (1.0, 1.0, 1.0)
    ) -> Picture:
        """The picture (SIDE,SIDE,3), 0 to 1. A unit without a side stands for both."""
        gl.glClearColor(*background, 1.0)
        self._renderer.draw(self.pose(units), camera)
        return self._renderer.read_pixels().astype(np.float64) / 255

    def pose(self, units: Mapping[str, float]) -> Pose:
        """The avatar's pose with face units applied."""
        return self.rig.pose(posed(self.rig, both_sides(units)))

    def picture_in_order_of(self, other: Camera, camera: Camera) -> Picture:
        """The neutral face over white, its splats sorted for another camera."""
        order = self._renderer.prepare(self.pose({}), other).copy()
        sorter = self._renderer._sorter
        self._renderer._sorter = SimpleNamespace(order=lambda *told: np.copyto(told[-1], order))
        try:
            return self.picture(camera, {})
        finally:
            self._renderer._sorter = sorter

    def face(self, camera: Camera, units: Mapping[str, float]) -> Mask:
        """Pixels within the silhouette of what face units move, less a rim of about a splat."""
        moving = np.abs(self.avatar.deltas).max(axis=(0, 2)) > 0.0005
        places = self.rig.posed_positions(self.pose(units))[: len(moving)][moving]
        return silhouette(pixels_of(camera, places))

    def middle(self) -> NDArray[np.float64]:
        """The face's middle: between the eyes, and down to the tip of the nose."""
        return eyes_middle(self.avatar) - [0.0, 0.03, 0.02]


@contextmanager
def studio(avatar: Avatar) -> Iterator[Studio]:
    """A studio for one avatar; one at a time in a process."""
    with offscreen_renderer(avatar, (SIDE, SIDE)) as renderer:
        yield Studio(avatar, renderer)


@contextmanager
def painted(avatar: Avatar, rows: Mask) -> Iterator[Studio]:
    """A studio in which these splats are green and all others grey."""
    colors = avatar.colors.copy()
    colors[:, :3] = np.where(rows[:, None], [0.0, 1.0, 0.0], 0.5)
    with studio(replace(avatar, colors=colors)) as opened:
        yield opened


def green(picture: Picture) -> Picture:
    """How much of each pixel is of painted splats, 0 to 1."""
    return np.clip(picture[..., 1] - picture[..., 0], 0.0, 1.0)


def inside_mouth(avatar: Avatar) -> Mask:
    """Splats (n,) that lie more than 8 mm behind the foremost around them, near the mouth."""
    middle, places = mouth_middle(avatar), avatar.positions.astype(np.float64)
    near = (np.abs(places - middle) < [0.022, 0.020, 0.070]).all(axis=1)
    cells = np.round(places[near, :2] / 0.003).astype(int)
    cells -= cells.min(axis=0) - 1
    foremost = np.full(cells.max(axis=0) + 2, -np.inf)
    for across in (-1, 0, 1):
        for up in (-1, 0, 1):
            np.maximum.at(foremost, tuple(np.add(cells, [across, up]).T), places[near, 2])
    inside = np.zeros(len(places), bool)
    inside[near] = places[near, 2] < foremost[tuple(cells.T)] - 0.008
    return inside


def pixels_of(camera: Camera, places: NDArray[np.floating]) -> NDArray[np.float64]:
    """Columns and rows (n,2) of places (n,3)."""
    seen = np.column_stack([places, np.ones(len(places))]) @ (camera.projection @ camera.view).T
    return (seen[:, :2] / seen[:, 3:] * [1, -1] + 1) / 2 * camera.size


def silhouette(points: NDArray[np.float64]) -> Mask:
    """What points (n,2) a splat apart cover, with what they enclose, less a rim."""
    mask = np.zeros((SIDE, SIDE), bool)
    columns, rows = points[((points >= 0) & (points < SIDE)).all(axis=1)].astype(int).T
    mask[rows, columns] = True
    outside = ~grown(mask, _GAP)
    return ~grown(connected(outside, outside & edge()), _GAP + _RIM)


def grown(mask: Mask, steps: int) -> Mask:
    """A mask with every pixel up to `steps` rows and columns away."""
    for _ in range(steps):
        wide = mask.copy()
        wide[1:] |= mask[:-1]
        wide[:-1] |= mask[1:]
        mask = wide.copy()
        mask[:, 1:] |= wide[:, :-1]
        mask[:, :-1] |= wide[:, 1:]
    return mask


def connected(mask: Mask, seeds: Mask) -> Mask:
    """The pixels of a mask that seeds reach through it, up, down and sideways."""
    reached = mask & seeds
    while True:
        before = int(reached.sum())
        for _ in range(2):
            for rows in (range(1, len(mask)), range(len(mask) - 2, -1, -1)):
                step = 1 if rows.step > 0 else -1
                for row in rows:
                    reached[row] |= reached[row - step] & mask[row]
            reached, mask = reached.T, mask.T
        if int(reached.sum()) == before:
            return reached


def edge() -> Mask:
    """The outermost pixels."""
    mask = np.zeros((SIDE, SIDE), bool)
    mask[[0, -1]] = True
    mask[:, [0, -1]] = True
    return mask


def brightness(picture: Picture) -> Picture:
    """Relative luminance of display-referred values, roughly: enough to compare places."""
    return picture @ [0.3, 0.59, 0.11]
