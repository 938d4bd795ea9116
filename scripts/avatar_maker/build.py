# SPDX-License-Identifier: Apache-2.0
"""Puts the parts together: geometry, hair, baked light, joints and clips make the avatar."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from avatar_maker.body.bust import bust_surface
from avatar_maker.body.character import Character, make_character
from avatar_maker.body.landmarks import Landmarks, find_landmarks
from avatar_maker.body.surface import Surface
from avatar_maker.clips import authored_clips
from avatar_maker.clothing.cloth import clothing
from avatar_maker.face.brows import brows
from avatar_maker.face.eyes import eyeballs
from avatar_maker.face.lashes import lashes
from avatar_maker.face.lid_details import lid_details
from avatar_maker.face.lid_rims import find_lids
from avatar_maker.face.mouth import mouth_parts
from avatar_maker.face.skin import skin
from avatar_maker.hair.beard import beard
from avatar_maker.hair.style import head_hair
from avatar_maker.recipe import Recipe
from avatar_maker.source import BaseMesh, Floats, Ints, Source
from avatar_maker.splats.cloud import HEAD, LEFT_EYE, NECK, RIGHT_EYE, ROOT, Cloud, joined
from avatar_maker.splats.density import Density
from avatar_maker.splats.light import baked, displayed, sheen
from avatar_maker.splats.seen import most_seen
from driving_client.motion import ARKIT_NAMES
from splat_gles.avatar import Avatar, Framing, Joint
from splat_gles.camera import bust
from splat_gles.voice import Voice

SMALLEST_DELTA: Final = 0.00002
"""Offsets below 20 micrometres are dropped: a twentieth of a pixel on a 1080-wide screen."""

FRAMED: Final = 0.29
"""Metres that the picture's shorter side spans: the face is large, and turned it stays inside."""
FRAMED_DEPTH: Final = -0.06
"""From the lips back to where the picture is as wide as that, in metres."""
HEADROOM: Final = 0.08
"""The share of a 9:16 portrait that is free above the hair."""

EXPRESSIONS: Final[tuple[dict[str, float], ...]] = (
    {"jawOpen": 1.0, "mouthUpperUpLeft": 1.0, "mouthUpperUpRight": 1.0},
    {"jawOpen": 0.65},
    {
        "jawOpen": 0.4,
        "mouthSmileLeft": 1.0,
        "mouthSmileRight": 1.0,
        "mouthLowerDownLeft": 0.6,
        "mouthLowerDownRight": 0.6,
    },
    {
        "eyeBlinkLeft": 1.0,
        "eyeBlinkRight": 1.0,
        "mouthFunnel": 1.0,
        "tongueOut": 1.0,
        "jawOpen": 0.5,
        "browInnerUp": 1.0,
    },
    {
        "eyeBlinkLeft": 0.5,
        "eyeBlinkRight": 0.5,
        "mouthPucker": 1.0,
        "browDownLeft": 1.0,
        "browDownRight": 1.0,
        "eyeSquintLeft": 1.0,
        "eyeSquintRight": 1.0,
    },
    {
        "eyeWideLeft": 1.0,
        "eyeWideRight": 1.0,
        "browInnerUp": 1.0,
        "browOuterUpLeft": 1.0,
        "browOuterUpRight": 1.0,
        "jawOpen": 0.3,
    },
)
"""Face units that together show what is hidden at rest."""
LIT_POSE: Final = {"jawOpen": 0.75, "eyeBlinkLeft": 1.0, "eyeBlinkRight": 1.0}
"""The pose whose light moving parts get, at their `posed_light`."""
GAZES: Final = ((27, 0), (-27, 0), (0, 20), (0, -20))
"""Yaw and pitch of the eyes, degrees, a little further than they ever turn."""

Progress = Callable[[str, float], None]


@dataclass(frozen=True, slots=True, eq=False)
class Person:
    """A recipe's person before any splat: what all parts grow on."""

    source: Source
    recipe: Recipe
    mesh: BaseMesh
    character: Character
    surface: Surface
    marks: Landmarks


