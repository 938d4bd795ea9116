# SPDX-License-Identifier: Apache-2.0
"""FLAME parameters to all ARKit weights by geometry: the mapping that an owner of FLAME can fit.

A frame's weights are those whose blendshapes come closest to where FLAME moves the vertices:
least squares with every weight between 0 and 1. What is needed of both meshes for that is two
small matrices, so that no part of FLAME itself is in a retarget file. Solved per frame by block
principal pivoting (Júdice and Pires, 1994): weights are taken as at 0, at 1 or free, the free ones
solved for, and those that turn out on the wrong side change places. On LAM's blendshapes 2 to 4
rounds, 0.2 ms here, where 60 steps of an accelerated gradient were still 0.06 off.
Gaze and lids are not FLAME's expression, so they stay with the gains of `mapping`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from driving_client.motion import FLAME_SLICES, FloatArray

Matrix = NDArray[np.float64]

FLAME_INPUTS: Final = 103
"""jaw_pose (3), then expression (100)."""
_ROUNDS: Final = 20
_TOLERANCE: Final = 1e-9
_JAW: Final = FLAME_SLICES["jaw_pose"]
_EXPRESSION: Final = FLAME_SLICES["expression"]


@dataclass(frozen=True)
class ShapeFit:
    """`products` (52, 52) of blendshapes with each other, `mixed` (52, 103) with FLAME's inputs.

    Both divided by the mean square of a blendshape, so that they have no unit; rows of shapes
    that the rig lacks are zero. `inverse` (103, 52) gives the inputs nearest to given weights.
    """

    products: Matrix
    mixed: Matrix
    inverse: Matrix

    def weights(self, frame: FloatArray) -> FloatArray:
        """ARKit weights, shape (52,), 0 to 1, of one FLAME frame, shape (120,)."""
        inputs = np.concatenate([frame[_JAW], frame[_EXPRESSION]]).astype(np.float64)
        there = self._there
        weights = np.zeros(len(self.products), np.float32)
        weights[there] = bounded(self._active, self.mixed[there] @ inputs)
        return weights

    @cached_property
    def _there(self) -> NDArray[np.intp]:
        return np.flatnonzero(np.diag(self.products) > 0.0)

    @cached_property
    def _active(self) -> Matrix:
        return self.products[np.ix_(self._there, self._there)]

    def inputs(self, weights: FloatArray) -> FloatArray:
        """Jaw (3) and expression (100) of FLAME that come closest to ARKit weights (52,)."""
        result: FloatArray = (self.inverse @ weights.astype(np.float64)).astype(np.float32)
        return result


def bounded(products: Matrix, goal: Matrix) -> Matrix:
    """The x of least x·products·x / 2 - goal·x with every value in 0 to 1.

    `products` (n, n) is positive definite. Should the rounds not settle, the last free solution
    comes back cut to 0 to 1.
    """
    x = np.linalg.solve(products, goal).astype(np.float64)
    low, high = x <= 0.0, x >= 1.0
    for _ in range(_ROUNDS):
        free = ~(low | high)
        x = high.astype(np.float64)
        if free.any():
            held = goal[free] - products[np.ix_(free, high)].sum(axis=1)
            x[free] = np.linalg.solve(products[np.ix_(free, free)], held)
        slope = products @ x - goal
        below, above = free & (x < 0.0), free & (x > 1.0)
        released = (low & (slope < -_TOLERANCE)) | (high & (slope > _TOLERANCE))
        if not (below | above | released).any():
            return x
        low, high = (low & ~released) | below, (high & ~released) | above
    return np.clip(x, 0.0, 1.0)
