# SPDX-License-Identifier: Apache-2.0
"""Where teeth and gums stand: the arch of a jaw, and how the jaw moves them.

The mesh's helper teeth are one band per jaw; from them come the arch's size and place, and how
every face unit moves the jaw. A jaw is bone: what it carries moves by one affine map per unit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from avatar_maker.body.character import Character
from avatar_maker.source import BaseMesh, Floats
from avatar_maker.splats.cloud import UNITS

ORDINARY: Final = 0.0642
"""Length of half an arch, in metres, for which the teeth's common widths are made."""
STILL: Final = 0.0002
"""A unit that moves a jaw by less, in metres, does not move it."""


@dataclass(frozen=True, slots=True)
class Arch:
    """Half an ellipse in the plane of x and z: half its `width`, its `front` and `back`, metres."""

    width: float
    front: float
    back: float

    @property
    def scale(self) -> float:
        """Size of this jaw's teeth, 1 being common."""
        return float(self._table()[0][-1]) / ORDINARY

    def _table(self) -> tuple[Floats, Floats]:
        """Lengths along the arch from the middle, and the ellipse's angle there."""
        fan = np.linspace(0, np.pi / 2, 400)
        curve = np.stack([self.width * np.sin(fan), (self.front - self.back) * np.cos(fan)], axis=1)
        steps = np.linalg.norm(np.diff(curve, axis=0), axis=1)
        return np.concatenate([[0], np.cumsum(steps)]), fan

    def at(self, along: Floats, out: Floats, height: Floats) -> Floats:
        """Places (n,3): `along` metres from the middle, the left being +, and `out` of the arch."""
        length, fan = self._table()
        angle = np.interp(np.abs(along), length, fan)
        side = np.sign(along)
        depth = self.front - self.back
        x, z = self.width * np.sin(angle), self.back + depth * np.cos(angle)
        normal = np.stack([depth * np.sin(angle), self.width * np.cos(angle)])
        normal /= np.linalg.norm(normal, axis=0)
        return np.stack([side * (x + out * normal[0]), height, z + out * normal[1]], axis=1)


def arch_of(mesh: BaseMesh, character: Character, group: str) -> Arch:
    """The arch of the mesh's helper teeth."""
    points = character.vertices[np.unique(mesh.quads[mesh.group(group)])]
    return Arch(float(np.abs(points[:, 0]).max()), points[:, 2].max(), points[:, 2].min())


def jaw_moves(mesh: BaseMesh, character: Character) -> Floats:
    """For each face unit the affine map (52,4,3) from a place to what it moves the lower jaw."""
    rows = np.unique(mesh.quads[mesh.group("helper-lower-teeth")])
    places = np.column_stack([character.vertices[rows], np.ones(len(rows))])
    maps = np.zeros((UNITS, 4, 3))
    for index, moved in enumerate(character.units[:, rows]):
        if np.abs(moved).max() > STILL:
            maps[index] = np.linalg.lstsq(places, moved, rcond=None)[0]
    return maps


def moved_by(maps: Floats, positions: Floats) -> Floats:
    """Offsets (52,n,3) of places (n,3) by affine maps (52,4,3)."""
    values: Floats = np.einsum(
        "nk,ukj->unj", np.column_stack([positions, np.ones(len(positions))]), maps
    )
    return values
