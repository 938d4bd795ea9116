# SPDX-License-Identifier: Apache-2.0
"""Head, neck and chest as skin, and the shirt over it: one surface, told apart by place.

Density follows detail: lids and lips finest, then the face, then neck and scalp, then the shirt.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from avatar_maker.character import Character
from avatar_maker.cloud import Cloud, joined
from avatar_maker.collar import COVERED, collar
from avatar_maker.density import Density
from avatar_maker.hairline import scalp_cover
from avatar_maker.light import linear
from avatar_maker.masks import sampled_mask
from avatar_maker.mesh import smoothstep, unit, vertex_normals
from avatar_maker.recipe import Look, Recipe
from avatar_maker.source import BaseMesh, Floats, Ints, Source
from avatar_maker.surface import Surface, covered, merged, refined
from driving_client.motion import ARKIT_NAMES

BELOW_EYES: Final = 0.60
"""How far below the eyes the bust ends, in metres: below the picture of the bust camera."""

OVERLAP: Final = 1.38
OVERLAP_OF_CLOTH: Final = 1.41
"""Standard deviation of a splat in halves of its cell's edge. Less lets more of what is behind
through between the splats; cloth has the bright background behind it."""


@dataclass(frozen=True, slots=True)
class Landmarks:
    """Places on the neutral face, in metres, from which colours and densities are measured."""

    eyes: Floats
    mouth: Floats
    nose: Floats
    chin: float
    collar: Floats


def find_landmarks(surface: Surface, character: Character, lips: Floats) -> Landmarks:
    """Landmarks from the joints and from the lips' mask per vertex."""
    front = surface.vertices[lips > 0.5]
    mouth = front[front[:, 2] > front[:, 2].max() - 0.012].mean(axis=0)
    eyes = np.stack([character.left_eye, character.right_eye])
    near = (np.abs(surface.vertices[:, 0]) < 0.02) & (surface.vertices[:, 1] > mouth[1] + 0.01)
    near &= surface.vertices[:, 1] < eyes[0, 1]
    nose = surface.vertices[near][np.argmax(surface.vertices[near, 2])]
    collar = character.neck + np.array([0.0, -0.012, 0.02])
    return Landmarks(eyes, mouth, nose, float(mouth[1] - 0.045), collar)


def _neckline(points: Floats, marks: Landmarks) -> Floats:
    """Metres (n,) by which points lie inside the shirt: a round neckline, lower in front."""
    rel = points - marks.collar
    front = smoothstep(-0.03, 0.07, rel[:, 2])
    edge = 0.004 - 0.040 * front + 5.5 * rel[:, 0] ** 2 * (0.4 + 0.6 * front)
    return (edge - rel[:, 1]) / np.sqrt(1 + (11 * rel[:, 0]) ** 2)


def _bust(mesh: BaseMesh, character: Character) -> Surface:
    """The visible part of the body's surface."""
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


def _spacing(centre: Floats, marks: Landmarks, scalp: Floats, shirt: Floats) -> Floats:
    """Widest wished edge of a cell (F,) in metres."""
    spacing = np.full(len(centre), 0.0080)
    front = smoothstep(0.0, 0.05, centre[:, 2] - marks.eyes[0, 2] + 0.05)
    face = front * smoothstep(marks.chin - 0.02, marks.chin, centre[:, 1])
    spacing -= 0.0049 * face

    def finer(place: Floats, reach: float, by: float) -> Floats:
        gap = np.linalg.norm((centre - place) * [0.8, 1.1, 1.0], axis=1)
        values: Floats = by * np.exp(-((gap / reach) ** 4)) * front
        return values

    near = np.maximum(finer(marks.mouth, 0.028, 0.0010), finer(marks.nose, 0.022, 0.0006))
    for eye in marks.eyes:
        near = np.maximum(near, finer(eye, 0.024, 0.0014))
    spacing -= near
    spacing = np.where(scalp > 0.5, 0.0110, spacing)
    spacing = np.where(shirt > 0, 0.0180, spacing)
    hem = np.exp(-((shirt / 0.010) ** 4)) * (centre[:, 2] > marks.collar[2] - 0.06)
    values: Floats = spacing * (1 - hem) + 0.0050 * hem
    return values


