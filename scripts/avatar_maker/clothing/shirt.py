# SPDX-License-Identifier: Apache-2.0
"""The tailored parts of a shirt: a folded collar, its stand, the placket and the buttons.

The top button is open. Turns are measured around the neck from its front, heights from the
neckline's middle; both sides are cut from one pattern and laid over the body as it is.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np

from avatar_maker.clothing.tailoring import Girth, bound, line, sheet
from avatar_maker.source import Floats, Masks
from avatar_maker.splats.cloud import Cloud, joined
from avatar_maker.splats.density import Density
from avatar_maker.splats.mesh import smoothstep, unit

CELL: Final = 0.0105
"""Edge of a cell of the collar at spacing 1, in metres."""
FOLD: Final = ((15, -0.012), (35, 0.000), (65, 0.019), (100, 0.032), (140, 0.040), (180, 0.042))
"""The collar's upper edge: degrees from the front, metres high."""
EDGE: Final = ((32, -0.090), (45, -0.072), (65, -0.048), (95, -0.021), (140, -0.004), (180, 0.0))
"""The leaves' lower edge."""
BASE: Final = ((15, -0.050), (35, -0.035), (65, -0.012), (100, 0.004), (140, 0.010), (180, 0.010))
"""Where the stand is sewn on."""
OFF: Final = 0.0075
"""How far the collar stands off the body, in metres."""
OPEN: Final = ((-0.072, 0.0), (-0.050, 0.0065), (-0.012, 0.0165))
"""Metres high and half as wide: the opening at the throat."""
FRONT: Final = ((-0.076, 0.0155), (-0.055, 0.040), (-0.012, 0.052))
"""The same of the folded fronts' outer edges, below the collar."""
HALF: Final = 0.0155
"""Half the placket's width, in metres."""
YOKE: Final = ((62, 83), (-0.036, -0.116))
"""The seam at the shoulder: degrees and metres high at its ends."""
BUTTONS: Final = (-0.088, -0.172, -0.256)
"""Heights of the buttons, in metres."""
BUTTON: Final = 0.0052
"""A button's radius, in metres."""


def opened(points: Floats, middle: Floats) -> Masks:
    """Whether places (n,3) lie in the opening at the throat, so close that it is hemmed, or well
    below the placket."""
    x, y, z = (points - middle).T
    wide = np.interp(y, *np.array(OPEN).T) + 0.007
    hemmed = (abs(x) < wide) & (y > OPEN[0][0] + 0.006)
    below: Masks = (hemmed | ((abs(x) < 0.5 * HALF) & (y < OPEN[0][0] - 0.012))) & (z > 0)
    return below


def tailored(body: Cloud, round_it: Girth, color: Floats, density: Density) -> Cloud:
    """The splats of all parts; `body` is what they lie on and move with."""
    parts = [_placket(body, round_it, color, density)]
    for side in (1.0, -1.0):
        parts += [_collar(body, round_it, color, density, side)]
        parts += [_yoke(body, round_it, color, side)]
    off = 0.0056 + 0.0026 * density.spacing
    parts += [_button(body, round_it, height, off, color) for height in BUTTONS]
    return joined(parts)


def _graded(count: int, *, low: bool, high: bool) -> Floats:
    """Edges of cells from 0 to 1 that are finer towards one end or both: hems are crisp."""
    inner = np.linspace(0, 1, count + 1)
    ends = np.array([0.06, 0.2, 0.5]) / count
    parts = [inner]
    if low:
        parts.append(ends)
    if high:
        parts.append(1 - ends)
    return np.unique(np.concatenate(parts))


