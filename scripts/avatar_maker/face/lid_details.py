# SPDX-License-Identifier: Apache-2.0
"""What shows where lid meets eye: the lid's shadow on the ball, its crease, wet rim, caruncle.

All of it belongs to the lids and the head, not to the eyeball: thin translucent splats that move
with the lids' face units while the eye turns behind them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from avatar_maker.face.lid_rims import Curve, Lids
from avatar_maker.recipe import Recipe
from avatar_maker.source import Floats
from avatar_maker.splats.cloud import HEAD, UNITS, Cloud, bound_to, flat_axes, joined
from avatar_maker.splats.density import Density
from avatar_maker.splats.light import linear
from avatar_maker.splats.mesh import smoothstep, unit

CARUNCLE: Final = linear(205, 128, 116)
CARUNCLE_SIZE: Final = (0.0017, 0.0016, 0.0011)


@dataclass(frozen=True, slots=True)
class Line:
    """A row of `count` splats along a curve at spacing 1; lengths in metres.

    `width` is a splat's half axis across; `below` how far under the curve the row runs; it lies
    `lifted` off the skin, or at `radius` from the eye's centre.
    """

    count: int
    width: float
    opacity: float
    color: Floats
    below: float
    radius: float | None
    lifted: float = 0.0003


def lid_details(lids: tuple[Lids, Lids], recipe: Recipe, density: Density) -> Cloud:
    """Details of both eyes."""
    ball = recipe.eyes.number("size")
    skin, lips = recipe.skin.color("tone"), recipe.skin.color("lips")
    dark = skin * np.array([0.30, 0.20, 0.17])
    flesh = 0.5 * skin + 0.5 * lips
    clouds = []
    for eye in lids:
        upper, lower = eye.upper, eye.lower
        soft = Line(13, 0.0017, 0.30, dark * 0.5, 0.0012, ball + 0.0002)
        contact = Line(18, 0.0006, 0.50, dark * 0.3, 0.0002, ball + 0.0003)
        wet = Line(24, 0.00013, 0.55, np.array([1.0, 0.96, 0.94]), -0.00015, None)
        pink = Line(20, 0.00055, 0.38, flesh, 0.0, None)
        fold = Line(22, 0.00028, 0.26, dark, 0.0, None)
        veil = Line(13, 0.0011, 0.17, dark, 0.0, None)
        liner = Line(30, 0.00022, 0.42, linear(34, 22, 18), 0.0003, None, 0.0005)
        clouds += [
            _line(upper.edge, eye, liner, density),
            _line(upper.inner, eye, soft, density),
            _line(upper.inner, eye, contact, density),
            _line(eye.crease, eye, veil, density),
            _line(eye.crease, eye, fold, density),
            _line(lower.inner, eye, pink, density),
            replace(_line(lower.inner, eye, wet, density), least_light=np.array(0.9)),
            replace(_caruncle(eye, flesh, density), least_light=np.array(0.75)),
        ]
    return replace(joined(clouds), least_share=np.array(0.004))


def _line(curve: Curve, eye: Lids, line: Line, density: Density) -> Cloud:
    """Overlapping splats along a curve, fading towards both ends."""
    count = density.hairs(line.count)
    along = (np.arange(count) + 0.5) / count
    points, units = curve.points(along)
    outward = unit(points - eye.eye)
    tangent = unit(np.gradient(points, axis=0))
    across = np.cross(outward, tangent)
    points = points - across * np.sign(across[:, 1:2]) * line.below
    if line.radius is None:
        points = points + outward * line.lifted
    else:
        outward = unit(points - eye.eye)
        points = eye.eye + outward * line.radius
    step = np.linalg.norm(np.diff(points, axis=0), axis=1).mean()
    fade = smoothstep(0.0, 0.22, along) * smoothstep(1.0, 0.82, along)
    return Cloud(
        positions=points,
        normals=outward,
        axes=flat_axes(tangent * step * 0.72, across * line.width, 0.00008),
        albedo=np.broadcast_to(line.color, (count, 3)),
        opacity=line.opacity * fade,
        gloss=np.zeros(count),
        deltas=units,
        skin=bound_to(HEAD, count),
    )


def _caruncle(eye: Lids, flesh: Floats, density: Density) -> Cloud:
    """The pink mound in the inner corner."""
    count = density.hairs(14)
    corner = eye.upper.inner.points(np.zeros(1))[0][0]
    middle = corner + np.array([eye.side * 0.0009, -0.0004, -0.0012])
    index = np.arange(count) + 0.5
    height = 1 - 1.05 * index / count
    ring = np.sqrt(1 - height**2)
    turn = index * np.pi * (3 - np.sqrt(5))
    normals = np.stack([ring * np.cos(turn), ring * np.sin(turn), height], axis=1)
    size = np.array(CARUNCLE_SIZE)
    along = unit(np.cross(normals, np.array([0.3, 1.0, 0.1])))
    edge = 1.25 * size[0] * np.sqrt(2 * np.pi / count) / 2
    return Cloud(
        positions=middle + normals * size,
        normals=normals,
        axes=flat_axes(along * edge, np.cross(normals, along) * edge, 0.0002),
        albedo=np.broadcast_to(0.45 * flesh + 0.55 * CARUNCLE, (count, 3)),
        opacity=np.full(count, 0.95),
        gloss=np.full(count, 0.9),
        deltas=np.zeros((UNITS, count, 3)),
        skin=bound_to(HEAD, count),
    )
