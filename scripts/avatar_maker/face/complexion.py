# SPDX-License-Identifier: Apache-2.0
"""The skin's colours and how it shines: zones of the face, lips, freckles, moles.

A face is yellower on the forehead, redder on cheeks, nose and ears, cooler around the mouth, and
thin, dark and violet on the lids. Blood and pigment vary over it in patches of millimetres and
centimetres. All of it is measured from the landmarks, scaled by the distance between the eyes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from avatar_maker.body.landmarks import Landmarks
from avatar_maker.face.relief import Relief
from avatar_maker.recipe import Look
from avatar_maker.source import Floats
from avatar_maker.splats.light import linear
from avatar_maker.splats.mesh import smoothstep
from avatar_maker.splats.noise import waves

BLOOD: Final = np.array([1.0, 0.80, 0.79])
"""What more blood leaves of a colour, at a flush of 0.75."""
MOLES: Final = ((-27, -26, 0.9), (33, -8, 0.6), (-12, 34, 0.6), (-40, -40, 0.8),
                (6, -74, 0.7), (41, 22, 0.6), (-20, -47, 0.5))  # fmt: skip
"""Millimetres from between the eyes to the person's left and up, and the radius."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where splats of the skin are: points (n,3), edges (n,) of their cells, masks (n,) by name,
    all metres and 0 to 1."""

    points: Floats
    cell: Floats
    masks: dict[str, Floats]
    marks: Landmarks

    @property
    def size(self) -> float:
        """The face's size against the usual one."""
        return float(self.marks.eyes[0, 0] / 0.030)

    def blob(self, x: float, y: float, z: float, wide: float, high: float, base: Floats) -> Floats:
        """1 at x, y, z millimetres from `base`, falling over `wide` and `high`: (n,1)."""
        gap = (self.points - base) * 1000 / self.size - [x, y, z]
        values: Floats = np.exp(-(((gap / [wide, high, max(wide, high)]) ** 2).sum(axis=1)))
        return values[:, None]

    def pair(self, x: float, y: float, z: float, wide: float, high: float, base: Floats) -> Floats:
        """The same on both sides of the face."""
        return self.blob(x, y, z, wide, high, base) + self.blob(-x, y, z, wide, high, base)


def complexion(place: Place, look: Look, fine: Relief) -> Floats:
    """Albedo (n,3) of the skin."""
    marks, masks = place.marks, place.masks
    middle, nose, mouth = marks.eyes.mean(axis=0), marks.nose, marks.mouth
    color = np.broadcast_to(look.color("tone"), place.points.shape).copy()
    blood = (
        0.75 * place.pair(39, 6, -30, 22, 17, nose)
        + 0.55 * place.blob(0, 0, -2, 13, 13, nose)
        + 0.45 * place.pair(14, 1, -10, 7, 7, nose)
        + 0.35 * place.blob(0, -36, -6, 15, 12, mouth)
        + 0.25 * place.blob(0, -110, -80, 60, 50, mouth)
        + 0.55 * masks["ears"][:, None]
        + 0.30 * place.pair(30, 14, 8, 20, 7, middle)
    )
    yellow = place.blob(0, 48, 0, 45, 24, middle)
    cool = place.blob(0, -16, -10, 34, 24, mouth) + 0.6 * place.pair(42, -10, -40, 22, 34, mouth)
    color *= 1 + look.number("flush") / 0.75 * blood * (BLOOD - 1)
    color *= 1 + yellow * (np.array([1.01, 1.0, 0.95]) - 1)
    color *= 1 + np.clip(cool, 0, 1) * (np.array([0.965, 0.99, 1.0]) - 1)
    color *= _patches(place, look.number("mottle"))
    shade = place.pair(26, -15, 12, 13, 6, middle) + place.pair(13, -5, 10, 6, 8, middle)
    color *= 1 + look.number("under_eyes") * shade * np.array([1.0, 1.0, 0.95])
    color *= 1 + masks["eyelids"][:, None] * (np.array([0.93, 0.86, 0.87]) - 1)
    color *= 1 - np.clip(place.pair(8, -9.5, -9.5, 4.2, 2.7, nose), 0, 1) * np.array(
        [0.62, 0.74, 0.76]
    )
    color = _spotted(color, place, look)
    color *= 1 - fine.hollow[:, None] * np.array([0.16, 0.24, 0.27])
    lip = smoothstep(0.22, 0.85, masks["lips"])[:, None]
    # the roll of skin around the lips catches the light and is paler than they are
    rim = smoothstep(0.02, 0.2, masks["lips"])[:, None] * (1 - lip)
    color *= 1 + 0.07 * rim
    vivid = look.color("lips") * (1 - 0.34 * fine.hollow[:, None])
    wave, _ = waves(place.points, 0.006, 31, place.cell)
    vivid = vivid * (1 + 0.05 * wave[:, None] * np.array([0.5, 1.0, 1.0]))
    color = color * (1 - 0.82 * lip) + vivid * 0.82 * lip
    inside = smoothstep(0.3, 0.7, masks["inside-mouth"])[:, None]
    values: Floats = color * (1 - inside) + linear(120, 46, 44) * inside
    return values


