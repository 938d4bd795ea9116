# SPDX-License-Identifier: Apache-2.0
"""Eyeballs: a sphere of rings around the gaze axis with pupil, iris, limbus and sclera.

The mesh's own eyes are spheres of 72 vertices around their joints, to half a millimetre, so that
rings can replace them; rings give the iris its fine structure. A highlight sits before the
cornea and follows the head, as a reflection does.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np

from avatar_maker.cloud import HEAD, LEFT_EYE, RIGHT_EYE, UNITS, Cloud, bound_to, flat_axes, joined
from avatar_maker.density import Density
from avatar_maker.light import linear
from avatar_maker.mesh import smoothstep, unit
from avatar_maker.recipe import Look
from avatar_maker.source import Floats

IRIS: Final = 0.415
"""Radius of the iris over the eye's, as the sine of its angle from the gaze axis."""
PUPIL: Final = 0.165
REAR: Final = np.radians(104.0)
"""Rings end here: the rest of the ball is never seen, the eyes turn by 25 degrees."""


def _rings(radius: float, density: Density) -> tuple[Floats, Floats, Floats]:
    """Angles from the axis, angles around it, and edge lengths of ring cells, all (n,)."""
    polar: list[Floats] = []
    around: list[Floats] = []
    edge: list[Floats] = []
    angle = 0.022
    while angle < REAR:
        fine = 0.00062 if angle < np.arcsin(IRIS) + 0.08 else 0.0017
        fine *= density.spacing
        step = fine / radius
        count = max(6, round(2 * np.pi * np.sin(angle) * radius / fine))
        turn = np.arange(count) / count * 2 * np.pi + len(polar) % 2 * np.pi / count
        polar.append(np.full(count, angle))
        around.append(turn)
        edge.append(np.full(count, fine))
        angle += step
    return np.concatenate(polar), np.concatenate(around), np.concatenate(edge)


def _color(polar: Floats, around: Floats, look: Look) -> Floats:
    """Albedo by place: pupil, iris with rays and a collarette, dark limbus, veined white."""
    rim = np.sin(np.minimum(polar, np.pi / 2))
    rim = np.where(polar > np.pi / 2, 1.0, rim)
    rays = np.sin(around * 23 + 2.1 * np.sin(around * 5)) * np.sin(around * 41 + 1.3)
    iris = look.color("iris") * (1.15 + 0.35 * rays)[:, None]
    outward = smoothstep(PUPIL, IRIS, rim)[:, None]
    iris = iris * (1.25 - 0.55 * outward)
    ring = np.exp(-(((rim - 0.235) / 0.035) ** 2))[:, None]
    iris = iris * (1 - 0.35 * ring) + 0.35 * ring * look.color("collarette")
    iris = iris * (1 - 0.72 * smoothstep(0.345, IRIS, rim))[:, None]
    white = linear(226, 218, 212) * (1 - 0.10 * smoothstep(0.6, 1.0, rim))[:, None]
    white = white * np.array([1.0, 0.985, 0.975])
    color = np.where(rim[:, None] < PUPIL, linear(9, 7, 6), iris)
    edge = smoothstep(IRIS - 0.012, IRIS + 0.03, rim)[:, None]
    values: Floats = color * (1 - edge) + white * edge
    return values


def eyeballs(centres: Floats, look: Look, density: Density) -> Cloud:
    """Both eyes; `centres` (2,3) are the left one's and the right one's."""
    return joined(
        [
            _eyeball(centre, joint, look, density)
            for centre, joint in zip(centres, (LEFT_EYE, RIGHT_EYE), strict=True)
        ]
    )


def _eyeball(center: Floats, joint: int, look: Look, density: Density) -> Cloud:
    """One eye that looks along +z, bound to its joint, with its highlight bound to the head."""
    radius = look.number("size")
    polar, around, edge = _rings(radius, density)
    direction = np.stack(
        [np.sin(polar) * np.cos(around), np.sin(polar) * np.sin(around), np.cos(polar)], axis=1
    )
    helper = np.stack([-np.sin(around), np.cos(around), np.zeros_like(around)], axis=1)
    along = unit(helper)
    across = np.cross(direction, along)
    count = len(polar)
    ball = Cloud(
        positions=center + radius * direction,
        normals=direction,
        axes=flat_axes(along * edge[:, None] * 0.62, across * edge[:, None] * 0.62, 0.0002),
        albedo=_color(polar, around, look),
        opacity=np.full(count, 0.985),
        gloss=np.zeros(count),
        deltas=np.zeros((UNITS, count, 3)),
        skin=bound_to(joint, count),
    )
    return replace(joined([ball, _highlight(center, radius)]), least_light=np.array(0.74))


def _highlight(center: Floats, radius: float) -> Cloud:
    """A small bright window of the key light on the cornea, and a faint one of the fill."""
    towards = unit(np.array([[0.15, 0.15, 1.0], [-0.19, -0.15, 1.0]]))
    size = np.array([0.00095, 0.0008])
    along = unit(np.cross(np.array([0.0, 1.0, 0.0]), towards)) * size[:, None]
    across = np.cross(towards, unit(along)) * size[:, None]
    return Cloud(
        positions=center + towards * (radius + 0.0004),
        normals=towards,
        axes=flat_axes(along, across, 0.0001),
        albedo=np.ones((2, 3)),
        opacity=np.array([0.95, 0.22]),
        gloss=np.full(2, -1.0),
        deltas=np.zeros((UNITS, 2, 3)),
        skin=bound_to(HEAD, 2),
    )
