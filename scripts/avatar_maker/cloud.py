# SPDX-License-Identifier: Apache-2.0
"""What every part of the head yields: splats with their face-unit offsets and skin weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from avatar_maker.mesh import unit
from avatar_maker.source import Floats, Masks

ROOT, NECK, HEAD, LEFT_EYE, RIGHT_EYE = range(5)
"""Indices of the joints."""
UNITS = 52
"""Number of face units."""


@dataclass(frozen=True, slots=True)
class Cloud:
    """n splats before they are packed.

    positions and normals (n,3), axes (n,3,3) whose rows are the principal half axes (one
    standard deviation, metres), albedo (n,3) linear, opacity (n,), gloss (n,) 0 to 1,
    deltas (52,n,3) metres, skin (n,5) weights that sum to 1.
    """

    positions: Floats
    normals: Floats
    axes: Floats
    albedo: Floats
    opacity: Floats
    gloss: Floats
    deltas: Floats
    skin: Floats

    def __len__(self) -> int:
        return len(self.positions)

    def where(self, keep: Masks) -> Cloud:
        """The splats that a mask picks."""
        return Cloud(
            self.positions[keep], self.normals[keep], self.axes[keep], self.albedo[keep],
            self.opacity[keep], self.gloss[keep], self.deltas[:, keep], self.skin[keep],
        )  # fmt: skip

    def colored(self, albedo: Floats, gloss: Floats | float | None = None) -> Cloud:
        """The same splats in other colours."""
        shine = self.gloss if gloss is None else np.broadcast_to(gloss, self.gloss.shape)
        return replace(self, albedo=np.broadcast_to(albedo, self.albedo.shape), gloss=shine)


def joined(clouds: Sequence[Cloud]) -> Cloud:
    """All splats of several clouds in a row."""

    def row(name: str) -> Floats:
        return np.concatenate([getattr(cloud, name) for cloud in clouds])

    return Cloud(
        row("positions"), row("normals"), row("axes"), row("albedo"), row("opacity"), row("gloss"),
        np.concatenate([cloud.deltas for cloud in clouds], axis=1), row("skin"),
    )  # fmt: skip


def bound_to(joint: int, count: int) -> Floats:
    """Skin weights (count,5) of splats that follow one joint alone."""
    skin = np.zeros((count, 5))
    skin[:, joint] = 1.0
    return skin


def flat_axes(along: Floats, across: Floats, thickness: Floats | float) -> Floats:
    """Axes of flat splats from two half axes (n,3) in the surface and a thickness in metres.

    The thickness is one for all, or of each (n,1).
    """
    normal = unit(np.cross(along, across))
    return np.stack([along, across, normal * thickness], axis=1)
