# SPDX-License-Identifier: Apache-2.0
"""The lining of the mouth: the body's own surface behind the lips, from red to dark in depth.

Baked light would leave it black: what reaches it comes between the teeth and off the tongue,
from one splat to the next. So its light is painted, as smooth in depth as it is to the eye.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np

from avatar_maker.source import Floats
from avatar_maker.splats.cloud import Cloud
from avatar_maker.splats.light import linear
from avatar_maker.splats.mesh import smoothstep

DEPTHS: Final = (0.004, 0.013, 0.030, 0.055)
"""Behind the front of the lips, in metres."""
COLORS: Final = np.stack(
    [linear(198, 104, 98), linear(146, 66, 63), linear(84, 33, 33), linear(34, 14, 14)]
)
"""Of the lining at these depths."""
LIGHT: Final = 0.42
"""What all of it gets."""


def lined(cloud: Cloud, inside: Floats, front: float) -> Cloud:
    """The skin with its inside of the mouth painted.

    `inside` (n,) is 1 behind the lips and 0 on the face; `front` is the z of the lips, metres.
    """
    share = smoothstep(0.3, 0.7, inside)
    depth = front - cloud.positions[:, 2]
    color = np.stack([np.interp(depth, DEPTHS, channel) for channel in COLORS.T], axis=1)
    deep = share * smoothstep(DEPTHS[0], DEPTHS[1], depth)
    return replace(
        cloud,
        albedo=cloud.albedo * (1 - share[:, None]) + color * share[:, None],
        gloss=cloud.gloss * (1 - 0.85 * deep),
        posed_light=np.maximum(cloud.posed_light, deep),
        least_light=np.maximum(cloud.least_light, LIGHT * deep),
    )
