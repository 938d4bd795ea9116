# SPDX-License-Identifier: Apache-2.0
"""What every part of the head yields: splats with their face-unit offsets and skin weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from functools import partial

import numpy as np

from avatar_maker.source import Floats, Masks
from avatar_maker.splats.mesh import unit

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

    How a splat is treated, each (n,) or one number for all: it stays if it ever gets
    `least_share` of a pixel; `posed_light` is how much of its light it takes from the pose with
    open mouth and shut lids, where its normal is `posed_normals` (n,3) if that is given;
    `least_light` is what it gets in the deepest shadow; `translucence` is how much light spreads
    under its surface, 0 to 1 (skin).
    """

    positions: Floats
    normals: Floats
    axes: Floats
    albedo: Floats
    opacity: Floats
    gloss: Floats
    deltas: Floats
    skin: Floats
    least_share: Floats = field(default_factory=partial(np.array, 0.05))
    posed_light: Floats = field(default_factory=partial(np.array, 0.0))
    least_light: Floats = field(default_factory=partial(np.array, 0.0))
    translucence: Floats = field(default_factory=partial(np.array, 0.0))
    posed_normals: Floats = field(default_factory=partial(np.zeros, 3))

    def __post_init__(self) -> None:
        for name in ("least_share", "posed_light", "least_light", "translucence"):
            whole = np.broadcast_to(getattr(self, name), len(self.positions))
            object.__setattr__(self, name, whole)
        if self.posed_normals.ndim == 1:
            object.__setattr__(self, "posed_normals", self.normals)

    def __len__(self) -> int:
        return len(self.positions)

    def where(self, keep: Masks) -> Cloud:
        """The splats that a mask picks."""
        picked = {item.name: getattr(self, item.name)[keep] for item in fields(self)[:6]}
        treated = {item.name: getattr(self, item.name)[keep] for item in fields(self)[7:]}
        return Cloud(**picked, deltas=self.deltas[:, keep], **treated)

    def colored(self, albedo: Floats, gloss: Floats | float | None = None) -> Cloud:
        """The same splats in other colours."""
        shine = self.gloss if gloss is None else np.broadcast_to(gloss, self.gloss.shape)
        return replace(self, albedo=np.broadcast_to(albedo, self.albedo.shape), gloss=shine)


def joined(clouds: Sequence[Cloud]) -> Cloud:
    """All splats of several clouds in a row."""

    def row(name: str) -> Floats:
        return np.concatenate([getattr(cloud, name) for cloud in clouds])

    rows = {item.name: row(item.name) for item in fields(Cloud) if item.name != "deltas"}
    return Cloud(**rows, deltas=np.concatenate([cloud.deltas for cloud in clouds], axis=1))


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
