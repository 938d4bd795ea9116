# SPDX-License-Identifier: Apache-2.0
"""What an avatar is judged by: the poses and views of the contact sheet and of the tests.

Visemes are what the speech driver sends for a sound held between two short neutral vowels:
phonemes to mouth controls, those to the motion of the wire, and that to face units. Nothing is
drawn here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np

from avatar_maker.source import Floats
from driving_client.lipsync.coarticulation import mouth_controls
from driving_client.motion import ARKIT_NAMES, FRAME_RATE
from driving_client.retarget import load_retarget
from driving_client.voices.speech import Phoneme
from splat_gles.avatar import Avatar, Framing
from splat_gles.camera import Camera, Size, bust
from splat_gles.errors import SplatError
from splat_gles.rig import Rig, RigParameters

VISEMES: Final = {"m": "m", "f": "f", "sh": "S", "ah": "A:", "ee": "i:", "aw": "O:", "oo": "u:"}
"""Seven mouths that between them use every control: their names and espeak-ng's mnemonics."""

_HELD: Final = (0.48, 0.60, 0.72)
"""Seconds at which a viseme's sound starts, is looked at, and ends."""


@dataclass(frozen=True, slots=True)
class Shot:
    """One picture: face units by ARKit's names, the avatar's turn in degrees, and what of it.

    `yaw` turns it to its left, `pitch` tips its face down. `close` is "" for the avatar's own
    framing, or "eyes" or "mouth".
    """

    name: str
    units: Mapping[str, float] = field(default_factory=dict)
    yaw: float = 0.0
    pitch: float = 0.0
    close: str = ""


SMILE: Final = {"mouthSmile": 0.8, "cheekSquint": 0.5, "eyeSquint": 0.25, "jawOpen": 0.08}
SURPRISE: Final = {"browInnerUp": 0.8, "browOuterUp": 0.8, "eyeWide": 0.9, "jawOpen": 0.4}
CLOSE_WIDTHS: Final = {"eyes": 0.125, "mouth": 0.085}
"""Metres across the picture of a close-up."""


def sheet_shots() -> tuple[Shot, ...]:
    """The contact sheet's pictures, row by row of seven."""
    mouths = [Shot(name, viseme(sound)) for name, sound in VISEMES.items()]
    return (
        *mouths,
        Shot("neutral"),
        Shot("smile", both_sides(SMILE)),
        Shot("surprise", both_sides(SURPRISE)),
        Shot("blink", both_sides({"eyeBlink": 1.0})),
        Shot("smile, jaw open", both_sides({"mouthSmile": 0.9, "jawOpen": 0.5})),
        Shot("pucker, lids shut", both_sides({"mouthPucker": 1.0, "eyeBlink": 1.0})),
        Shot("gaze to its left", {"eyeLookOutLeft": 1.0, "eyeLookInRight": 1.0}),
        Shot("yaw -30", yaw=-30.0),
        Shot("yaw 15", yaw=15.0),
        Shot("yaw 30", yaw=30.0),
        Shot("pitch -15", pitch=-15.0),
        Shot("pitch 15", pitch=15.0),
        Shot("eyes", close="eyes"),
        Shot("mouth", viseme(VISEMES["ee"]), close="mouth"),
    )


def both_sides(units: Mapping[str, float]) -> dict[str, float]:
    """Face units in which a name that has a left and a right stands for both."""
    named = {}
    for name, value in units.items():
        known = [full for full in (name, f"{name}Left", f"{name}Right") if full in ARKIT_NAMES]
        if not known:
            raise KeyError(f"there is no face unit {name}")
        named.update(dict.fromkeys(known, value))
    return named


def viseme(sound: str) -> dict[str, float]:
    """Face units amid a held sound, espeak-ng's mnemonic, as the speech driver sends them."""
    start, shown, end = _HELD
    phonemes = [
        Phoneme("_", 0.0, start - 0.08),
        Phoneme("@", start - 0.08, start),
        Phoneme(sound, start, end),
        Phoneme("@", end, end + 0.08),
        Phoneme("_", end + 0.08, end + 0.5),
    ]
    controls = mouth_controls(phonemes, round((end + 0.5) * FRAME_RATE))
    retarget = load_retarget()
    frame = retarget.frame(controls[round(shown * FRAME_RATE)])
    weights = retarget.arkit(frame)[: len(ARKIT_NAMES)]
    return {
        name: float(weight)
        for name, weight in zip(ARKIT_NAMES, weights, strict=True)
        if weight > 0.005
    }


def posed(rig: Rig, units: Mapping[str, float]) -> RigParameters:
    """The rig's neutral parameters with face units applied."""
    parameters = rig.neutral()
    for name, value in units.items():
        parameters.weights[rig.blendshape_index[name]] = value
    return parameters


def shot_camera(avatar: Avatar, shot: Shot, size: Size) -> Camera:
    """The camera of a shot: a close-up is taken from where the bust is, with a longer lens."""
    yaw, pitch = np.radians([shot.yaw, shot.pitch]).tolist()
    if not shot.close:
        return bust(avatar.framing, size, yaw, pitch)
    x, y, z = eyes_middle(avatar) if shot.close == "eyes" else mouth_middle(avatar)
    view = bust(Framing((float(x), float(y), float(z)), avatar.framing.width), size, yaw, pitch)
    return replace(view, focal=view.focal * avatar.framing.width / CLOSE_WIDTHS[shot.close])


def eyes_middle(avatar: Avatar) -> Floats:
    """The middle (3,) between the eyeballs, in metres; of a rig without them, between the lids.

    Imported LAM avatars have no eye joints: their gaze is a matter of blendshapes.
    """
    joints = {joint.name: joint.position for joint in avatar.joints}
    if {"leftEye", "rightEye"} <= joints.keys():
        left, right = np.array(joints["leftEye"]), np.array(joints["rightEye"])
    else:
        left, right = (_moved_middle(avatar, f"eyeBlink{side}") for side in ("Left", "Right"))
    values: Floats = (left + right) / 2.0
    return values


def mouth_middle(avatar: Avatar) -> Floats:
    """Where the lips are (3,): the splats' mean, by how far mouthPucker moves them; x is 0."""
    centre = _moved_middle(avatar, "mouthPucker")
    centre[0] = 0.0
    return centre


def _moved_middle(avatar: Avatar, unit: str) -> Floats:
    """The mean (3,) of the splats at rest, by how far a face unit moves them."""
    if unit not in avatar.blendshapes:
        raise SplatError(
            f"{avatar.name} has no face unit {unit}; it takes ARKit's to find the face"
        )
    moved = np.linalg.norm(avatar.deltas[avatar.blendshapes.index(unit)], axis=1)
    if not moved.any():
        raise SplatError(f"{avatar.name}: its {unit} moves nothing, so the face cannot be found")
    centre: Floats = moved @ avatar.positions[: len(moved)] / moved.sum()
    return centre
