# SPDX-License-Identifier: Apache-2.0
"""Leaves out splats that no viewer in front ever sees, such as hair at the back of the head.

A kiosk looks at its avatar from the front; head turns and camera together stay below 48 degrees
to a side. Hidden splats would cost a renderer as much as seen ones.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from default_avatar.light import NEIGHBOURS, depth_map
from default_avatar.source import Floats, Masks

YAWS: Final = np.radians(np.linspace(-48, 48, 13))
PITCHES: Final = np.radians([-22, -11, 0, 11, 22])
CELL: Final = 0.0058
"""Edge of a depth map's cell in metres: as wide as strands lie apart at most."""
COVER: Final = 0.008
"""A splat counts as hidden when others lie this far in front of it, in metres, all around it:
layers of hair are a little transparent."""


def seen_from_front(positions: Floats, moved: list[Floats]) -> Masks:
    """Mask (n,) of splats that show from any of the directions, at rest or in a moved pose."""
    seen = np.zeros(len(positions), dtype=bool)
    for shape in (positions, *moved):
        for yaw in YAWS:
            for pitch in PITCHES:
                towards = np.array(
                    [np.sin(yaw) * np.cos(pitch), np.sin(pitch), np.cos(yaw) * np.cos(pitch)]
                )
                row, column, height, highest = depth_map(shape, towards, CELL)
                cover = highest
                for shift in NEIGHBOURS:
                    cover = np.minimum(cover, np.roll(highest, shift, axis=(0, 1)))
                seen |= height > cover[row, column] - COVER
    return seen
