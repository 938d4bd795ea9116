# SPDX-License-Identifier: Apache-2.0
"""The inside of the mouth: two rows of teeth with their gums, the tongue, and the dark behind.

Cheeks and palate are the body's own surface and come with the skin; here is only what stands in
the cavity. Nothing of it may show through shut lips.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np

from avatar_maker.body.character import Character
from avatar_maker.body.lips import lip_line
from avatar_maker.face.dental_arch import Arch, arch_of, jaw_moves, moved_by
from avatar_maker.face.teeth import LOWER, UPPER, Row, row_of_teeth
from avatar_maker.face.tongue import tongue
from avatar_maker.source import BaseMesh, Floats
from avatar_maker.splats.cloud import HEAD, Cloud, bound_to, flat_axes, joined
from avatar_maker.splats.density import Density
from avatar_maker.splats.light import linear
from avatar_maker.splats.mesh import smoothstep
from driving_client.motion import ARKIT_NAMES

UPPER_EDGE: Final = -0.0024
LOWER_EDGE: Final = -0.0008
"""Heights of the incisors' edges above the line where the lips meet, in metres: they overlap a
little, and the upper ones show below a raised lip."""
CURTAIN_SPACING: Final = 0.0085
"""Between the splats of the dark behind teeth and tongue, in metres."""


def _curtain(arch: Arch, height: float, jaw: Floats) -> Cloud:
    """The dark throat, across the inside of the head: the mesh's cheeks leave slits.

    At rest it ends above the floor of the mouth, and its lower part goes down with the jaw.
    """
    x, y = np.meshgrid(np.linspace(-0.030, 0.030, 8), np.linspace(0.014, -0.020, 6))
    x = x * (1 - 0.35 * smoothstep(0.0, -0.020, y))
    count = x.size
    positions = np.stack(
        [x.ravel(), height + y.ravel(), np.full(count, arch.front - 0.044)], axis=1
    )
    # the arch of the palate catches a little light, the throat in its middle none
    off = np.hypot(positions[:, 0] / 0.024, (positions[:, 1] - height + 0.016) / 0.022)
    lit = smoothstep(0.35, 1.15, off)[:, None]
    half = np.full((count, 1), CURTAIN_SPACING / 2 * 1.9)
    return Cloud(
        positions=positions,
        normals=np.broadcast_to([0.0, 0.0, 1.0], (count, 3)),
        axes=flat_axes(half * [1.0, 0.0, 0.0], half * [0.0, 1.0, 0.0], 0.0003),
        albedo=linear(24, 8, 8) * (1 - lit) + linear(104, 42, 40) * lit,
        opacity=np.ones(count),
        gloss=np.zeros(count),
        deltas=moved_by(jaw, positions) * smoothstep(0.004, -0.020, y.ravel())[:, None],
        skin=bound_to(HEAD, count),
        least_share=np.array(0.02),
        posed_light=np.array(1.0),
        least_light=np.array(0.42),
    )


def mouth_parts(mesh: BaseMesh, character: Character, density: Density) -> Cloud:
    """Teeth, gums, tongue and throat, bound to the head."""
    upper = arch_of(mesh, character, "helper-upper-teeth")
    lower = arch_of(mesh, character, "helper-lower-teeth")
    body = np.unique(mesh.quads[mesh.group("body")])
    opened = character.units[ARKIT_NAMES.index("jawOpen"), body]
    lips = float(lip_line(character.vertices[body], opened)[1])
    jaw = jaw_moves(mesh, character)
    below = row_of_teeth(Row(lower, LOWER, lips + LOWER_EDGE, -1.0, 0.70), density)
    return joined(
        [
            row_of_teeth(Row(upper, UPPER, lips + UPPER_EDGE, 1.0, 0.86), density),
            replace(below, deltas=moved_by(jaw, below.positions)),
            tongue(lower, lips + LOWER_EDGE, jaw, density),
            _curtain(lower, lips, jaw),
        ]
    )