def _poses(surface: Surface) -> list[Floats]:
    """The poses that stretch the skin most."""

    def posed(**weights: float) -> Floats:
        rows = [ARKIT_NAMES.index(name) for name in weights]
        return surface.vertices + np.tensordot(
            np.array(list(weights.values())), surface.units[rows], 1
        )

    return [
        posed(eyeBlinkLeft=1.0, eyeBlinkRight=1.0),
        posed(jawOpen=0.9, mouthSmileLeft=0.4, mouthSmileRight=0.4),
        posed(mouthRollLower=0.8, mouthRollUpper=0.8),
    ]


def _skin_color(points: Floats, marks: Landmarks, masks: dict[str, Floats], look: Look) -> Floats:
    """Albedo (n,3) of skin: flushed cheeks, nose, ears; lips; dark inside the mouth."""

    def blob(place: Floats, size: float) -> Floats:
        values: Floats = np.exp(-((np.linalg.norm(points - place, axis=1) / size) ** 2))[:, None]
        return values

    color = np.broadcast_to(look.color("tone"), points.shape).copy()
    mottle = np.sin(points @ [310, 190, 270]) * np.sin(points @ [-170, 330, 120] + 1.7)
    mottle += 0.6 * np.sin(points @ [720, -510, 630] + 0.4) * np.sin(points @ [430, 910, -560])
    color *= 1 + 0.018 * look.number("mottle") * mottle[:, None] * np.array([0.7, 1.0, 1.0])
    flush = 1 + look.number("flush") / 0.75 * (np.array([1.0, 0.80, 0.79]) - 1)
    for side in (1.0, -1.0):
        cheek = np.array([side * 0.040, marks.nose[1] + 0.006, marks.nose[2] - 0.030])
        color *= 1 + blob(cheek, 0.024) * 0.75 * (flush - 1)
    color *= 1 + blob(marks.nose + np.array([0, 0.002, 0]), 0.016) * 0.55 * (flush - 1)
    color *= 1 + blob(np.array([0, marks.chin + 0.01, marks.mouth[2] - 0.004]), 0.016) * 0.3 * (
        flush - 1
    )
    color *= 1 + masks["ears"][:, None] * 0.45 * (flush - 1)
    for eye in marks.eyes:
        color *= 1 + look.number("under_eyes") * blob(eye + np.array([0, -0.018, 0.014]), 0.012)
    lids = masks["eyelids"][:, None]
    color *= 1 + lids * (np.array([0.94, 0.86, 0.84]) - 1)
    lip = smoothstep(0.25, 0.75, masks["lips"])[:, None]
    color = color * (1 - 0.78 * lip) + look.color("lips") * 0.78 * lip
    inside = smoothstep(0.3, 0.7, masks["inside-mouth"])[:, None]
    return color * (1 - inside) + linear(120, 46, 44) * inside


