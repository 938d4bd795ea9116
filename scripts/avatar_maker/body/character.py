# SPDX-License-Identifier: Apache-2.0
"""Who the avatar is: MakeHuman's shape targets blended into one adult, with its joints.

The recipe names the targets: macro shapes of age, sex and origin, and features of the person's
own, so that the face is a character and not the neutral base mesh. The arms are lowered from
MakeHuman's rest pose, so that the shoulders look at ease.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np

from avatar_maker.body.face_units import corrected
from avatar_maker.body.lids import seal_lids
from avatar_maker.body.shoulders import sloped
from avatar_maker.recipe import Recipe
from avatar_maker.source import BaseMesh, Floats, Source
from avatar_maker.splats.cloud import HEAD, NECK, ROOT
from driving_client.motion import ARKIT_NAMES

ARM_DROP: Final = np.radians(38.0)
"""By how much the arms are lowered, about the shoulder joints."""

_NECK_BONES: Final = ("neck01", "neck02", "neck03")


@dataclass(frozen=True, slots=True)
class Character:
    """The shaped mesh in metres, feet on y = 0.

    vertices (V,3), units (52,V,3) offsets of the face units in ARKIT_NAMES order, skin (V,5)
    weights, and rest positions of the joints neck, head, leftEye, rightEye.
    """

    vertices: Floats
    units: Floats
    skin: Floats
    neck: Floats
    head: Floats
    left_eye: Floats
    right_eye: Floats

    def joints(self) -> tuple[Floats, Floats, Floats, Floats]:
        """Rest positions of neck, head, leftEye and rightEye."""
        return self.neck, self.head, self.left_eye, self.right_eye


def make_character(source: Source, mesh: BaseMesh, recipe: Recipe) -> Character:
    """Blend the recipe's targets, read the face units, lower the arms."""
    metres = recipe.person.number("scale")
    vertices = mesh.vertices.copy()
    for name, weight in recipe.targets:
        vertices += weight * source.target(name)

    def centre(group: str) -> Floats:
        values: Floats = vertices[np.unique(mesh.quads[mesh.group(group)])].mean(axis=0)
        return values

    ground = centre("joint-ground")
    vertices -= [0.0, ground[1], 0.0]
    bones = _bone_weights(source, len(vertices))
    for side, sign in (("L", 1.0), ("R", -1.0)):
        shoulder = centre(f"joint-{side.lower()}-shoulder")
        moved = _rotated_z(vertices - shoulder, -sign * ARM_DROP) + shoulder
        share = _total(bones, _below(source, f"upperarm01.{side}"))
        vertices += np.clip(share, 0.0, 1.0)[:, None] * (moved - vertices)

    units = np.stack([source.face_unit(name) for name in ARKIT_NAMES])
    for name, weight in recipe.rest_face:
        unit = units[ARKIT_NAMES.index(name)]
        vertices += weight * unit
        if name.startswith("eyeWide"):
            # a blink starts from the lid that the neutral face has already raised
            units[ARKIT_NAMES.index(name.replace("eyeWide", "eyeBlink"))] -= weight * unit
        elif name.startswith("eyeSquint"):
            # what the neutral face has done of it is not done again: lids fold over themselves
            unit *= max(0.0, 1.0 - weight)
    eyes = np.stack([centre("joint-l-eye"), centre("joint-r-eye")])
    seal_lids(mesh, vertices, units, eyes, metres)
    skin = _skin(source, bones)
    body = np.unique(mesh.quads[mesh.group("body")])
    worn = dict(recipe.rest_face)
    neck = centre("joint-neck") * metres
    shaped = sloped(vertices * metres, neck[1], recipe.person.number("shoulder_slope"))
    return Character(
        vertices=shaped,
        units=corrected(units * metres, shaped, body, worn),
        skin=skin,
        neck=neck,
        head=centre("joint-head") * metres,
        left_eye=eyes[0] * metres,
        right_eye=eyes[1] * metres,
    )


def _bone_weights(source: Source, count: int) -> dict[str, Floats]:
    weights = {}
    for bone, pairs in source.skin_weights().items():
        column = np.zeros(count)
        for vertex, weight in pairs:
            column[vertex] = weight
        weights[bone] = column
    return weights


def _below(source: Source, top: str) -> list[str]:
    """A bone and everything under it."""
    parents = source.bone_parents()
    found = [top]
    for bone in found:
        found.extend(name for name, parent in parents.items() if parent == bone)
    return found


def _total(bones: dict[str, Floats], names: Iterable[str]) -> Floats:
    """Sum of the weights (V,) of several bones; some bones move no vertex."""
    values: Floats = np.sum([bones[name] for name in names if name in bones], axis=0)
    return values


def _rotated_z(points: Floats, angle: float) -> Floats:
    turn = np.array(
        [[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]]
    )
    values: Floats = points @ turn.T
    return values


def _skin(source: Source, bones: dict[str, Floats]) -> Floats:
    """Weights (V,5) on root, neck and head; helpers inside the head follow the head."""
    head = _total(bones, _below(source, "head"))
    neck = _total(bones, _NECK_BONES)
    everything = _total(bones, bones)
    skin = np.zeros((len(head), 5))
    scale = np.maximum(everything, 1e-9)
    skin[:, HEAD] = head / scale
    skin[:, NECK] = neck / scale
    skin[:, ROOT] = 1 - skin[:, HEAD] - skin[:, NECK]
    skin[everything == 0] = 0
    skin[everything == 0, HEAD] = 1
    return skin
