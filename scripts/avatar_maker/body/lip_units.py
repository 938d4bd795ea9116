# SPDX-License-Identifier: Apache-2.0
"""The lips' units that speech rests on, put right: pucker, funnel and the lower lip's roll.

A full pucker of MakeHuman's draws the middle of the lips in and leaves the corners: the mouth keeps
0.82 to 0.85 of its width, where people's u has 0.65 to 0.70 and speech asks for 0.7 to 0.85 of the
unit. A full funnel opens the middle 10 mm alone, a diamond between corners that stay. Here
the whole width is drawn in alike, and the funnel's rims follow an ellipse. A rolled lower lip
rose 4 mm into the upper one; here it turns in where it is, so that in an f the teeth stand on it.
What the units do in depth, and to the lips' fullness, stays theirs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np

from avatar_maker.body.lips import Lips
from avatar_maker.source import Floats, Masks
from avatar_maker.splats.mesh import smoothstep

PUCKERED: Final = 0.36
"""By what share of the mouth's width a full pucker draws its corners together."""
FUNNELLED: Final = 0.38
"""The same of a full funnel."""
CHEEK: Final = 2.5
"""Half widths of the mouth from its middle within which cheeks follow its corners."""
ABOVE: Final = (0.008, 0.022)
BELOW: Final = (0.012, 0.034)
BEHIND: Final = (0.030, 0.055)
"""Metres from the lips' line up, down and back: what follows fully, and from where nothing does."""

LEVELLED: Final = 0.9
"""How much of the lips' rise towards their corners a full pucker takes out: nobody smiles a u."""
PRESSED: Final = 0.0005
"""By how much each lip of a full pucker presses on the other, metres, all along."""
ROUND: Final = 0.85
"""The same of a full funnel."""
OPENED: Final = 0.95
"""How far to the corners a funnel opens, in half widths of the mouth at rest."""
RAISED: Final = 0.32
LOWERED: Final = -0.43
"""Where a full funnel takes the middles of the rims, in half widths of the mouth at rest."""
FORWARD: Final = 0.0058
"""How far a full funnel brings the corners forward at least, metres: a ring, not a slit."""
RIM_REACH: Final = 0.011
"""How far above and below its rim a lip follows it, metres."""
ROLLED: Final = 0.0007
"""How far the rim of a fully rolled lower lip rises, metres."""
ROLL_REACH: Final = 0.005
"""How far below it the lip follows, metres."""
SMOOTHED: Final = 0.0025
"""Over how much of the width the rim's own move is evened out, metres."""


def puckered(unit: Floats, lips: Lips) -> Floats:
    """mouthPucker (V,3), metres, that draws the corners in as it does the middle, and level."""
    small = _drawn_in(unit, lips, PUCKERED)
    for rim, side, pressed in (
        (lips.upper, 1 - lips.falls, -PRESSED),
        (lips.lower, lips.falls, PRESSED),
    ):
        height, moved = (_along(lips, rim, values) for values in (lips.off[:, 1], unit[:, 1]))
        small[:, 1] += side * _follows(lips, height) * (pressed - LEVELLED * height - moved)
    return small


def funnelled(unit: Floats, lips: Lips) -> Floats:
    """mouthFunnel (V,3), metres, with a round opening."""
    ring = _drawn_in(unit, lips, FUNNELLED)
    share = _window(lips)
    ring[:, 2] += share * np.clip(FORWARD * share - unit[:, 2], 0, None)
    aside = np.abs(lips.off[:, 0]) / lips.half
    arch = np.sqrt(np.clip(1 - (aside / OPENED) ** 2, 0, None))
    for rim, side, most in (
        (lips.upper, 1 - lips.falls, RAISED),
        (lips.lower, lips.falls, LOWERED),
    ):
        height, moved = (_along(lips, rim, values) for values in (lips.off[:, 1], unit[:, 1]))
        ring[:, 1] += (
            side * _follows(lips, height) * (most * lips.half * arch - ROUND * height - moved)
        )
    return ring


def rolled(unit: Floats, lips: Lips) -> Floats:
    """mouthRollLower (V,3), metres, whose rim turns in and hardly rises."""
    turned = unit.copy()
    height, moved = (_along(lips, lips.lower, v) for v in (lips.off[:, 1], unit[:, 1]))
    follows = _follows(lips, height, ROLL_REACH) * lips.falls
    turned[:, 1] -= follows * np.clip(moved - ROLLED, 0, None)
    return turned


def _drawn_in(unit: Floats, lips: Lips, share: float) -> Floats:
    """A unit whose moves sideways are the mouth's, drawn together by a share of its width."""
    drawn = unit.copy()
    inwards = -share * np.clip(lips.off[:, 0], -lips.half, lips.half)
    drawn[:, 0] += _window(lips) * (inwards - unit[:, 0])
    return drawn


def _follows(lips: Lips, height: Floats, reach: float = RIM_REACH) -> Floats:
    """How much of each place (V,) rises and falls with the rim at its x, `height` metres high."""
    share: Floats = np.exp(-(((lips.off[:, 1] - height) / reach) ** 2)) * _sideways(lips)
    return share * _behind(lips)


def _window(lips: Lips) -> Floats:
    """How much of each place (V,) follows the mouth."""
    above, below = lips.off[:, 1], -lips.off[:, 1]
    share = smoothstep(ABOVE[1], ABOVE[0], above) * smoothstep(BELOW[1], BELOW[0], below)
    return share * _sideways(lips) * _behind(lips)


def _sideways(lips: Lips) -> Floats:
    values: Floats = smoothstep(CHEEK, 1.0, np.abs(lips.off[:, 0]) / lips.half)
    return values


def _behind(lips: Lips) -> Floats:
    values: Floats = smoothstep(BEHIND[1], BEHIND[0], -lips.off[:, 2])
    return values


def _along(lips: Lips, rim: Masks, values: Floats) -> Floats:
    """Values (V,) at a rim's vertices, evened out along it, for every place (V,) by its x."""
    gap = np.abs(lips.off[:, 0, None]) - np.abs(lips.off[rim, 0])
    # beyond the corners the last of them counts
    gap -= np.clip(gap.min(axis=1, keepdims=True), 0, None)
    weight = np.exp(-((gap / SMOOTHED) ** 2))
    evened: Floats = weight @ values[rim] / weight.sum(axis=1)
    return evened


CORRECTED: Final[dict[str, Callable[[Floats, Lips], Floats]]] = {
    "mouthPucker": puckered,
    "mouthFunnel": funnelled,
    "mouthRollLower": rolled,
}
"""What is put right, by ARKit's names."""
