# SPDX-License-Identifier: Apache-2.0
"""The body's surface as far as it is in the picture, and the poses that stretch it most."""

from __future__ import annotations

from typing import Final

import numpy as np

from avatar_maker.body.character import Character
from avatar_maker.body.surface import Surface, refined
from avatar_maker.source import BaseMesh, Floats
from avatar_maker.splats.mesh import unit
from driving_client.motion import ARKIT_NAMES

BELOW_EYES: Final = 0.49
"""How far below the eyes the bust ends, in metres: below the picture of a 9:20 portrait."""


def bust_surface(mesh: BaseMesh, character: Character) -> Surface:
    """The visible part of the body's surface: head, neck and chest."""
    rows = mesh.group("body")
    corners = character.vertices[mesh.quads[rows]]
    lowest = character.left_eye[1] - BELOW_EYES
    surface = refined(mesh, character, rows[corners[..., 1].min(axis=1) > lowest])
    centre = surface.centres()
    normal = unit(surface.normals[surface.quads].sum(axis=1))
    back = (centre[:, 1] < character.neck[1] - 0.02) & (normal[:, 2] < -0.45)
    eyes = np.stack([character.left_eye, character.right_eye])
    behind = np.linalg.norm(centre[:, None] - eyes, axis=-1).min(axis=1) < 0.0155
    hidden = behind & (centre[:, 2] < character.left_eye[2] + 0.004)
    fours = (~back & ~hidden).reshape(-1, 4).any(axis=1)
    return surface.picked(np.repeat(fours, 4))


def stretching_poses(surface: Surface) -> list[Floats]:
    """The poses that stretch the skin most."""

    def posed(**weights: float) -> Floats:
        rows = [ARKIT_NAMES.index(name) for name in weights]
        return surface.vertices + np.tensordot(
            np.array(list(weights.values())), surface.units[rows], 1
        )

    return [
        posed(eyeBlinkLeft=1.0, eyeBlinkRight=1.0),
        # brows pull at the folds above shut lids
        posed(
            eyeBlinkLeft=1.0,
            eyeBlinkRight=1.0,
            browInnerUp=0.8,
            browOuterUpLeft=0.8,
            browOuterUpRight=0.8,
        ),
        posed(jawOpen=0.9, mouthSmileLeft=0.4, mouthSmileRight=0.4),
        posed(mouthRollLower=0.8, mouthRollUpper=0.8),
        posed(jawOpen=0.7, mouthClose=0.7),
        posed(cheekPuff=1.0, browDownLeft=1.0, browDownRight=1.0),
        posed(
            eyeSquintLeft=1.0,
            eyeSquintRight=1.0,
            cheekSquintLeft=1.0,
            cheekSquintRight=1.0,
        ),
    ]
