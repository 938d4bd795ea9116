# SPDX-License-Identifier: Apache-2.0
"""The avatar in memory: splats, blendshapes, joints and clips, all in metres, y up, facing +z.

Frozen arrays that a bundle reader fills and that rig and renderer read. Splats are stored
with those that any blendshape touches first, so that the deltas need no index.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from splat_gles.voice import Voice

Float32 = NDArray[np.float32]

# Eye joint, and the blendshapes that stand for turning it to the avatar's left and right, down
# and up. An eye's "in" is towards the nose: the avatar's right for its left eye.
EYE_GAZE = (
    ("leftEye", "eyeLookOutLeft", "eyeLookInLeft", "eyeLookDownLeft", "eyeLookUpLeft"),
    ("rightEye", "eyeLookInRight", "eyeLookOutRight", "eyeLookDownRight", "eyeLookUpRight"),
)


@dataclass(frozen=True, slots=True)
class Joint:
    """A joint of the rig: rest position in metres, parent's index or -1 for a root.

    Rotations are about the rest position, in axes parallel to the world's.
    """

    name: str
    parent: int
    position: tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Framing:
    """How the `bust` camera looks at this avatar: it fills `width` metres across a portrait.

    `target` is the point, in metres, that the middle of the picture shows.
    """

    target: tuple[float, float, float]
    width: float


@dataclass(frozen=True, slots=True)
class Clip:
    """A recorded movement: per frame the blendshape weights and the joints' rotations.

    `weights` has shape (frames, blendshapes), `rotations` (frames, joints, 3) as axis-angle
    radians in the order of the avatar's joints. `loop` tells whether the end meets the start.
    """

    name: str
    rate: float
    weights: Float32
    rotations: Float32
    loop: bool

    @property
    def frames(self) -> int:
        """Number of frames."""
        return len(self.weights)

    @property
    def seconds(self) -> float:
        """Length in seconds."""
        return self.frames / self.rate


@dataclass(frozen=True, slots=True)
class Avatar:
    """N splats, B blendshapes over the first T splats, J joints.

    positions (N,3) metres; covariances (N,6) as xx, xy, xz, yy, yz, zz in square metres;
    colors (N,4) display-referred red, green, blue and opacity, 0 to 1; deltas (B,T,3) metres;
    skin_joints (N,4) joint indices with skin_weights (N,4) that sum to 1 per splat. `gaze`
    tells what turns the eyes: "blendshapes" where the eyeLook* deltas move the eyeballs
    themselves, "joints" where the rig turns leftEye and rightEye from the same weights. `voice` is
    None for whoever names none, such as an imported avatar.
    """

    name: str
    licence: str
    parameter_space: str
    framing: Framing
    positions: Float32
    covariances: Float32
    colors: Float32
    blendshapes: tuple[str, ...]
    deltas: Float32
    joints: tuple[Joint, ...]
    skin_joints: NDArray[np.uint8]
    skin_weights: Float32
    clips: Mapping[str, Clip]
    gaze: str = "blendshapes"
    voice: Voice | None = None

    @property
    def splats(self) -> int:
        """Number of splats."""
        return len(self.positions)

    @property
    def drawable(self) -> NDArray[np.bool_]:
        """Which splats, (N,), are not too faint to change an 8-bit picture."""
        return np.asarray(np.rint(self.colors[:, 3] * 255.0) > 1.0)

    def only(self, kept: NDArray[np.intp]) -> Avatar:
        """The avatar with these splats (ascending indices) alone; itself where that is all."""
        if len(kept) == self.splats:
            return self
        touched = int(np.searchsorted(kept, self.deltas.shape[1]))
        return replace(
            self,
            positions=self.positions[kept],
            covariances=self.covariances[kept],
            colors=self.colors[kept],
            deltas=np.ascontiguousarray(self.deltas[:, kept[:touched]]),
            skin_joints=self.skin_joints[kept],
            skin_weights=self.skin_weights[kept],
        )
