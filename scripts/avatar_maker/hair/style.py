# SPDX-License-Identifier: Apache-2.0
"""The hair of the head: the recipe's style, grown from the scalp."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from avatar_maker.hair.coils import coils
from avatar_maker.hair.hairline import head_axis
from avatar_maker.hair.hull import head_hull
from avatar_maker.hair.waves import waves
from avatar_maker.recipe import Look
from avatar_maker.source import Floats
from avatar_maker.splats.cloud import Cloud
from avatar_maker.splats.density import Density


def head_hair(skin: Cloud, eyes: Floats, look: Look, density: Density) -> Cloud:
    """Splats of the recipe's style; `skin` is what it grows on, `eyes` (2,3) in metres."""
    near = skin.positions[:, 1] > eyes[0, 1] - 0.062
    near &= np.abs(skin.positions[:, 0]) < 0.10
    hull = head_hull(skin.positions[near], head_axis(eyes) + np.array([0.0, 0.02, 0.0]))
    grown = coils if look.word("style") == "coils" else waves
    whole = grown(skin, eyes, hull, look, density)
    # a style may say itself how little of a hair may show, and how dark it may get
    told = whole.least_light > 0
    return replace(
        whole,
        least_share=np.where(told, whole.least_share, 0.09),
        least_light=np.where(told, whole.least_light, 0.30),
    )
