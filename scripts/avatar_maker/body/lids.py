# SPDX-License-Identifier: Apache-2.0
"""The lids' face units: a blink that ends where the lower lid begins, and stays shut in mixes.

MakeHuman's blink is a straight move, made for one face: on another it ends short of the lower lid
or far below it, and passes through the eyeball. Here every column of the upper lid ends just
at the lower lid's rim, so that half a blink is half shut, and no shut lid comes nearer to the
eye than its ball. Rests on the vertex numbers of MakeHuman's base mesh, whose halves mirror
each other exactly.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from avatar_maker.source import BaseMesh, Floats, Ints
from avatar_maker.splats.mesh import smoothstep
from driving_client.motion import ARKIT_NAMES

CLEARANCE: Final = 0.0171
"""How far from the eye's centre a shut lid rests at least, in metres: outside the eyeball."""
WIDE: Final = 0.45
"""What is left of eyeWide: MakeHuman's lifts a lid that the neutral face holds up already."""
SQUINT: Final = 0.7
"""What is left of eyeSquint: all of it would lift the lower lid over a shut upper one."""
OVERLAP: Final = -0.0002
"""How far a shut upper lid's edge reaches below the lower lid's inner rim in metres: both lids
are thicker than that, and a lid that went on would seal the eye at half a blink."""

# The left eye's lids from the inner to the outer corner: where lashes grow, and at the eyeball
UPPER_EDGE: Final = (
    6850, 6847, 6886, 6844, 6841, 6838, 6785, 6784, 6790, 6793, 6796, 6799, 6802, 6805, 6808, 6811,
)  # fmt: skip
UPPER_INNER: Final = (
    7769, 7768, 7772, 7767, 7766, 7765, 7748, 7747, 7749, 7750, 7751, 7752, 7753, 7754, 7755, 7756,
)  # fmt: skip
LOWER_EDGE: Final = (
    6850, 6853, 6856, 6837, 11695, 6834, 6831, 6828, 6825, 6820, 6817, 6814, 11693, 6811,
)  # fmt: skip
LOWER_INNER: Final = (
    7769, 7770, 7771, 7764, 11717, 7763, 7762, 7761, 7760, 7759, 7758, 7757, 11716, 7756,
)  # fmt: skip
CREASE: Final = (11493, 11492, 11513, 11515, 11514, 11494, 11516, 11495, 11496, 11497)


def of_side(mesh: BaseMesh, left: tuple[int, ...], side: float) -> Ints:
    """Vertices of the left eye, or (side -1) the right eye's that mirror them."""
    rows = np.array(left)
    if side > 0:
        return rows
    mirrored = mesh.vertices[rows] * [-1.0, 1.0, 1.0]
    gap = np.linalg.norm(mesh.vertices - mirrored[:, None], axis=2)
    found: Ints = np.argmin(gap, axis=1)
    return found


def seal_lids(mesh: BaseMesh, vertices: Floats, units: Floats, eyes: Floats, metres: float) -> None:
    """Correct blinks, eyeWide and eyeSquint in `units` (52,V,3), offsets from `vertices` at rest.

    `eyes` (2,3) are the centres of the left and the right one; all in MakeHuman's decimetres,
    of which `metres` make a metre.
    """
    body = mesh.quads[mesh.group("body")].max() + 1
    for side, eye in zip(("Left", "Right"), eyes, strict=True):
        sign = 1.0 if side == "Left" else -1.0
        units[ARKIT_NAMES.index(f"eyeWide{side}")] *= WIDE
        units[ARKIT_NAMES.index(f"eyeSquint{side}")] *= SQUINT
        blink = units[ARKIT_NAMES.index(f"eyeBlink{side}"), :body]
        upper, lower = (of_side(mesh, rim, sign) for rim in (UPPER_EDGE, LOWER_INNER))
        column = sign * vertices[upper, 0]
        rest = vertices[lower] + blink[lower]
        edge = np.interp(column, sign * rest[:, 0], rest[:, 1])
        edge -= OVERLAP / metres
        fall = vertices[upper, 1] - edge
        share = fall / np.maximum(-blink[upper, 1], 1e-6)
        # the corners hardly move: what they do stays as it is
        moving = smoothstep(0.001 / metres, 0.004 / metres, -blink[upper, 1])
        share = 1 + (np.clip(share, 0.5, 1.5) - 1) * moving
        blink *= np.interp(sign * vertices[:body, 0], column, share)[:, None]
        _keep_out(vertices[:body], blink, eye, CLEARANCE / metres)


def _keep_out(vertices: Floats, blink: Floats, eye: Floats, clearance: float) -> None:
    """Push what a blink moves in front of the eye out to `clearance` from its centre."""
    shut = vertices + blink - eye
    reach = np.linalg.norm(shut, axis=1)
    low = (np.linalg.norm(blink, axis=1) > 0.01) & (shut[:, 2] > 0) & (reach > 0)
    least = np.where(low, np.maximum(reach, clearance), reach)
    blink += shut * (least / np.maximum(reach, 1e-9) - 1)[:, None]
