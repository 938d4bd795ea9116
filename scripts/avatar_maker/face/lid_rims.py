# SPDX-License-Identifier: Apache-2.0
"""The lids' margins as smooth curves: what lashes, wet lines and lid shadows are placed along."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from avatar_maker.body.character import Character
from avatar_maker.body.lids import CREASE, LOWER_EDGE, LOWER_INNER, UPPER_EDGE, UPPER_INNER, of_side
from avatar_maker.body.surface import refined
from avatar_maker.source import BaseMesh, Floats
from avatar_maker.splats.cloud import UNITS


@dataclass(frozen=True, slots=True)
class Curve:
    """A curve through k knots from the inner to the outer corner, with its face units.

    `knots` (k,3+3*52): places and offsets in metres; `at` (k,) their fractions of its length.
    """

    knots: Floats
    at: Floats

    def points(self, along: Floats) -> tuple[Floats, Floats]:
        """Places (n,3) and offsets (52,n,3) at fractions `along` (n,): a Catmull-Rom spline."""
        row = np.clip(np.searchsorted(self.at, along, side="right") - 1, 0, len(self.at) - 2)
        span = (self.at[row + 1] - self.at[row])[:, None]
        t = (along[:, None] - self.at[row, None]) / span
        slope = np.gradient(self.knots, self.at, axis=0)
        start, end = self.knots[row], self.knots[row + 1]
        values = (
            (2 * t**3 - 3 * t**2 + 1) * start
            + (t**3 - 2 * t**2 + t) * span * slope[row]
            + (3 * t**2 - 2 * t**3) * end
            + (t**3 - t**2) * span * slope[row + 1]
        )
        offsets = np.moveaxis(values[:, 3:].reshape(-1, UNITS, 3), 1, 0)
        return values[:, :3], offsets


@dataclass(frozen=True, slots=True)
class Lid:
    """One lid's margin: the `edge` where lashes grow, and `inner` at the eyeball."""

    edge: Curve
    inner: Curve


@dataclass(frozen=True, slots=True)
class Lids:
    """Both lids of an eye and the crease above them; the eye's centre (3,) in metres.

    `side` is 1 for the left eye, -1 for the right.
    """

    upper: Lid
    lower: Lid
    crease: Curve
    eye: Floats
    side: float


def find_lids(mesh: BaseMesh, character: Character) -> tuple[Lids, Lids]:
    """The lids of the left and of the right eye."""
    return (
        _lids(mesh, character, character.left_eye, 1.0),
        _lids(mesh, character, character.right_eye, -1.0),
    )


def _lids(mesh: BaseMesh, character: Character, eye: Floats, side: float) -> Lids:
    """The lids of the eye around `eye`, on the skin's refined surface."""
    body = mesh.group("body")
    near = np.linalg.norm(character.vertices[mesh.quads[body]] - eye, axis=2).min(axis=1)
    rows = body[near < 0.03]
    surface = refined(mesh, character, rows)
    # refining keeps the old vertices first, in the order of their numbers
    used = np.unique(mesh.quads[rows])

    def curve(left: tuple[int, ...]) -> Curve:
        ids = np.searchsorted(used, of_side(mesh, left, side))
        places = surface.vertices[ids]
        offsets = np.moveaxis(surface.units[:, ids], 0, 1).reshape(len(ids), -1)
        steps = np.linalg.norm(np.diff(places, axis=0), axis=1)
        at = np.concatenate([[0.0], np.cumsum(steps)])
        return Curve(np.column_stack([places, offsets]), at / at[-1])

    upper = Lid(curve(UPPER_EDGE), curve(UPPER_INNER))
    lower = Lid(curve(LOWER_EDGE), curve(LOWER_INNER))
    return Lids(upper, lower, curve(CREASE), eye, side)
