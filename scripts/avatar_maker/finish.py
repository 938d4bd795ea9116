# SPDX-License-Identifier: Apache-2.0
"""Makes the avatar that is shipped: as fine as its number of splats allows, then fitted.

The spacing follows from the number: a coarse build tells about how many splats a person takes, the
next is built to have a few too many, and those that show least are left out.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from avatar_maker.build import Person, Progress, covered, lit, person_of, shown
from avatar_maker.fitting.fit import Fitted, fit
from avatar_maker.recipe import Recipe
from avatar_maker.source import Source
from avatar_maker.splats.cloud import Cloud
from avatar_maker.splats.density import Density

FINE: Final = 0.22
"""Spacing of the avatar whose pictures are fitted to: half a pixel of a portrait screen."""
PROBE: Final = 1.0
"""Spacing of the build that tells how many splats a person takes."""
POWER: Final = 1.6
"""Half the spacing takes so many doublings more splats: between a surface's 2 and a hair's 1."""
SURPLUS: Final = 1.06
"""Times the wanted number of splats that are built for."""
MOST_SURPLUS: Final = 1.12


def finished_avatar(source: Source, recipe: Recipe, splats: int, progress: Progress) -> Fitted:
    """The recipe's person in at most `splats` splats; `progress` hears steps and fractions."""
    progress("read and shape the mesh", 0.0)
    person = person_of(source, recipe)
    progress(f"find the spacing for {splats} splats", 0.01)
    cloud = _affordable(person, splats, progress)
    progress(f"light {len(cloud)} splats", 0.18)
    plain = lit(person, cloud, lambda part: progress("", 0.18 + 0.05 * part))
    progress("build the fine avatar", 0.23)
    fine_cloud = covered(person, Density(FINE))
    progress(f"light its {len(fine_cloud)} splats", 0.28)
    fine = lit(person, fine_cloud, lambda part: progress("", 0.28 + 0.12 * part))
    return fit(plain, fine, lambda step, part: progress(step, 0.4 + 0.6 * part))


def _affordable(person: Person, splats: int, progress: Progress) -> Cloud:
    """The finest cloud of at most so many splats, less what is hidden."""
    spacing = PROBE
    for part in (0.04, 0.11, 0.18):
        cloud = covered(person, Density(spacing))
        share = shown(cloud, person.marks.eyes)
        count = int((share > 1).sum())
        if splats * (1 - 0.5 * (SURPLUS - 1)) <= count <= splats * MOST_SURPLUS:
            break
        progress("", part)
        spacing *= (count / (SURPLUS * splats)) ** (1 / POWER)
    best = np.argsort(-share, kind="stable")[: min(count, splats)]
    keep = np.zeros(len(cloud), np.bool_)
    keep[best] = True
    return cloud.where(keep)