def _collar(body: Cloud, round_it: Girth, color: Floats, density: Density, side: float) -> Cloud:
    def curve(knots: tuple[tuple[float, float], ...], t: Floats) -> tuple[Floats, Floats]:
        turns, heights = np.array(knots).T
        degrees = 180 + (turns[0] - 180) * t
        near = [np.interp(degrees + gap, turns, heights) for gap in (-9, -4, 0, 4, 9)]
        height = np.mean(near, axis=0) + (heights[0] - np.mean(near, axis=0)) * (t > 0.999)
        ease = smoothstep(0.88, 1.0, t)
        height = height * (1 - ease) + np.interp(degrees, turns, heights) * ease
        return np.radians(degrees) * side, height

    def leaf(t: Floats, w: Floats) -> Floats:
        turn, high = curve(FOLD, t)
        upper = round_it.place(turn, high, OFF - 0.001)
        lower_turn, low = curve(EDGE, t)
        lower = round_it.place(lower_turn, low, OFF)
        place = upper * (1 - w)[:, None] + lower * w[:, None]
        # it rolls over the fold, and lies on what is below it
        rel = place - round_it.middle
        out = np.hypot(rel[:, 0], rel[:, 2])
        rolled = out + 0.0050 * (1 - (1 - w) ** 5) * (1 - 0.8 * w)
        around, height = np.arctan2(rel[:, 0], rel[:, 2]), rel[:, 1] - 0.002 * (1 - w) ** 8
        least = round_it.place(around, height, 0.0062) - round_it.middle
        rolled = np.maximum(rolled, np.hypot(least[:, 0], least[:, 2]))
        return round_it.middle + np.stack(
            [rolled * np.sin(around), height, rolled * np.cos(around)], axis=-1
        )

    def stand(t: Floats, w: Floats) -> Floats:
        turn, high = curve(FOLD, t)
        low_turn, low = curve(BASE, t)
        upper, lower = round_it.place(turn, high, OFF - 0.002), round_it.place(low_turn, low, 0.004)
        return upper * (1 - w)[:, None] + lower * w[:, None]

    cell = CELL * density.spacing
    t = _graded(round(0.22 / cell), low=False, high=True)
    w = _graded(round(0.062 / cell), low=True, high=True)
    pieces = [sheet(leaf, t, w, round_it, body, color)]
    short = 0.3 + 0.7 * _graded(round(0.14 / cell), low=False, high=True)
    few = _graded(max(3, round(0.03 / cell)), low=True, high=False)
    pieces.append(sheet(stand, short, few, round_it, body, color * 0.9))
    # the edge: from the back along the leaf's lower edge to its tip, and up its front
    steps = round(0.20 / 0.0042)
    along = np.linspace(0.12, 1.0, steps)
    up = np.linspace(1.0, 0.05, round(0.085 / 0.0042))
    hem = np.concatenate([leaf(along, 0 * along + 1), leaf(0 * up + 1, up)[1:]])
    t_in, w_in = np.minimum(along, 0.976), 0 * along + 0.915
    seam = np.concatenate([leaf(t_in, w_in), leaf(0 * up + 0.976, np.minimum(up, 0.915))[1:]])
    outward = unit(hem - round_it.middle)
    face = unit(np.gradient(hem, axis=0))
    inside = unit(seam - hem)
    facing = np.cross(face, inside)
    facing *= np.sign((facing * outward).sum(axis=1))[:, None]
    pieces.append(line(seam + facing * 0.0006, facing, 0.00035, body, color * 0.6, filled=0.30))
    rim = line(hem - facing * 0.0010, -inside + 0.3 * facing, 0.0009, body, color, filled=0.7)
    pieces.append(rim)
    shade = line(
        hem - facing * 0.0030 - inside * 0.0012, facing, 0.0022, body, color * 0.30, filled=0.7
    )
    pieces.append(replace(shade, opacity=0 * shade.opacity + 0.5))
    return joined(pieces)


