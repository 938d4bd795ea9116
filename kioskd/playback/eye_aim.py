# SPDX-License-Identifier: Apache-2.0
"""Where the eyes must turn in the head so that they look at the visitor, whatever the head does.

The visitor is where the picture's camera is: whoever stands before the screen sees a gaze into the
camera as a gaze at themselves. People's eyes give back all of a head's movement (the
vestibulo-ocular reflex, gain 0.95 to 1 with 10 ms of delay in light; Collewijn and Smeets 2000);
here all that moves the head is known, so gain is 1 and delay 0: the chain of joints as it will be
drawn, breath and sway included, is inverted for each eye. Each has its own place, so the two meet
at the visitor; that is all there is to vergence.

A pose's own gaze (a clip that has one) keeps its place in the room as well: what the life layer
turns the head by is taken off it. Eyes that would leave their range are eased into its end, both
alike, so that they never part.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from splat_gles.avatar import Avatar
from splat_gles.eyes import Eye, eyes_of
from splat_gles.skinning import Rows, axis_angle_matrix

Point = tuple[float, float, float]
Turns = Sequence[Sequence[float]]
"""Axis-angle radians (J,3) of all joints."""

_LINEAR: Final = 0.85
"""Of the range, in which eyes turn by what they should."""

_LEAST_RANGE: Final = math.radians(24.0)
"""Eyes turn as far as this; a shape that is worth less goes beyond its weight of 1."""

_HEADS: Final = ("head", "neck", "root")
_UPRIGHT: Final[Rows] = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))


@dataclass(frozen=True, slots=True)
class Look:
    """Where to: radians from the visitor to the avatar's left and up, in the room.

    `own` is how much of the pose's gaze, 0 to 1, is the pose's and not this.
    """

    left: float
    up: float
    own: float = 0.0


class EyeAim:
    """Knows one avatar's eyes and what carries them; used by the render thread only."""

    def __init__(self, avatar: Avatar, visitor: Point) -> None:
        self.visitor = visitor
        self._eyes = eyes_of(avatar)
        self._carriers = _carriers(avatar)
        self._ranges = _ranges(self._eyes)

    def weights(
        self, look: Look, pose: Sequence[float], before: Turns, after: Turns
    ) -> list[tuple[int, float]]:
        """The eyeLook shapes' indices and weights.

        `pose` are the weights that the pose itself has for all shapes; `before` are the joints'
        turns in that pose and `after` those that are drawn.
        """
        if not self._eyes:
            return []
        frame = self._frame(after)
        posed = self._frame(before) if look.own > 0 else frame
        turns = [self._turn(eye, look, pose, posed, frame) for eye in self._eyes]
        found: list[tuple[int, float]] = []
        for eye, (left, down) in zip(self._eyes, turns, strict=True):
            for axis, angle in ((0, left), (2, down)):
                side = axis if angle > 0 else axis + 1
                limited = _eased(abs(angle), self._ranges[side])
                found.append((eye.shapes[side], limited / eye.reach[side]))
                found.append((eye.shapes[2 * axis + 1 - side], 0.0))
        return found

    def _turn(
        self,
        eye: Eye,
        look: Look,
        pose: Sequence[float],
        posed: tuple[Rows, Point],
        frame: tuple[Rows, Point],
    ) -> tuple[float, float]:
        """Radians to the left and down, of this eye in its head."""
        weights = [pose[index] * reach for index, reach in zip(eye.shapes, eye.reach, strict=True)]
        left, down = weights[0] - weights[1], weights[2] - weights[3]
        if look.own > 0:
            held_left, held_down = _angles(_back(frame[0], _turned(posed[0], _ray(left, down))))
            left += look.own * (held_left - left)
            down += look.own * (held_down - down)
        if look.own < 1:
            x, y, z = _moved(frame, eye.centre)
            to = (self.visitor[0] - x, self.visitor[1] - y, self.visitor[2] - z)
            yaw, pitch = _angles(to)
            aim_left, aim_down = _angles(_back(frame[0], _ray(yaw + look.left, pitch - look.up)))
            left += (1 - look.own) * aim_left
            down += (1 - look.own) * aim_down
        return left, down

    def _frame(self, turns: Turns) -> tuple[Rows, Point]:
        """Rotation and shift of what the head carries: x to rows x + shift."""
        rows, shift = _UPRIGHT, (0.0, 0.0, 0.0)
        for index, centre in self._carriers:
            x, y, z = turns[index]
            if not (x or y or z):
                continue
            turn = axis_angle_matrix(x, y, z)
            moved = _turned(
                turn, (shift[0] - centre[0], shift[1] - centre[1], shift[2] - centre[2])
            )
            shift = (moved[0] + centre[0], moved[1] + centre[1], moved[2] + centre[2])
            rows = _product(turn, rows)
        return rows, shift


def _carriers(avatar: Avatar) -> list[tuple[int, Point]]:
    """The joints that carry the eyes, from the head down to the root."""
    places = {joint.name: index for index, joint in enumerate(avatar.joints)}
    index = next((places[name] for name in _HEADS if name in places), -1)
    found = []
    while index >= 0:
        found.append((index, avatar.joints[index].position))
        index = avatar.joints[index].parent
    return found


def _ranges(eyes: tuple[Eye, ...]) -> tuple[float, float, float, float]:
    """How far both eyes can turn to the left, right, down and up."""
    if not eyes:
        return (0.0, 0.0, 0.0, 0.0)
    left, right, down, up = (
        max(min(eye.reach[side] for eye in eyes), _LEAST_RANGE) for side in range(4)
    )
    return left, right, down, up


def _eased(angle: float, limit: float) -> float:
    """The angle, 0 or more, up to the linear part of the limit; beyond, ever closer to it."""
    linear = _LINEAR * limit
    if angle <= linear:
        return angle
    rest = limit - linear
    return linear + rest * math.tanh((angle - linear) / rest)


def _ray(left: float, down: float) -> Point:
    cosine = math.cos(down)
    return cosine * math.sin(left), -math.sin(down), cosine * math.cos(left)


def _angles(ray: Point) -> tuple[float, float]:
    x, y, z = ray
    return math.atan2(x, z), math.atan2(-y, math.hypot(x, z))


def _turned(rows: Rows, point: Point) -> Point:
    x, y, z = point
    (a, b, c), (d, e, f), (g, h, i) = rows
    return a * x + b * y + c * z, d * x + e * y + f * z, g * x + h * y + i * z


def _back(rows: Rows, point: Point) -> Point:
    x, y, z = point
    (a, b, c), (d, e, f), (g, h, i) = rows
    return a * x + d * y + g * z, b * x + e * y + h * z, c * x + f * y + i * z


def _moved(frame: tuple[Rows, Point], point: Point) -> Point:
    x, y, z = _turned(frame[0], point)
    return x + frame[1][0], y + frame[1][1], z + frame[1][2]


def _product(one: Rows, other: Rows) -> Rows:
    (a, b, c), (d, e, f), (g, h, i) = other
    first, second, third = (
        (x * a + y * d + z * g, x * b + y * e + z * h, x * c + y * f + z * i) for x, y, z in one
    )
    return first, second, third
