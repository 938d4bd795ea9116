# SPDX-License-Identifier: Apache-2.0
"""Where an avatar's eyeballs are, and by how much its eyeLook* shapes turn them.

A weight of 1 is no angle of its own: an avatar with eye joints turns by the rig's constants, an
imported one by whatever its author made. Of the two LAM avatars at hand eyeLookOut turns an
eyeball by 25 degrees, eyeLookIn by 12, Up by 12 and Down by 15; taken for 25 and 20, the eyes
squinted outwards at every glance aside. So it is measured here, once per avatar.

Eyeballs without joints are what the eyeLook shapes move and no other shape does: lids blink. The
foremost of an eyeball goes by twice the radius times the sine of half the angle. The radius is not
asked of the splats, which lie off the eyeball's surface by as much as a third of it, but taken
from the eyes' distance, which is the same in all people to within a tenth, as the eyeball is.

Left out: what a shape does besides turning (LAM's roll by a degree).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from splat_gles.avatar import EYE_GAZE, Avatar
from splat_gles.rig import GAZE_SIDEWAYS, GAZE_UP_DOWN

Point = tuple[float, float, float]

_ASSUMED: Final = (GAZE_SIDEWAYS, GAZE_SIDEWAYS, GAZE_UP_DOWN, GAZE_UP_DOWN)
_RADIUS_SHARE: Final = 0.208
"""An eyeball's radius in distances of the eyes: 13 mm of 62.3 in FLAME's head; 12 of 62 in
people (Bekerman, Gottlieb and Vaiman 2014; Dodgson 2004)."""

_HALF_DISTANCE_M: Final = 0.031
_STILL_M: Final = 1e-4
_TURNS_M: Final = 3e-4
_LEAST_SPLATS: Final = 12


@dataclass(frozen=True, slots=True)
class Eye:
    """One eyeball at rest.

    `centre` in metres; `shapes` are the blendshapes' indices that turn it to the avatar's left and
    right, down and up, `reach` the radians that a weight of 1 of each is worth.
    """

    centre: Point
    shapes: tuple[int, int, int, int]
    reach: tuple[float, float, float, float]


def eyes_of(avatar: Avatar) -> tuple[Eye, ...]:
    """The left eye and the right one; none where the avatar lacks an eyeLook shape."""
    places = {name: index for index, name in enumerate(avatar.blendshapes)}
    if any(name not in places for _, *names in EYE_GAZE for name in names):
        return ()
    joints = {joint.name: joint.position for joint in avatar.joints}
    shapes = [tuple(places[name] for name in names) for _, *names in EYE_GAZE]
    balls = [_eyeball(avatar, which) for which in shapes]
    centres = [joints.get(name) for name, *_ in EYE_GAZE]
    if None in centres:
        centres = list(_centres(avatar, balls))
    left, right = centres
    assert left is not None
    assert right is not None
    radius = _RADIUS_SHARE * math.dist(left, right)
    by_shapes = avatar.gaze == "blendshapes"
    eyes = []
    for centre, which, ball in zip((left, right), shapes, balls, strict=True):
        reach = _reaches(avatar, which, ball, radius) if by_shapes else _ASSUMED
        eyes.append(Eye(centre, (which[0], which[1], which[2], which[3]), reach))
    return tuple(eyes)


def _eyeball(avatar: Avatar, shapes: tuple[int, ...]) -> NDArray[np.bool_]:
    """Which of the splats that any shape moves are of this eyeball."""
    looks = {index for index, name in enumerate(avatar.blendshapes) if name.startswith("eyeLook")}
    others = [index for index in range(len(avatar.blendshapes)) if index not in looks]
    still = np.ones(avatar.deltas.shape[1], bool)
    for index in others:
        still &= (np.abs(avatar.deltas[index]) < _STILL_M).all(axis=1)
    turns = np.zeros(len(still), bool)
    for index in shapes[:2]:
        turns |= np.abs(avatar.deltas[index]).max(axis=1) > _TURNS_M
    return still & turns


def _centres(avatar: Avatar, balls: list[NDArray[np.bool_]]) -> tuple[Point, Point]:
    """By the splats of the eyeballs; beside the framing's middle where none are known."""
    if min(np.count_nonzero(ball) for ball in balls) < _LEAST_SPLATS:
        x, y, z = avatar.framing.target
        return (x + _HALF_DISTANCE_M, y, z), (x - _HALF_DISTANCE_M, y, z)
    found = []
    for ball in balls:
        x, y, z = np.median(avatar.positions[: len(ball)][ball].astype(np.float64), axis=0)
        found.append((float(x), float(y), float(z)))
    return found[0], found[1]


def _reaches(
    avatar: Avatar, shapes: tuple[int, ...], ball: NDArray[np.bool_], radius: float
) -> tuple[float, float, float, float]:
    if np.count_nonzero(ball) < _LEAST_SPLATS or radius <= 0:
        return _ASSUMED
    reach = []
    for index, assumed in zip(shapes, _ASSUMED, strict=True):
        furthest = float(np.linalg.norm(avatar.deltas[index][ball], axis=1).max())
        angle = 2 * math.asin(min(furthest / (2 * radius), 1.0))
        reach.append(angle if angle > 0.2 * assumed else assumed)
    return reach[0], reach[1], reach[2], reach[3]