def _placket(body: Cloud, round_it: Girth, color: Floats, density: Density) -> Cloud:
    cell = CELL * density.spacing
    # coarse cloth below it must not come through
    high = 0.0042 + 0.0022 * density.spacing

    def at(x: Floats, y: Floats, off: float) -> Floats:
        # the turn that gives this x, from the radius in the middle
        ahead = round_it.place(0 * y, y, off)[..., 2] - round_it.middle[2]
        return round_it.place(np.arctan2(x, ahead), y, off)

    top, low = OPEN[0][0] + 0.004, -0.33
    across = _graded(max(3, round(2 * HALF / cell)), low=True, high=True) * 2 * HALF - HALF
    down = np.linspace(top, low, round((top - low) / cell))
    pieces = [sheet(lambda y, x: at(x, y, high), down, across, round_it, body, color)]
    path = np.arange(top, low, -0.0042)
    outward = np.array([0.0, 0.0, 1.0]) + np.zeros((len(path), 3))
    for side in (1.0, -1.0):
        seam = at(0 * path + side * (HALF - 0.0035), path, high + 0.0008)
        pieces.append(line(seam, outward, 0.00035, body, color * 0.6, filled=0.30))
        edge = at(0 * path + side * (HALF + 0.0008), path, high - 0.0006)
        shade = line(edge, outward, 0.0011, body, color * 0.35, filled=0.7)
        pieces.append(replace(shade, opacity=0 * shade.opacity + 0.5))
        # the fronts above the first button, folded back
        rows = np.linspace(OPEN[0][0], OPEN[-1][0] - 0.004, max(6, round(0.058 / cell)))
        wide = _graded(max(4, round(0.036 / cell)), low=True, high=False)

        def front(y: Floats, share: Floats, side: float = side) -> Floats:
            inner = np.interp(y, *np.array(OPEN).T)
            outer = np.interp(y, *np.array(FRONT).T)
            return at(side * (inner + share * (outer - inner)), y, high - 0.0006)

        pieces.append(sheet(front, rows, wide, round_it, body, color))
    return joined(pieces)


def _yoke(body: Cloud, round_it: Girth, color: Floats, side: float) -> Cloud:
    """The seam from the collar to the sleeve, a little before the shoulder's ridge."""
    share = np.linspace(0, 1, 34)
    turn = np.radians(np.interp(share, (0, 1), YOKE[0]))
    path = round_it.place(side * turn, np.interp(share, (0, 1), YOKE[1]), 0.0040)
    facing = np.array([0.25 * side, 0.75, 0.6]) + np.zeros_like(path)
    stitched = line(path, facing, 0.0004, body, color * 0.6, filled=0.3)
    fold = path + np.array([0.0, 0.0028, -0.0012])
    ridge = line(fold, facing, 0.0009, body, color * 0.42, filled=0.7)
    return joined([stitched, replace(ridge, opacity=0 * ridge.opacity + 0.5)])


def _button(body: Cloud, round_it: Girth, height: float, off: float, color: Floats) -> Cloud:
    middle = round_it.place(np.zeros(1), np.array([height]), off)[0]
    ahead = round_it.place(np.zeros(2), height + np.array([0.01, -0.01]), 0.0)
    up = unit(ahead[0] - ahead[1])
    right = np.array([1.0, 0.0, 0.0])
    normal = np.cross(right, up)
    pearl = np.array([0.80, 0.78, 0.74])

    def ring(count: int, radius: float, size: tuple[float, float], lift: float) -> Cloud:
        turn = (np.arange(count) + 0.5) / count * 2 * np.pi
        out = np.outer(np.cos(turn), right) + np.outer(np.sin(turn), up)
        round_ = np.outer(-np.sin(turn), right) + np.outer(np.cos(turn), up)
        places = middle + out * radius + normal * lift
        return bound(places, out * size[0], round_ * size[1], body, pearl)

    plate = ring(8, BUTTON * 0.42, (0.0010, 0.0011), 0.0008)
    rim = ring(18, BUTTON * 0.86, (0.00042, 0.0009), 0.0010)
    lit = (rim.positions - middle) @ (up + 0.6 * right) / BUTTON
    rim = replace(rim, albedo=rim.albedo * (0.92 + 0.2 * lit)[:, None], gloss=0 * rim.gloss + 0.8)
    groove = ring(14, BUTTON * 0.66, (0.00025, 0.0008), 0.0012)
    groove = replace(groove, albedo=groove.albedo * 0.6, opacity=0 * groove.opacity + 0.7)
    holes = ring(4, BUTTON * 0.25, (0.00038, 0.00038), 0.0016).colored(color * 0.12)
    shade = ring(1, 0.0, (BUTTON * 0.62, BUTTON * 0.62), 0.0002).colored(color * 0.2)
    shade = replace(
        shade, positions=shade.positions - up * 0.0012, opacity=0 * shade.opacity + 0.55
    )
    few = joined([plate, rim, groove, holes, shade])
    return replace(few, least_share=np.array(0.01))
