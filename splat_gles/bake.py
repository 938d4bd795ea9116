# SPDX-License-Identifier: Apache-2.0
"""Leaves out the splats of an avatar that no viewer of a kiosk ever sees.

Skin under hair, the back of the head, the inside of a mouth behind its teeth: they cost a
renderer as much as what is seen. Kept is every splat that has a noticeable mean weight in at least
one of `STUDIES`: views up to 30 degrees to the sides and 15 up and down, with faces that open
what a neutral one hides (mouth, eyes, lids) and heads that turn on their necks.

Left out on purpose: views from behind, an avatar may be looked at from the front only.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Final

import numpy as np

from splat_gles.avatar import Avatar, Float32, Framing
from splat_gles.camera import Camera, Size, bust
from splat_gles.fragments import project_avatar
from splat_gles.rig import Rig, RigParameters
from splat_gles.skinning import axis_angle_matrix
from splat_gles.visibility import mean_weights

LEAST_WEIGHT: Final = 1.0 / 255.0
"""Splats whose mean weight (see `visibility`) is nowhere as high are left out.

Measured on two LAM avatars against the unpruned source, in faces and views that are no study:
87 % of the visible splats and 90 to 93 % of the fragments stay, the loss is 52 dB and better
(masked). At 0.8/255 it is 90 %, 93 to 95 % and 55 dB."""

_SIZE: Final = (1080, 1920)
"""The picture whose pixels count: a portrait screen's."""

# Each takes some 50 MB while it works
_THREADS: Final = min(4, os.cpu_count() or 1)

_YAWS: Final = (-30.0, -15.0, 0.0, 15.0, 30.0)
_PITCHES: Final = (-15.0, 0.0, 15.0)

# Faces that show what others hide; a name ending in * stands for its Left and Right
_FACES: Final[tuple[Mapping[str, float], ...]] = (
    {"jawOpen": 1.0, "eyeWide*": 1.0, "browInnerUp": 1.0, "browOuterUp*": 1.0, "tongueOut": 1.0},
    {"eyeBlink*": 1.0, "mouthSmile*": 1.0, "cheekSquint*": 1.0, "jawOpen": 0.3},
    {"mouthPucker": 1.0, "browDown*": 1.0, "eyeSquint*": 1.0, "noseSneer*": 1.0},
    {"mouthFunnel": 1.0, "jawOpen": 0.4, "eyeLookUp*": 1.0, "cheekPuff": 1.0},
    {"mouthStretch*": 1.0, "jawOpen": 0.2, "eyeLookDown*": 1.0, "mouthUpperUp*": 1.0},
    {"mouthLowerDown*": 1.0, "mouthUpperUp*": 1.0, "eyeLookOutLeft": 1.0, "eyeLookInRight": 1.0},
    {"mouthRollLower": 1.0, "mouthRollUpper": 1.0, "eyeLookInLeft": 1.0, "eyeLookOutRight": 1.0},
    {"jawOpen": 0.6, "mouthFrown*": 1.0, "jawForward": 1.0, "mouthShrugLower": 1.0},
)


@dataclass(frozen=True, slots=True)
class Study:
    """A face from somewhere, angles in degrees.

    `yaw` turns the whole avatar to its left and `pitch` down, `turn` and `nod` only its head.
    """

    face: Mapping[str, float]
    yaw: float
    pitch: float
    turn: float = 0.0
    nod: float = 0.0


def _studies() -> tuple[Study, ...]:
    neutral = [Study({}, yaw, pitch) for yaw in _YAWS for pitch in _PITCHES]
    moved = []
    for number, face in enumerate(_FACES):
        side = 1.0 if number % 2 else -1.0
        moved += [
            Study(face, 0.0, 0.0),
            Study(face, 15.0 * side, 7.0, turn=12.0 * side, nod=5.0),
            Study(face, -25.0 * side, -7.0, turn=-12.0 * side, nod=-8.0),
        ]
    return (*neutral, *moved)


STUDIES: Final = _studies()


def bake(avatar: Avatar, progress: Callable[[int, int], None]) -> Avatar:
    """The avatar without the splats that are never seen.

    `progress` is told how many of how many studies are done. The order of splats stays, so
    those that blendshapes move still come first.
    """
    weights = np.zeros(avatar.splats, np.float32)
    # numpy lets other threads run while it computes
    with ThreadPoolExecutor(_THREADS) as pool:
        for done, found in enumerate(pool.map(partial(_weights, avatar), STUDIES)):
            progress(done + 1, len(STUDIES))
            np.maximum(weights, found, out=weights)
    return avatar.only(np.flatnonzero((weights >= LEAST_WEIGHT) & avatar.drawable))


def _weights(avatar: Avatar, study: Study) -> Float32:
    """The mean weight (N,) of every splat in one study."""
    rig = Rig(avatar)
    camera = study_camera(avatar.framing, study, _SIZE)
    projected = project_avatar(avatar, rig.pose(study_parameters(rig, study)), camera)
    weights = np.zeros(avatar.splats, np.float32)
    weights[projected.index] = mean_weights(projected)
    return weights


def study_parameters(rig: Rig, study: Study) -> RigParameters:
    """What the avatar's rig can do of a study; blendshapes and joints that it lacks stay out."""
    parameters = rig.neutral()
    for name, weight in study.face.items():
        ends = ("Left", "Right") if name.endswith("*") else ("",)
        for index in (rig.blendshape_index.get(name.rstrip("*") + end) for end in ends):
            if index is not None:
                parameters.weights[index] = weight
    head = rig.joint_index.get("head")
    if head is not None:
        parameters.rotations[head] = math.radians(study.nod), math.radians(study.turn), 0.0
    return parameters


def study_camera(framing: Framing, study: Study, size: Size) -> Camera:
    """The bust camera, with the avatar tipped about its framing's target after it was turned."""
    view = bust(framing, size, math.radians(study.yaw))
    tip = np.eye(4)
    tip[:3, :3] = axis_angle_matrix(math.radians(study.pitch), 0.0, 0.0)
    target = view.view[:3, :3] @ np.array(framing.target) + view.view[:3, 3]
    tip[:3, 3] = target - tip[:3, :3] @ target
    return Camera(tip @ view.view, view.focal, view.size)
