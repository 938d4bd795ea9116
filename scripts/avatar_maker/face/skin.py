# SPDX-License-Identifier: Apache-2.0
"""Head, neck and chest as skin, down to a little below the neckline.

Density follows detail: lids and lips finest, then the face, then neck and scalp.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np

from avatar_maker.body.bust import stretching_poses
from avatar_maker.body.landmarks import Landmarks, neckline
from avatar_maker.body.masks import sampled_mask
from avatar_maker.body.surface import Surface, covered, merged
from avatar_maker.face.cavity import lined
from avatar_maker.face.complexion import Place, complexion, shine
from avatar_maker.face.relief import relief
from avatar_maker.hair.beard import beard_cover, beard_shade
from avatar_maker.hair.hairline import scalp_color, scalp_cover
from avatar_maker.recipe import Look, Recipe
from avatar_maker.source import Floats, Masks, Source
from avatar_maker.splats.cloud import Cloud
from avatar_maker.splats.density import Density
from avatar_maker.splats.mesh import smoothstep, unit
from avatar_maker.splats.seen import least_share_of
from driving_client.motion import ARKIT_NAMES

OVERLAP: Final = ((0.0025, 1.38), (0.0040, 1.47), (0.0085, 1.47), (0.0100, 1.28))
"""Standard deviation of a splat in halves of its cell's edge, by the edge wished at spacing 1.

