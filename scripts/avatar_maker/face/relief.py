# SPDX-License-Identifier: Apache-2.0
"""The skin's fine relief, finer than the mesh: pores, lip lines, the wrinkles of age,
and the tendons and collarbones that show through the neck.

It exists as shading alone: slopes that turn the normals before lighting, and hollows that are a
little darker and duller. Wrinkles are lines on the face seen from the front, placed from the
landmarks and scaled by the distance between the eyes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from avatar_maker.body.landmarks import Landmarks
from avatar_maker.source import Floats
from avatar_maker.splats.mesh import smoothstep, unit
from avatar_maker.splats.noise import waves

PORES: Final = ((0.0011, 0.11, 11), (0.0021, 0.10, 12), (0.0045, 0.075, 13), (0.011, 0.045, 14))
"""Octaves of the skin's grain: wavelength in metres, slope, seed."""
LIP_LINES: Final = ((0.0016, 0.16, 21), (0.0032, 0.15, 22))
"""Octaves of the lines across the lips, alike."""
STEP: Final = 0.0002
"""Over how many metres a wrinkle's slope is measured."""


@dataclass(frozen=True, slots=True)
class Relief:
    """Slope (n,3) of the relief's height, and how deep (n,) a place lies in hollows, 0 to 1."""

    slope: Floats
    hollow: Floats

    def turned(self, normals: Floats) -> Floats:
        """Normals (n,3) of the surface with this relief on it."""
        along = (self.slope * normals).sum(axis=1, keepdims=True)
        return unit(normals - (self.slope - along * normals))


@dataclass(frozen=True, slots=True)
class _Line:
    """A wrinkle: its path (k,2) in metres seen from the front, half width, and slope.

    A ridge has a negative slope.
    """

    path: Floats
    width: float
    slope: float


def relief(points: Floats, cell: Floats, marks: Landmarks, lips: Floats, lines: float) -> Relief:
    """The relief at points (n,3) of the skin, with cells of edge `cell` (n,) in metres.

    `lips` (n,) is their mask; `lines` says how deep wrinkles are, 0 to 1.
    """
    slope = np.zeros_like(points)
    hollow = np.zeros(len(points))
    for wavelength, steep, seed in PORES:
        value, rise = waves(points, wavelength, seed, cell)
        coarse = (0.8 + 0.6 * lines) * steep * (1 - 0.7 * lips)
        slope += coarse[:, None] * rise
        hollow += 0.9 * coarse * _pit(value)
    for wavelength, steep, seed in LIP_LINES:
        value, rise = waves(points, wavelength, seed, cell, np.array([0.22, 1.0, 1.0]))
        slope += (steep * lips)[:, None] * rise
        hollow += 1.3 * steep * lips * _pit(value)
    face = smoothstep(-0.045, -0.02, points[:, 2] - marks.eyes[0, 2])
    neck = smoothstep(0.0, 0.02, points[:, 2] - marks.collar[2])
    front = np.where(points[:, 1] > marks.chin, face, neck)
    for line in (*_wrinkles(marks, lines), *_neck(marks)):
        depth = _depth(points[:, :2], line) * front
        for axis in range(2):
            shift = np.zeros(2)
            shift[axis] = STEP
            slope[:, axis] -= (_depth(points[:, :2] + shift, line) * front - depth) / STEP
        hollow += 0.8 * np.clip(depth, 0, None) / line.width
    return Relief(slope, np.clip(hollow, 0, 1))


def _pit(value: Floats) -> Floats:
    """How much (n,) of a hollow noise makes; its mean stays where the noise fades out."""
    values: Floats = np.clip(0.4 - 0.6 * value, 0, 1.6)
    return values


