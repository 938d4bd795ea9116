# SPDX-License-Identifier: Apache-2.0
"""What an avatar is fitted to: pictures of a finer one, from where a kiosk's visitors stand.

The faces are those that people make, at strengths they have in speech; what is seen in them alone
(teeth, lids, tongue) is fitted with the rest. Whole busts show hair and silhouette, close-ups the
face at the resolution of a portrait screen of 1080 columns. Some views are left out of the fit:
they tell whether it has learnt the person or the pictures.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from avatar_maker.source import Floats
from avatar_maker.splats.blending import Float32
from splat_gles.avatar import Avatar
from splat_gles.bake import Study, study_camera, study_parameters
from splat_gles.camera import Camera, Size
from splat_gles.offscreen import offscreen_renderer
from splat_gles.quality import RenderQuality
from splat_gles.rig import Pose, Rig

BUST: Final[Size] = (540, 960)
FACE: Final[Size] = (512, 640)
FACE_WIDTH: Final = 0.17
"""Metres across a close-up."""
FACE_BELOW: Final = 0.036
"""The close-up's middle below the eyes, metres."""
BACKGROUNDS: Final = ((1.0, 1.0, 1.0), (0.1, 0.1, 0.12), (0.35, 0.6, 0.45))
"""Pictures are compared over these in turn, so that coverage is fitted and not only colour."""

STUDIES: Final = (
    Study({}, 0.0, 0.0),
    Study({"mouthSmile*": 0.8, "jawOpen": 0.25, "cheekSquint*": 0.4}, 14.0, 4.0),
    Study({"jawOpen": 0.6, "browInnerUp": 0.6}, -14.0, -5.0),
    Study({"eyeBlink*": 1.0, "mouthSmile*": 0.5}, 6.0, 10.0),
    Study({"mouthPucker": 0.9, "eyeLookOutLeft": 0.7, "eyeLookInRight": 0.7}, -28.0, 3.0),
    Study({"eyeLookInLeft": 0.7, "eyeLookOutRight": 0.7, "mouthFrown*": 0.5}, 29.0, -3.0),
    Study({"mouthFunnel": 0.8, "jawOpen": 0.2, "eyeLookUp*": 0.5}, -6.0, -13.0),
    Study(
        {"eyeLookDown*": 0.6, "mouthUpperUp*": 0.5, "mouthLowerDown*": 0.6}, -22.0, 12.0, turn=8.0
    ),
    Study({"jawOpen": 0.35, "mouthStretch*": 0.5, "eyeBlink*": 0.4}, 22.0, -10.0, turn=-8.0),
    Study({}, -3.0, 14.0, nod=6.0),
)
HELD_OUT: Final = (
    Study({"jawOpen": 0.45, "mouthSmile*": 0.6}, 9.0, -4.0),
    Study({"eyeBlink*": 0.6, "mouthPucker": 0.6}, -19.0, 7.0),
    Study({"mouthFunnel": 0.6, "browDown*": 0.5, "eyeLookUp*": 0.3}, 25.0, 9.0),
)


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """A pose, a camera, and the fine avatar's picture (H,W,3) over a background (3,)."""

    pose: Pose
    camera: Camera
    background: Floats
    wanted: Float32


def views(fine: Avatar, studies: Sequence[Study], step: Callable[[float], None]) -> list[View]:
    """A bust and a close-up of each study; `step` hears the fraction done."""
    rig = Rig(fine)
    found = []
    for size, camera_of in ((BUST, _bust), (FACE, _face)):
        for turn, background in enumerate(BACKGROUNDS):
            with offscreen_renderer(fine, size, background) as renderer:
                renderer.set_quality(RenderQuality(mode="quality"))
                for study in studies[turn :: len(BACKGROUNDS)]:
                    pose = rig.pose(study_parameters(rig, study))
                    camera = camera_of(fine, study)
                    renderer.draw(pose, camera)
                    picture = (renderer.read_pixels() / 255).astype(np.float32)
                    found.append(View(pose, camera, np.array(background), picture))
                    step(len(found) / (2 * len(studies)))
    return found


def _bust(avatar: Avatar, study: Study) -> Camera:
    return study_camera(avatar.framing, study, BUST)


def _face(avatar: Avatar, study: Study) -> Camera:
    """From the bust's distance, through a longer lens."""
    framing = avatar.framing
    x, _, z = framing.target
    eyes = next(joint.position[1] for joint in avatar.joints if joint.name == "leftEye")
    whole = study_camera(replace(framing, target=(x, eyes - FACE_BELOW, z)), study, FACE)
    return replace(whole, focal=whole.focal * framing.width / FACE_WIDTH)