Less lets more of what is behind through between the splats: a lattice where wide cells lie before
dark hair, unseen in narrow ones and on the scalp."""
UNDER_CLOTH: Final = {"knit": 0.017, "shirt": 0.020}
"""How far the skin goes on below the neckline, in metres: more would show through thin cloth."""
THROAT: Final = (0.03, 0.016)
"""How much further it goes in the middle, where a shirt is open, and half as wide: metres."""
SUNK: Final = 0.003
"""How much deeper it lies below a band that is knit, in metres."""


def skin(
    surface: Surface, marks: Landmarks, source: Source, recipe: Recipe, density: Density
) -> Cloud:
    """The splats of the skin."""
    bare = _bare(surface.centres(), marks, recipe.clothing)
    surface = surface.picked(np.repeat(bare.reshape(-1, 4).any(axis=1), 4))
    poses = stretching_poses(surface)
    spacing = _spacing(surface, marks, source, recipe.hair) * density.spacing
    surface, wished = merged(surface, spacing, poses)
    overlap = np.interp(wished.max(axis=1) / density.spacing, *np.array(OVERLAP).T)
    cloud, samples = covered(surface, wished, poses, overlap=overlap, thickness=0.00025)
    texture = samples.of_corners(surface.texture)
    names = ("lips", "inside-mouth", "ears", "eyelids")
    masks = {name: sampled_mask(source, name, texture) for name in names}
    points = cloud.positions
    cell = np.linalg.norm(cloud.axes[:, :2], axis=2).max(axis=1) * 2 / overlap[samples.quad]
    place = Place(points, cell, masks, marks)
    fine = relief(points, cell, marks, masks["lips"], recipe.skin.number("lines"))
    scalp = scalp_cover(points, marks.eyes, recipe.hair)
    roots = scalp_color(recipe.hair)
    parted = recipe.hair.word("style") == "waves"
    bearded = beard_cover(points, marks, recipe.beard)
    color = complexion(place, recipe.skin, fine) * (1 - bearded)[:, None]
    color = color + beard_shade(recipe.beard) * bearded[:, None]
    cloud = replace(
        cloud,
        normals=fine.turned(cloud.normals),
        albedo=color * (1 - scalp)[:, None] + roots * scalp[:, None],
        gloss=shine(place, recipe.skin, fine) * (1 - scalp) * (1 - bearded),
        opacity=np.ones(len(cloud)),
        translucence=(1 - scalp) * (1 - bearded),
        # light wanders under hair too, but not into the mouth
        least_light=np.maximum(0.3 * scalp, 0.04 * (1 - masks["inside-mouth"])),
        # skin closes what long hair and a beard leave open, mostly less than a pixel at a time
        least_share=np.where(
            parted & (scalp > 0.5), 0.008, least_share_of(cloud.axes) * (1 - 0.85 * bearded)
        ),
    )
    cloud = lined(
        _lidded(cloud, np.maximum(masks["inside-mouth"], masks["lips"]), marks.eyes),
        masks["inside-mouth"],
        marks.mouth[2],
    )
    if recipe.clothing.word("style") == "knit":
        sunk = SUNK * smoothstep(0.001, 0.007, neckline(points, marks))
        cloud = replace(cloud, positions=cloud.positions - cloud.normals * sunk[:, None])
    return cloud.where(_bare(points, marks, recipe.clothing))


def _bare(points: Floats, marks: Landmarks, clothing: Look) -> Masks:
    """Whether places (n,3) on the body are skin: the rest is under cloth for good."""
    style = clothing.word("style")
    throat = np.exp(-(((points[:, 0] - marks.collar[0]) / THROAT[1]) ** 4)) * THROAT[0]
    throat *= (points[:, 2] > marks.collar[2]) & (style == "shirt")
    bare: Masks = neckline(points, marks) < UNDER_CLOTH[style] + throat
    return bare


def _lidded(cloud: Cloud, mouth: Floats, eyes: Floats) -> Cloud:
    """The skin, lids and mouth lit as they are mostly seen: mouth half open, lids shut.

    `mouth` (n,) is the mask of the lips and of what lies behind them.
    """
    rows = [ARKIT_NAMES.index(name) for name in ("jawOpen", "eyeBlinkLeft", "eyeBlinkRight")]
    moved = cloud.positions + np.tensordot([0.75, 1.0, 1.0], cloud.deltas[rows], 1)
    moving = np.linalg.norm(moved - cloud.positions, axis=1)
    gap = moved[:, None] - eyes
    near = np.argmin(np.linalg.norm(gap, axis=2), axis=1)
    outward = gap[np.arange(len(cloud)), near]
    lids = np.clip(moving / 0.003, 0, 1) * smoothstep(
        0.0240, 0.0195, np.linalg.norm(outward, axis=1)
    )
    # a shut lid is a part of a sphere, whatever folds it lies in when the eye is open
    normals = unit(cloud.normals * (1 - lids)[:, None] + unit(outward) * lids[:, None])
    share = np.maximum(0.5 * mouth * np.clip(moving / 0.004, 0, 1), 0.92 * lids)
    return replace(cloud, posed_normals=normals, posed_light=share)


def _spacing(surface: Surface, marks: Landmarks, source: Source, hair: Look) -> Floats:
    """Widest wished edge of a cell (F,) in metres."""
    centre = surface.centres()
    middle = surface.texture.mean(axis=1)
    front = smoothstep(0.0, 0.05, centre[:, 2] - marks.eyes[0, 2] + 0.05)
    face = front * smoothstep(marks.chin - 0.02, marks.chin, centre[:, 1])
    spacing = 0.0080 - 0.0029 * face

    def finer(edge: float, share: Floats) -> None:
        np.minimum(spacing, spacing + share * (edge - spacing), out=spacing)

    def around(place: Floats, reach: float) -> Floats:
        gap = np.linalg.norm((centre - place) * [0.8, 1.1, 1.0], axis=1)
        values: Floats = np.exp(-((gap / reach) ** 4)) * front
        return values

    finer(0.0036, around(marks.nose, 0.046))
    finer(0.0027, around(marks.mouth, 0.028))
    finer(0.0022, around(marks.nose, 0.021))
    for eye in marks.eyes:
        finer(0.0016, around(eye, 0.021))
    lips = sampled_mask(source, "lips", middle)
    finer(0.0018, smoothstep(0.02, 0.15, lips))
    finer(0.0042, smoothstep(0.2, 0.8, sampled_mask(source, "ears", middle)))
    inside = smoothstep(0.5, 0.9, sampled_mask(source, "inside-mouth", middle)) * (lips < 0.02)
    spacing = np.maximum(spacing, inside * 0.0048)
    scalp = scalp_cover(centre, marks.eyes, hair)
    values: Floats = np.where(scalp > 0.3, 0.0110, spacing)
    return values
