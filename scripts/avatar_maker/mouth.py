# SPDX-License-Identifier: Apache-2.0
"""Teeth and tongue: the mesh's helpers with their face units, in their own colours.

The mesh's teeth are one band per jaw; single teeth are told apart by colour along the arch.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np

from avatar_maker.character import Character
from avatar_maker.cloud import HEAD, UNITS, Cloud, bound_to, flat_axes, joined
from avatar_maker.density import Density
from avatar_maker.light import linear
from avatar_maker.mesh import smoothstep
from avatar_maker.source import BaseMesh, Floats
from avatar_maker.surface import covered, refined
from driving_client.motion import ARKIT_NAMES

UPPER_TEETH: Final = (0.0084, 0.0150, 0.0225, 0.0295, 0.0365, 0.0465, 0.0560)
LOWER_TEETH: Final = (0.0054, 0.0113, 0.0181, 0.0251, 0.0323, 0.0433, 0.0540)
"""Where each tooth of one side ends along the arch, from the middle, in metres (common widths)."""
UPPER_DROP: Final = 0.0046
"""How far the upper teeth are lowered: the edges of the incisors show below a raised lip."""
THROAT_SPACING: Final = 0.0085
"""Between the splats of the dark behind teeth and tongue, in metres."""
TONGUE_FALL: Final = (0.0, -0.0050, -0.0020)
"""What an open jaw moves the tongue on top of its face unit, metres: teeth and throat show."""


def _along_arch(positions: Floats) -> Floats:
    """Arc length (n,) from the middle of the dental arch, taken as half an ellipse."""
    back = positions[:, 2].min()
    depth = positions[:, 2].max() - back
    width = np.abs(positions[:, 0]).max()
    fan = np.linspace(0, np.pi / 2, 200)
    curve = np.stack([width * np.sin(fan), depth * np.cos(fan)], axis=1)
    length = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(curve, axis=0), axis=1))])
    angle = np.arctan2(np.abs(positions[:, 0]) / width, (positions[:, 2] - back) / depth)
    values: Floats = np.interp(angle, fan, length)
    return values


def _teeth(
    mesh: BaseMesh, character: Character, density: Density, group: str, *, upper: bool
) -> Cloud:
    surface = refined(mesh, character, mesh.group(group))
    cloud, _ = covered(
        surface,
        np.full((len(surface.quads), 2), 0.0023 * density.spacing),
        [],
        overlap=1.2,
        thickness=0.0002,
    )
    arch = _along_arch(cloud.positions)
    ends = np.array(UPPER_TEETH if upper else LOWER_TEETH)
    gap = np.abs(arch[:, None] - np.concatenate([[0.0], ends])).min(axis=1)
    height = cloud.positions[:, 1]
    rise = (height - height.min()) / (height.max() - height.min())
    root = rise if upper else 1 - rise
    if upper:
        cloud = replace(cloud, positions=cloud.positions - [0.0, UPPER_DROP, 0.0])
    enamel = linear(248, 241, 226) * (1 - 0.10 * smoothstep(0.3, 0.6, root))[:, None]
    between = (1 - smoothstep(0.0, 0.0013, gap))[:, None] * 0.34
    enamel = enamel * (1 - between * np.array([0.8, 0.95, 1.0]))
    scallop = 0.70 - 0.10 * (1 - smoothstep(0.0, 0.003, gap))
    gum = smoothstep(0.0, 0.07, root - scallop)[:, None]
    deep = (1 - 0.55 * smoothstep(0.012, 0.034, arch))[:, None]
    return cloud.colored((enamel * (1 - gum) + linear(186, 104, 102) * gum) * deep, 0.6)


def _throat(front: float, top: float) -> Cloud:
    """A dark curtain across the inside of the head: the mesh's cheeks leave slits to see through.

    `front` and `top` are where the tongue ends, in metres.
    """
    x, y = np.meshgrid(np.linspace(-0.030, 0.030, 8), np.linspace(0.010, -0.040, 7))
    count = x.size
    positions = np.stack([x.ravel(), top + y.ravel(), np.full(count, front - 0.040)], axis=1)
    half = np.full((count, 1), THROAT_SPACING / 2 * 1.35)
    return Cloud(
        positions=positions,
        normals=np.broadcast_to([0.0, 0.0, 1.0], (count, 3)),
        axes=flat_axes(half * [1.0, 0.0, 0.0], half * [0.0, 1.0, 0.0], 0.0003),
        albedo=np.broadcast_to(linear(70, 28, 27), (count, 3)),
        opacity=np.ones(count),
        gloss=np.zeros(count),
        deltas=np.zeros((UNITS, count, 3)),
        skin=bound_to(HEAD, count),
    )


def mouth_parts(mesh: BaseMesh, character: Character, density: Density) -> Cloud:
    """Both rows of teeth and the tongue, all bound to the head."""
    tongue_surface = refined(mesh, character, mesh.group("helper-tongue"))
    tongue, _ = covered(
        tongue_surface,
        np.full((len(tongue_surface.quads), 2), 0.0040 * density.spacing),
        [],
        overlap=1.35,
        thickness=0.0003,
    )
    middle = np.exp(-((tongue.positions[:, 0:1] / 0.0016) ** 2))
    tip = tongue.positions[:, 2:3].max()
    deep = 0.55 + 0.45 * smoothstep(tip - 0.034, tip - 0.006, tongue.positions[:, 2:3])
    tongue = tongue.colored(linear(196, 104, 100) * (1 - 0.22 * middle) * deep, 0.3)
    lowered = tongue.deltas.copy()
    lowered[ARKIT_NAMES.index("jawOpen")] += TONGUE_FALL
    tongue = replace(tongue, deltas=lowered)
    parts = joined(
        [
            _teeth(mesh, character, density, "helper-upper-teeth", upper=True),
            _teeth(mesh, character, density, "helper-lower-teeth", upper=False),
            tongue,
            _throat(tongue.positions[:, 2].max(), tongue.positions[:, 1].max()),
        ]
    )
    enamel = parts.albedo[:, 1] > 0.5
    return replace(
        parts,
        skin=bound_to(HEAD, len(parts)),
        least_share=np.array(0.02),
        posed_light=np.array(1.0),
        least_light=np.where(enamel, 0.62, 0.28),
    )
