# SPDX-License-Identifier: Apache-2.0
"""Places on a neutral face and body from which all parts are measured, and the neckline."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from avatar_maker.body.character import Character
from avatar_maker.body.masks import sampled_mask
from avatar_maker.body.surface import Surface
from avatar_maker.source import Floats, Source
from avatar_maker.splats.mesh import smoothstep


@dataclass(frozen=True, slots=True)
class Landmarks:
    """Places on the neutral face, in metres, from which colours and densities are measured."""

    eyes: Floats
    mouth: Floats
    nose: Floats
    chin: float
    collar: Floats


def find_landmarks(surface: Surface, character: Character, source: Source) -> Landmarks:
    """Landmarks from the joints and from the lips' mask."""
    corner_lips = sampled_mask(source, "lips", surface.texture.reshape(-1, 2))
    lips = np.zeros(len(surface.vertices))
    np.maximum.at(lips, surface.quads.ravel(), corner_lips)
    front = surface.vertices[lips > 0.5]
    mouth = front[front[:, 2] > front[:, 2].max() - 0.012].mean(axis=0)
    eyes = np.stack([character.left_eye, character.right_eye])
    near = (np.abs(surface.vertices[:, 0]) < 0.02) & (surface.vertices[:, 1] > mouth[1] + 0.01)
    near &= surface.vertices[:, 1] < eyes[0, 1]
    nose = surface.vertices[near][np.argmax(surface.vertices[near, 2])]
    collar = character.neck + np.array([0.0, -0.012, 0.02])
    return Landmarks(eyes, mouth, nose, float(mouth[1] - 0.045), collar)


def neckline(points: Floats, marks: Landmarks) -> Floats:
    """Metres (n,) by which points lie inside the shirt: a round neckline, lower in front."""
    rel = points - marks.collar
    front = smoothstep(-0.03, 0.07, rel[:, 2])
    edge = 0.004 - 0.040 * front + 5.5 * rel[:, 0] ** 2 * (0.4 + 0.6 * front)
    return (edge - rel[:, 1]) / np.sqrt(1 + (11 * rel[:, 0]) ** 2)
