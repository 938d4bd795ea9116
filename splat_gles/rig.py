# SPDX-License-Identifier: Apache-2.0
"""From parameters (blendshape weights, joint rotations) to a pose that a renderer can draw."""

from __future__ import annotations

from dataclasses import dataclass

from splat_gles.avatar import Float32


@dataclass(frozen=True, slots=True)
class RigParameters:
    """What a face does at one instant.

    weights (B,) in the order of the avatar's blendshapes, mostly 0 to 1; rotations (J,3)
    axis-angle radians about each joint's rest position in the order of the avatar's joints.
    """

    weights: Float32
    rotations: Float32


@dataclass(frozen=True, slots=True)
class Pose:
    """What the renderer needs: weights (B,) and skinning matrices (J,4,4), rest to posed."""

    weights: Float32
    matrices: Float32
