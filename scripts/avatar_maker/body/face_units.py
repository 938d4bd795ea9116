# SPDX-License-Identifier: Apache-2.0
"""Corrections of MakeHuman's face units, each alone and together with the face at rest.

The units were made for a neutral face, each by itself. What was seen on rendered faces to go
wrong is put right here, once, by changing the units: players mix them linearly and know nothing
of it. Lids are `lids`' own matter, and rounded and rolled lips `lip_units`'.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np

from avatar_maker.body.lip_units import CORRECTED
from avatar_maker.body.lips import Lips, find_lips, find_seam
from avatar_maker.source import Floats, Ints
from driving_client.motion import ARKIT_NAMES

STRENGTH: Final = {
    "noseSneerLeft": 1.35,
    "noseSneerRight": 1.35,
    "mouthShrugUpper": 0.75,
    "mouthUpperUpLeft": 1.4,
    "mouthUpperUpRight": 1.4,
}
"""Units that show too little, or too much, at a weight of 1."""

OWED: Final = {
    "mouthShrugUpper": {"mouthShrugLower": 0.60},
    "tongueOut": {"jawOpen": 0.30, "mouthLowerDownLeft": 0.5, "mouthLowerDownRight": 0.5},
}
"""What a unit does besides: a shrug of the upper lip takes the lower one along instead of showing
the teeth, and a tongue comes out between open lips, not through them."""

SEALED: Final = (
    "mouthPressLeft",
    "mouthPressRight",
    "mouthRollLower",
    "mouthRollUpper",
    "mouthLeft",
    "mouthRight",
    "cheekPuff",
    "jawForward",
)
"""Units of shut lips, which open them by half a millimetre towards the corners."""
SEAL_REACH: Final = 0.0030
"""How far a correction of the lips' edges reaches into them, in metres."""

PUFF_REACH: Final = 0.010
"""Over how far a puff of the cheeks is evened out, in metres: splats do not turn with the skin,
and a steep edge beside the mouth shows each of them."""

UNSMILED: Final = 0.8
"""How much of the smile that a face wears at rest is gone at a full frown."""

ROUNDER: Final = (0.0022, -0.0042, 0.0)
"""What an open jaw adds to the lower lip halfway to its corners, metres: an oval, not a wedge."""
HALFWAY: Final = (0.0150, 0.0065)
"""Where that is: metres from the middle, and how far it reaches to each side."""
LIP_REACH: Final = 0.016
"""How far above and below the lips' line that reaches, in metres."""


def corrected(units: Floats, vertices: Floats, body: Ints, worn: Mapping[str, float]) -> Floats:
    """The units (52,V,3) of a face at rest (V,3), metres, put right.

    `body` are the vertices that are neither teeth nor tongue, and `worn` the weights that the
    face has on at rest.
    """
    right = units.copy()

    def row(name: str) -> int:
        return ARKIT_NAMES.index(name)

    for side in ("Left", "Right"):
        smile = f"mouthSmile{side}"
        weight = worn.get(smile, 0.0)
        # a face that smiles at rest has less to go to its widest smile, and more to a frown
        right[row(smile)] = (1 - weight) * units[row(smile)]
        right[row(f"mouthFrown{side}")] -= UNSMILED * weight * units[row(smile)]
    for name, factor in STRENGTH.items():
        right[row(name)] *= factor
    puff = row("cheekPuff")
    right[puff, body] = _evened(right[puff, body], vertices[body])
    lips = find_lips(vertices[body], units[row("jawOpen"), body])
    for name, correct in CORRECTED.items():
        right[row(name), body] = correct(right[row(name), body], lips)
    rounder = _rounder(lips, units[row("jawOpen"), body])
    right[row("jawOpen"), body] += rounder
    right[row("mouthClose"), body] -= rounder
    names = np.array([row(name) for name in SEALED])
    right[np.ix_(names, body)] = _sealed(
        right[np.ix_(names, body)], vertices[body], units[row("jawOpen"), body]
    )
    for name, besides in OWED.items():
        for other, weight in besides.items():
            right[row(name)] += weight * right[row(other)]
    return right


def _rounder(lips: Lips, opened: Floats) -> Floats:
    """Offsets (V,3) of the lower lip's sides by an open jaw."""
    off = lips.off
    middle, reach = HALFWAY
    share = np.exp(-(((np.abs(off[:, 0]) - middle) / reach) ** 2))
    share *= np.exp(-((off[:, 1] / LIP_REACH) ** 2)) * (off[:, 2] > -0.030)
    share *= np.clip(-opened[:, 1] / 0.020, 0, 1)
    values: Floats = share[:, None] * np.array(ROUNDER)
    values[:, 0] *= np.sign(off[:, 0])
    return values


def _evened(offsets: Floats, vertices: Floats) -> Floats:
    """Offsets (V,3) without steep edges, the furthest as far as before."""
    length = np.linalg.norm(offsets, axis=1)
    moving = np.flatnonzero(length > 0)
    centre = np.average(vertices[moving], axis=0, weights=length[moving])
    near = np.flatnonzero(np.linalg.norm(vertices - centre, axis=1) < 0.12)
    even = offsets.copy()
    for some in np.array_split(near, len(near) // 256 + 1):
        gap = np.linalg.norm(vertices[some, None] - vertices[near], axis=2)
        weight = np.exp(-((gap / PUFF_REACH) ** 2))
        even[some] = weight @ offsets[near] / weight.sum(axis=1, keepdims=True)
    values: Floats = even * (length.max() / np.linalg.norm(even, axis=1).max())
    return values


def _sealed(units: Floats, vertices: Floats, opened: Floats) -> Floats:
    """Units (k,V,3) of the body without what they move apart of lips that touch at rest."""
    seam = find_seam(vertices, opened)
    near, fall = seam.near, opened[seam.near, 1]
    sealed = units.copy()
    for unit in sealed:
        open_by = np.clip(unit[near[seam.upper], 1] - unit[near[seam.lower], 1], 0, None)
        for edge, push in ((seam.upper, -0.5), (seam.lower, 0.5)):
            # of each lip alone: its places fall alike when the jaw opens
            weight = np.exp(-((seam.gap[:, edge] / SEAL_REACH) ** 2))
            apart = np.abs(fall[seam.upper] - fall[seam.lower])
            weight *= np.abs(fall[:, None] - fall[edge]) < apart / 2
            unit[near, 1] += push * (weight @ open_by) / np.maximum(weight.sum(axis=1), 1.0)
    return sealed