def person_of(source: Source, recipe: Recipe) -> Person:
    """Reads and shapes the mesh."""
    mesh = source.base_mesh()
    character = make_character(source, mesh, recipe)
    surface = bust_surface(mesh, character)
    marks = find_landmarks(surface, character, source)
    return Person(source, recipe, mesh, character, surface, marks)


def covered(person: Person, density: Density) -> Cloud:
    """All parts of a person as splats, the hidden ones too."""
    recipe, mesh, character = person.recipe, person.mesh, person.character
    surface, marks = person.surface, person.marks
    parts = {"skin": skin(surface, marks, person.source, recipe, density)}
    parts["cloth"] = clothing(surface, marks, recipe.clothing, density)
    parts["eyes"] = eyeballs(marks.eyes, recipe.eyes, density)
    parts["mouth"] = mouth_parts(mesh, character, density)
    lids = find_lids(mesh, character)
    parts["lids"] = lid_details(lids, recipe, density)
    parts["lashes"] = lashes(lids, recipe.eyes, density)
    parts["brows"] = brows(parts["skin"], marks.eyes, recipe.brows, density)
    parts["beard"] = beard(parts["skin"], marks, recipe.beard, density)
    parts["hair"] = head_hair(parts["skin"], marks.eyes, recipe.hair, density)
    return joined(list(parts.values()))


def lit(person: Person, cloud: Cloud, step: Callable[[float], None]) -> Avatar:
    """The avatar of a cloud; `step` hears the fraction done."""
    light = baked(cloud, _posed(cloud, **LIT_POSE), step)
    return _avatar(person.recipe, cloud, light, person.character.joints(), person.marks.mouth)


def draft_avatar(source: Source, recipe: Recipe, density: Density, progress: Progress) -> Avatar:
    """A person as the parts make it; `progress` hears the step's name and the fraction done."""
    progress("read and shape the mesh", 0.0)
    person = person_of(source, recipe)
    progress("cover it with splats", 0.1)
    cloud = covered(person, density)
    progress("leave out what is hidden", 0.3)
    cloud = cloud.where(shown(cloud, person.marks.eyes) > 1)
    progress(f"bake the light over {len(cloud)} splats", 0.6)
    return lit(person, cloud, lambda part: progress("", 0.6 + part * 0.4))


def _posed(cloud: Cloud, **units: float) -> Floats:
    """Positions (n,3) with some face units applied."""
    weights = np.zeros(len(ARKIT_NAMES))
    for name, weight in units.items():
        weights[ARKIT_NAMES.index(name)] = weight
    moved: Floats = cloud.positions + np.tensordot(weights, cloud.deltas, 1)
    return moved


def shown(cloud: Cloud, eyes: Floats) -> Floats:
    """How well each splat (n,) shows at rest, in strong expressions and looking aside.

    1 is what its part asks for; what has less is as good as hidden.
    """
    moved = [_posed(cloud, **units) for units in EXPRESSIONS]
    for yaw, pitch in np.radians(GAZES):
        gaze = _posed(cloud, eyeWideLeft=0.5, eyeWideRight=0.5)
        for eye, joint in zip(eyes, (LEFT_EYE, RIGHT_EYE), strict=True):
            turned = (gaze - eye) @ _turn(yaw, pitch).T + eye
            gaze += cloud.skin[:, joint, None] * (turned - gaze)
        moved.append(gaze)
    seen = most_seen(cloud.positions, cloud.axes, cloud.opacity, moved)
    values: Floats = seen / np.maximum(cloud.least_share, 1e-6)
    return values


def _turn(yaw: float, pitch: float) -> Floats:
    """The rotation (3,3) by pitch about x, then yaw about y."""
    across = np.array([[np.cos(yaw), 0, np.sin(yaw)], [0, 1, 0], [-np.sin(yaw), 0, np.cos(yaw)]])
    down = np.array(
        [[1, 0, 0], [0, np.cos(pitch), -np.sin(pitch)], [0, np.sin(pitch), np.cos(pitch)]]
    )
    values: Floats = across @ down
    return values