def _depth(places: Floats, line: _Line) -> Floats:
    """How deep (n,) a wrinkle is at places (n,2), in metres; it fades towards its ends."""
    near = np.full(len(places), np.inf)
    along = np.zeros(len(places))
    pieces = len(line.path) - 1
    low, high = line.path.min(axis=0) - 4 * line.width, line.path.max(axis=0) + 4 * line.width
    rows = np.flatnonzero(((places > low) & (places < high)).all(axis=1))
    for index in range(pieces):
        start, end = line.path[index], line.path[index + 1]
        part = np.clip((places[rows] - start) @ (end - start) / ((end - start) ** 2).sum(), 0, 1)
        gap = np.linalg.norm(places[rows] - start - part[:, None] * (end - start), axis=1)
        closer = gap < near[rows]
        near[rows[closer]] = gap[closer]
        along[rows[closer]] = (index + part[closer]) / pieces
    ends = smoothstep(0.0, 0.25, along) * smoothstep(1.0, 0.7, along)
    values: Floats = line.slope * line.width * np.exp(-((near / line.width) ** 2)) * ends
    return values


def _both_sides(path: list[tuple[float, float]], width: float, slope: float) -> list[_Line]:
    """A smooth curve through a few places on the left, and its mirror image."""
    knots, fine = np.linspace(0, 1, len(path)), np.linspace(0, 1, 13)
    curve = np.stack([np.interp(fine, knots, axis) for axis in np.array(path).T], axis=1)
    curve[1:-1] = (curve[:-2] + 2 * curve[1:-1] + curve[2:]) / 4
    return [_Line(curve, width, slope), _Line(curve * [-1, 1], width, slope)]


def _neck(marks: Landmarks) -> list[_Line]:
    """The muscles from behind the ears to the breastbone, the pit between them, collarbones."""

    def at(*places: tuple[float, float]) -> list[tuple[float, float]]:
        return [(x / 1000, float(marks.collar[1]) + y / 1000) for x, y in places]

    return [
        *_both_sides(at((50, 52), (38, 28), (22, 2), (9, -18)), 0.0065, -0.42),
        *_both_sides(at((6, -19), (32, -19), (62, -14), (100, -2)), 0.0060, -0.40),
        *_both_sides(at((16, -6), (40, -6), (74, 2)), 0.0080, 0.22),
        *_both_sides(at((1, 0), (1, -12), (1, -26)), 0.0070, 0.25),
    ]


def _wrinkles(marks: Landmarks, lines: float) -> list[_Line]:
    """The wrinkles of a face: the deeper, the older it is."""
    eye, mouth, nose = marks.eyes[0], marks.mouth, marks.nose
    size = eye[0] / 0.030
    late = float(np.clip(1.5 * lines - 0.3, 0, 1))
    found = []

    def at(x: float, y: float, base: Floats) -> tuple[float, float]:
        return size * x / 1000, float(base[1] + size * y / 1000)

    def line(path: list[tuple[float, float]], width: float, slope: float) -> None:
        if slope > 0:
            found.extend(_both_sides(path, width * size, slope))

    line(
        [at(17, 4, nose), at(23, -5, nose), at(29, -15, nose), at(33, 3, mouth)],
        0.0030,
        0.10 + 0.55 * lines,
    )
    line([at(30, -4, mouth), at(33, -13, mouth), at(33, -22, mouth)], 0.0026, 0.5 * late)
    line(
        [at(19, -9, eye), at(26, -15, eye), at(36, -15, eye), at(43, -9, eye)],
        0.0022,
        0.05 + 0.4 * lines,
    )
    for high, end in ((4.0, 11.0), (0.0, 0.5), (-4.0, -9.0)):
        corner, tip = at(46, high, eye), at(57, end, eye)
        line([corner, tip], 0.0011, 0.5 * late)
    line([at(6, 12, eye), at(7, 19, eye), at(6, 27, eye)], 0.0016, 0.45 * late)
    for number, high in enumerate((36.0, 44.0, 52.5)):
        bow = [
            at(x, high + 0.8 * np.cos(x / 13 + 2 * number) - x / 18, eye)
            for x in (-6.0, 6.0, 12.0, 18.0, 24.0, 30.0, 36.0)
        ]
        line(bow, 0.0024, (0.5, 0.6, 0.4)[number] * late)
    return found