def shine(place: Place, look: Look, fine: Relief) -> Floats:
    """How glossy (n,) the skin is: oily down its middle, wet on the lips, dull in its pores."""
    marks = place.marks
    middle = marks.eyes.mean(axis=0)
    oily = (
        place.blob(0, 40, 5, 26, 18, middle)
        + place.blob(0, -14, 10, 8, 22, middle)
        + 0.9 * place.blob(0, 2, 0, 9, 8, marks.nose)
        + 0.7 * place.pair(36, -14, 0, 14, 8, middle)
        + 0.5 * place.blob(0, -33, -4, 12, 8, marks.mouth)
    )[:, 0]
    gloss = (0.36 + 1.0 * np.clip(oily, 0, 1)) * look.number("shine")
    # thin skin around the eyes has no oil
    gloss *= 1 - 0.65 * np.clip(place.pair(28, -4, 8, 22, 14, middle)[:, 0], 0, 1)
    lip = smoothstep(0.35, 0.75, place.masks["lips"])
    below = smoothstep(0.001, -0.003, place.points[:, 1] - marks.mouth[1])
    wet = place.blob(0, -4.5, 0, 17, 2.4, marks.mouth)[:, 0]
    gloss = gloss * (1 - lip) + lip * (0.6 + 0.45 * below + 1.2 * wet)
    gloss *= 1 - 0.75 * fine.hollow
    values: Floats = gloss * (1 - smoothstep(0.3, 0.7, place.masks["inside-mouth"]) * 0.8)
    return values


def _patches(place: Place, strength: float) -> Floats:
    """Factors (n,3) of patchy blood and pigment."""
    factor = np.ones((len(place.points), 3))
    blood = np.array([0.25, 1.0, 0.9])
    pigment = np.array([0.7, 0.9, 1.2])
    for wavelength, amount, tint, seed in (
        (0.034, 0.022, blood, 41),
        (0.013, 0.018, blood, 42),
        (0.0055, 0.016, blood, 43),
        (0.0026, 0.022, pigment, 44),
        (0.0013, 0.026, pigment, 45),
    ):
        value, _ = waves(place.points, wavelength, seed, place.cell)
        factor += strength * amount * value[:, None] * tint
    return factor


def _spotted(color: Floats, place: Place, look: Look) -> Floats:
    """The colours (n,3) with freckles and moles on them."""
    middle = place.marks.eyes.mean(axis=0)
    front = smoothstep(-0.05, -0.02, place.points[:, 2] - middle[2])[:, None]
    spread = place.pair(30, -24, 0, 24, 16, middle) + place.blob(0, -18, 20, 14, 14, middle)
    spread = np.clip(spread + 0.3, 0, 1) * front * (1 - place.masks["lips"])[:, None]
    for wavelength, seed in ((0.0042, 51), (0.0030, 52)):
        value, _ = waves(place.points, wavelength, seed, place.cell * 0.6)
        spot = smoothstep(1.15, 2.1, value)[:, None] * spread * look.number("freckles")
        color = color * (1 - spot * np.array([0.22, 0.36, 0.45]))
    for x, y, radius in MOLES[: round(look.number("moles"))]:
        gap = (place.points - middle)[:, :2] * 1000 / place.size - [x, y]
        spot = np.exp(-(((gap / max(radius, 0.6)) ** 2).sum(axis=1)))[:, None] * front
        color = color * (1 - 0.8 * spot * np.array([0.70, 0.82, 0.88]))
    return color
