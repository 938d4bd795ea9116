# SPDX-License-Identifier: Apache-2.0
"""The skin's colours: tone, flush, lips, lids, mottle."""

from __future__ import annotations

import numpy as np

from avatar_maker.landmarks import Landmarks
from avatar_maker.light import linear
from avatar_maker.mesh import smoothstep
from avatar_maker.recipe import Look
from avatar_maker.source import Floats


def complexion(points: Floats, marks: Landmarks, masks: dict[str, Floats], look: Look) -> Floats:
    """Albedo (n,3) of skin: flushed cheeks, nose, ears; lips; dark inside the mouth."""

    def blob(place: Floats, size: float) -> Floats:
        values: Floats = np.exp(-((np.linalg.norm(points - place, axis=1) / size) ** 2))[:, None]
        return values

    color = np.broadcast_to(look.color("tone"), points.shape).copy()
    mottle = np.sin(points @ [310, 190, 270]) * np.sin(points @ [-170, 330, 120] + 1.7)
    mottle += 0.6 * np.sin(points @ [720, -510, 630] + 0.4) * np.sin(points @ [430, 910, -560])
    color *= 1 + 0.018 * look.number("mottle") * mottle[:, None] * np.array([0.7, 1.0, 1.0])
    flush = 1 + look.number("flush") / 0.75 * (np.array([1.0, 0.80, 0.79]) - 1)
    for side in (1.0, -1.0):
        cheek = np.array([side * 0.040, marks.nose[1] + 0.006, marks.nose[2] - 0.030])
        color *= 1 + blob(cheek, 0.024) * 0.75 * (flush - 1)
    color *= 1 + blob(marks.nose + np.array([0, 0.002, 0]), 0.016) * 0.55 * (flush - 1)
    color *= 1 + blob(np.array([0, marks.chin + 0.01, marks.mouth[2] - 0.004]), 0.016) * 0.3 * (
        flush - 1
    )
    color *= 1 + masks["ears"][:, None] * 0.45 * (flush - 1)
    for eye in marks.eyes:
        color *= 1 + look.number("under_eyes") * blob(eye + np.array([0, -0.018, 0.014]), 0.012)
    lids = masks["eyelids"][:, None]
    color *= 1 + lids * (np.array([0.94, 0.86, 0.84]) - 1)
    lip = smoothstep(0.25, 0.75, masks["lips"])[:, None]
    color = color * (1 - 0.78 * lip) + look.color("lips") * 0.78 * lip
    inside = smoothstep(0.3, 0.7, masks["inside-mouth"])[:, None]
    return color * (1 - inside) + linear(120, 46, 44) * inside
