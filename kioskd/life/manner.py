# SPDX-License-Identifier: Apache-2.0
"""How much of everything goes with what the kiosk is doing: one table, so that it can be compared.

Amounts are what looks alive at arm's length, and at least what the authored clips moved that idle
and listening were played from before (idle, standard deviation of pitch, yaw and roll 0.66, 1.05
and 0.51 degrees, a LAM export 1.01, 0.80 and 0.36; mean speed 0.73, 1.16, 0.50 and 1.47, 0.99, 0.61
degrees a second; listening 1.41, 0.74, 0.68 and 3.41, 1.00, 0.70). A head that speaks moves by what
it says (Hadar et al. 1983), so there is less of its own underneath, and none of what lips do.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from kioskd.life.activity import Activity


@dataclass(frozen=True, slots=True)
class Manner:
    """Sizes in degrees or as weights of face units; rates are counts a minute of the
    pauses in between, 0 for never.

    `sway` scales the noise; `turns` are the standard deviations of pitch, yaw and roll from one
    posture of the head to the next, each held for `stay_s` at least. `mouth` scales
    what lips do without speaking or smiling.
    """

    sway: float
    turns: tuple[float, float, float]
    stay_s: float
    nods: float = 0.0
    smiles: float = 0.0
    smile: float = 0.12
    brows: float = 0.0
    brow: float = 0.10
    lips: float = 0.0
    lip: float = 0.14
    mouth: float = 1.0


MANNERS: Final = {
    Activity.IDLE: Manner(
        sway=1.0,
        turns=(0.6, 0.9, 0.45),
        stay_s=1.2,
        smiles=4.0,
        brows=9.0,
        lips=6.0,
    ),
    Activity.LISTENING: Manner(
        sway=1.0,
        turns=(0.5, 0.55, 0.7),
        stay_s=1.1,
        nods=24.0,
        smiles=6.0,
        smile=0.16,
        brows=11.0,
        brow=0.13,
        lips=4.0,
    ),
    Activity.THINKING: Manner(
        sway=0.7,
        turns=(1.1, 2.2, 0.9),
        stay_s=0.9,
        smiles=3.0,
        smile=0.06,
        brows=14.0,
        brow=0.16,
        lips=14.0,
    ),
    Activity.SPEAKING: Manner(sway=0.4, turns=(0.3, 0.3, 0.2), stay_s=2.0, mouth=0.0),
}