def bust(
    mesh: BaseMesh, character: Character, source: Source, recipe: Recipe, density: Density
) -> tuple[Cloud, Landmarks]:
    """Splats of skin and shirt, and the landmarks that other parts use."""
    surface = _bust(mesh, character)
    corner_lips = sampled_mask(source, "lips", surface.texture.reshape(-1, 2))
    lips = np.zeros(len(surface.vertices))
    np.maximum.at(lips, surface.quads.ravel(), corner_lips)
    marks = find_landmarks(surface, character, lips)
    shirt_quads = _neckline(surface.centres(), marks)
    surface = _draped(surface, marks)
    centre = surface.centres()
    spacing = _spacing(centre, marks, scalp_cover(centre, marks.eyes), shirt_quads)
    spacing *= density.spacing
    surface, spacing = merged(surface, spacing, _poses(surface))
    cloth = _neckline(surface.centres(), marks) > 0
    cloud, samples = covered(
        surface,
        spacing,
        _poses(surface),
        overlap=np.where(cloth, OVERLAP_OF_CLOTH, OVERLAP),
        thickness=0.00025,
    )
    cloud = replace(cloud, opacity=np.ones(len(cloud)))
    texture = samples.of_corners(surface.texture)
    names = ("lips", "inside-mouth", "ears", "eyelids")
    masks = {name: sampled_mask(source, name, texture) for name in names}
    points = cloud.positions
    inside = _neckline(points, marks)
    hem = 0.0032 * smoothstep(0.0, 0.0015, inside) + 0.0022 * np.exp(
        -(((inside - 0.006) / 0.005) ** 2)
    )
    hem *= inside > 0
    cloud = replace(cloud, positions=points + cloud.normals * hem[:, None])
    color = _skin_color(points, marks, masks, recipe.skin)
    scalp = scalp_cover(points, marks.eyes)[:, None]
    color = color * (1 - scalp) + recipe.hair.colors("colors").mean(axis=0) * 0.5 * scalp
    dyed = smoothstep(-0.0010, 0.0010, inside)[:, None]
    seam = np.exp(-(((inside - 0.013) / 0.0016) ** 2))[:, None]
    cloth_color = recipe.clothing.color("color")
    fabric = cloth_color * (1 + 0.03 * np.sin(points @ [90, 26, 40])[:, None]) * (1 - 0.22 * seam)
    color = color * (1 - dyed) + fabric * dyed
    gloss = np.where(masks["lips"] > 0.5, 1.6, 0.55) * (1 - dyed[:, 0]) * (1 - scalp[:, 0])
    gloss *= 1 - smoothstep(0.3, 0.7, masks["inside-mouth"]) * 0.8
    skin = replace(cloud, albedo=color, gloss=gloss)
    rib = collar(replace(skin, positions=points), inside, marks.collar, cloth_color)
    return joined([skin.where((inside < 0) | (inside > COVERED)), rib]), marks


def _draped(surface: Surface, marks: Landmarks) -> Surface:
    """The surface as cloth hangs over a body: one smooth curve over the chest, soft elsewhere."""
    depth = _neckline(surface.vertices, marks)
    vertices = surface.vertices.copy()
    x, y, z = (vertices - marks.collar).T
    chest = smoothstep(0.125, 0.095, np.abs(x)) * smoothstep(0.01, 0.06, depth)
    chest *= smoothstep(-0.01, 0.02, z)
    basis = np.stack([x**i * y**j for i in (0, 2, 4) for j in range(4 - i // 2)], axis=1)
    inner = chest > 0.3
    curve = np.linalg.lstsq(basis[inner], z[inner], rcond=None)[0]
    vertices[:, 2] += chest * (basis @ curve - z)
    pairs = np.stack([surface.quads, np.roll(surface.quads, -1, axis=1)], axis=-1).reshape(-1, 2)
    border = _on_border(surface.quads, len(vertices))
    border &= vertices[:, 1] < vertices[surface.quads, 1].min() + 0.06
    soft = (0.6 * smoothstep(0.02, 0.08, depth) * ~border)[:, None]
    for _ in range(40):
        total = np.zeros_like(vertices)
        count = np.zeros(len(vertices))
        for one, other in ((0, 1), (1, 0)):
            np.add.at(total, pairs[:, one], vertices[pairs[:, other]])
            np.add.at(count, pairs[:, one], 1.0)
        mean = total / np.maximum(count, 1)[:, None]
        vertices = vertices + soft * (mean - vertices)
    return replace(surface, vertices=vertices, normals=vertex_normals(surface.quads, vertices))


def _on_border(quads: Ints, vertices: int) -> NDArray[np.bool_]:
    """Which vertices (V,) lie on an open edge of the mesh."""
    pairs = np.sort(np.stack([quads, np.roll(quads, -1, axis=1)], axis=-1).reshape(-1, 2), axis=1)
    edges, uses = np.unique(pairs, axis=0, return_counts=True)
    border = np.zeros(vertices, dtype=bool)
    border[edges[uses == 1].ravel()] = True
    return border