def _avatar(
    recipe: Recipe,
    cloud: Cloud,
    light: Floats,
    joints: tuple[Floats, Floats, Floats, Floats],
    mouth: Floats,
) -> Avatar:
    colors = displayed(cloud.albedo * light + sheen(cloud.normals, cloud.gloss, light))
    emitting = cloud.gloss < 0
    colors[emitting] = 1.0
    deltas = np.where(
        np.linalg.norm(cloud.deltas, axis=2, keepdims=True) < SMALLEST_DELTA, 0, cloud.deltas
    )
    order = _touched_first(cloud.positions, deltas)
    touched = int((np.abs(deltas).max(axis=(0, 2)) > 0).sum())
    axes = cloud.axes[order]
    full = np.einsum("nki,nkj->nij", axes, axes)
    covariances = full[:, (0, 0, 0, 1, 1, 2), (0, 1, 2, 1, 2, 2)]
    neck, head, left, right = joints
    bones = (
        ("root", -1, np.zeros(3)),
        ("neck", ROOT, neck),
        ("head", NECK, head),
        ("leftEye", HEAD, left),
        ("rightEye", HEAD, right),
    )
    rank = np.argsort(-cloud.skin[order], axis=1, kind="stable")[:, :4]
    weights = np.take_along_axis(cloud.skin[order], rank, axis=1)
    skeleton = tuple(Joint(name, parent, _rounded(place)) for name, parent, place in bones)
    return Avatar(
        name=recipe.person.word("name"),
        licence=recipe.person.word("licence"),
        parameter_space="arkit",
        gaze="joints",
        framing=_framing(cloud, mouth),
        positions=cloud.positions[order].astype(np.float32),
        covariances=covariances.astype(np.float32),
        colors=np.column_stack([colors, cloud.opacity])[order].astype(np.float32),
        blendshapes=ARKIT_NAMES,
        deltas=deltas[:, order[:touched]].astype(np.float32),
        joints=skeleton,
        skin_joints=np.where(weights > 0, rank, 0).astype(np.uint8),
        skin_weights=(weights / weights.sum(axis=1, keepdims=True)).astype(np.float32),
        clips={clip.name: clip for clip in authored_clips(len(skeleton))},
        voice=voice_of(recipe),
    )


def voice_of(recipe: Recipe) -> Voice:
    """How the recipe's person speaks."""
    told = recipe.voice
    return Voice(told.word("language"), told.word("sex"), told.number("pitch"))


def _framing(cloud: Cloud, mouth: Floats) -> Framing:
    """The picture in which a 9:16 portrait has its headroom; wider ones show the same middle."""
    distance = bust(Framing((0.0, 0.0, 0.0), FRAMED), (9, 16)).position[2]
    depth = mouth[2] + FRAMED_DEPTH
    above = (0.5 - HEADROOM) * FRAMED * 16 / 9
    solid = cloud.opacity > 0.5
    height, nearness = cloud.positions[solid, 1], cloud.positions[solid, 2] - depth
    middle = (height - above * (distance - nearness) / distance).max()
    return Framing(_rounded(np.array([mouth[0], middle, depth])), FRAMED)


def _rounded(place: Floats) -> tuple[float, float, float]:
    """A place in metres to the micrometre, the middle being exactly 0."""
    x, y, z = (round(float(value), 6) for value in place)
    return x, y, z


def _touched_first(positions: Floats, deltas: Floats) -> Ints:
    """An order in which moved splats lead, and neighbours are near: it packs well."""
    still = np.abs(deltas).max(axis=(0, 2)) == 0
    pattern = np.abs(deltas).max(axis=2) > 0
    return np.lexsort((positions[:, 0], np.round(positions[:, 1], 2), pattern.sum(axis=0), still))
