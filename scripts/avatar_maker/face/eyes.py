# SPDX-License-Identifier: Apache-2.0
"""Eyeballs: rings of splats around the gaze axis, the iris a plane behind the cornea.

The mesh's own eyes are spheres of 72 vertices around their joints, to half a millimetre, so that
rings can replace them; rings give the iris its fine structure, and their cells are long along its
fibres. The cornea itself shows by what it does: the iris lies deep, and a window's reflection
stands before it, which follows the head more than the eye, as a reflection does.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np

from avatar_maker.face.iris import IRIS, PUPIL, iris_color, sclera_color
from avatar_maker.recipe import Look
from avatar_maker.source import Floats
from avatar_maker.splats.cloud import (
    HEAD,
    LEFT_EYE,
    RIGHT_EYE,
    UNITS,
    Cloud,
    bound_to,
    flat_axes,
    joined,
)
from avatar_maker.splats.density import Density
from avatar_maker.splats.mesh import smoothstep, unit
from avatar_maker.splats.seen import least_share_of

SIDE_REACH: Final = np.radians(96.0)
UP_REACH: Final = np.radians(62.0)
"""The ball ends here: lids hide the rest, the eyes turn by 25 degrees."""
SINK: Final = 0.012
"""How deep the iris' middle lies behind its edge, as a share of the ball's radius."""
RECESS: Final = 0.022
"""How much deeper the pupil lies: in one plane with the iris, turning would swap their order."""

CARRIED: Final = 0.3
"""Share of the eye's turn that a reflection follows: the cornea's own centre lies off the ball's,
and moves aside by somewhat less than half of what the pupil does."""


def eyeballs(centres: Floats, look: Look, density: Density) -> Cloud:
    """Both eyes; `centres` (2,3) are the left one's and the right one's."""
    return joined(
        [
            _eyeball(centre, joint, side, look, density)
            for centre, joint, side in zip(centres, (LEFT_EYE, RIGHT_EYE), (1.0, -1.0), strict=True)
        ]
    )


def _rings(radius: float, density: Density) -> tuple[Floats, Floats, Floats]:
    """Angles from the axis and around it (n,), and half edges (n,2) of cells, out and around."""
    iris, pupil = np.arcsin(IRIS), np.arcsin(PUPIL)
    fine = density.spacing / radius
    bands = (
        (0.0, pupil, 0.00120 * fine, 0.00120 * fine),
        (pupil, iris, 0.00115 * fine, 0.00062 * fine),
        (iris, iris + 0.10, 0.00070 * fine, 0.00100 * fine),
        (iris + 0.10, SIDE_REACH, 0.00180 * fine, 0.00180 * fine),
    )
    polar: list[Floats] = []
    around: list[Floats] = []
    edges: list[Floats] = []
    for low, high, out, side in bands:
        rings = max(2, round((high - low) / out))
        step = (high - low) / rings
        for number in range(rings):
            angle = low + (number + 0.5) * step
            count = max(6, round(2 * np.pi * np.sin(angle) / side))
            turn = (np.arange(count) + len(polar) % 2 / 2) / count * 2 * np.pi
            polar.append(np.full(count, angle))
            around.append(turn)
            width = np.pi * np.sin(angle) / count
            edges.append(np.broadcast_to([step / 2 * radius, width * radius], (count, 2)))
    return np.concatenate(polar), np.concatenate(around), np.concatenate(edges)


def _eyeball(center: Floats, joint: int, side: float, look: Look, density: Density) -> Cloud:
    """One eye that looks along +z, bound to its joint, with its highlight."""
    radius = look.number("size")
    polar, around, edges = _rings(radius, density)
    direction = np.stack(
        [np.sin(polar) * np.cos(around), np.sin(polar) * np.sin(around), np.cos(polar)], axis=1
    )
    shown = (np.arctan2(direction[:, 0], direction[:, 2]) / SIDE_REACH) ** 2
    shown += (np.arcsin(np.clip(direction[:, 1], -1, 1)) / UP_REACH) ** 2
    keep = shown < 1
    polar, around, edges, direction = polar[keep], around[keep], edges[keep], direction[keep]
    rim = np.sin(np.minimum(polar, np.pi / 2))
    edge = smoothstep(IRIS - 0.010, IRIS + 0.030, rim)[:, None]
    color = iris_color(rim, around, look, 1.0 + side) * (1 - edge)
    color = color + sclera_color(direction, side, look) * edge
    within = smoothstep(IRIS + 0.01, IRIS - 0.02, rim)[:, None]
    plane = np.sqrt(1 - IRIS**2) - SINK * (1 - np.minimum(rim / IRIS, 1) ** 2)
    plane = plane - RECESS * (rim < PUPIL)
    flat = np.stack([direction[:, 0], direction[:, 1], plane], axis=1)
    normals = unit(direction * (1 - within) + np.array([0.0, 0.0, 1.0]) * within)
    around_axis = np.stack([-np.sin(around), np.cos(around), np.zeros_like(around)], axis=1)
    outward = np.cross(around_axis, normals)
    # crisp within the iris, without rings in the white
    edges = edges * (1.25 + 0.25 * edge)
    count = len(polar)
    ball = Cloud(
        positions=center + radius * (direction * (1 - within) + flat * within),
        normals=normals,
        axes=flat_axes(outward * edges[:, :1], around_axis * edges[:, 1:], 0.0002),
        albedo=color,
        opacity=np.full(count, 0.985),
        gloss=np.zeros(count),
        deltas=np.zeros((UNITS, count, 3)),
        skin=bound_to(joint, count),
    )
    ball = replace(ball, least_share=least_share_of(ball.axes))
    return replace(joined([ball, _highlight(center, radius, joint)]), least_light=np.array(0.80))


def _highlight(center: Floats, radius: float, joint: int) -> Cloud:
    """The key light's window on the cornea, in four panes, and a faint one of the fill."""
    across, up = 0.047, 0.056
    panes = [(0.150 + across * i, 0.110 + up * j, 1.0) for j in (-1, 1) for i in (-1, 1)]
    towards = unit(np.array([*panes, (-0.20, -0.17, 1.0)]))
    size = np.array([[0.00055, 0.00064]] * 4 + [[0.0011, 0.0007]])
    along = unit(np.cross(np.array([0.0, 1.0, 0.0]), towards)) * size[:, :1]
    down = np.cross(towards, unit(along)) * size[:, 1:]
    return Cloud(
        positions=center + towards * (radius + 0.0004),
        normals=towards,
        axes=flat_axes(along, down, 0.0001),
        albedo=np.ones((5, 3)),
        opacity=np.array([0.96, 0.96, 0.90, 0.90, 0.16]),
        gloss=np.full(5, -1.0),
        deltas=np.zeros((UNITS, 5, 3)),
        skin=(1 - CARRIED) * bound_to(HEAD, 5) + CARRIED * bound_to(joint, 5),
    )
