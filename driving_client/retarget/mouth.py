# SPDX-License-Identifier: Apache-2.0
"""Six mouth controls, and what each of them means on an ARKit rig.

The controls are the narrow waist between speech and faces: phonemes and speech models
produce them, retargeting turns FLAME into them and them into FLAME, and this table turns
them into blendshape weights. Six are enough for what a viewer reads from lips at 25 frames a
second: how far they are open, spread, rounded, pressed together (p b m), the lower lip under
the teeth (f v), and rounded but open (sh ch). What is left out on purpose: the tongue, and
everything that one-sided expressions do; no source of motion here knows of them.

The weights are our own choice, judged by eye on rendered avatars: full controls give a clearly
spoken mouth, not the extreme that weight 1 of every ARKit shape would give.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from driving_client.motion import ARKIT_NAMES, FloatArray

CONTROL_NAMES: Final = ("open", "wide", "pucker", "close", "fv", "funnel")
"""Order of the mouth controls everywhere; each is 0 (rest) to 1 (full)."""

OPEN, WIDE, PUCKER, CLOSE, FV, FUNNEL = range(6)

_SIDES: Final = ("Left", "Right")

_TABLE: Final[dict[str, dict[str, float]]] = {
    "open": {"jawOpen": 0.56, "mouthLowerDown*": 0.30, "mouthUpperUp*": 0.12},
    "wide": {"mouthStretch*": 0.32, "mouthSmile*": 0.24, "mouthDimple*": 0.10},
    "pucker": {"mouthPucker": 0.95},
    "close": {"mouthPress*": 0.35, "mouthRollLower": 0.30, "mouthRollUpper": 0.22},
    "fv": {"mouthRollLower": 0.72, "mouthUpperUp*": 0.46, "jawOpen": 0.03},
    "funnel": {"mouthFunnel": 0.50, "mouthPucker": 0.20, "jawOpen": 0.06},
}
"""Blendshapes per control; `*` stands for both sides."""


def _matrix() -> FloatArray:
    matrix = np.zeros((len(CONTROL_NAMES), len(ARKIT_NAMES)), np.float32)
    for row, control in enumerate(CONTROL_NAMES):
        for pattern, weight in _TABLE[control].items():
            names = [pattern.replace("*", side) for side in _SIDES] if "*" in pattern else [pattern]
            for name in names:
                matrix[row, ARKIT_NAMES.index(name)] = weight
    return matrix


_MATRIX: Final = _matrix()
_BACK: Final = np.linalg.pinv(_MATRIX.astype(np.float64))
_JAW_OPEN: Final = ARKIT_NAMES.index("jawOpen")
_MOUTH_CLOSE: Final = ARKIT_NAMES.index("mouthClose")


def arkit_mouth(controls: FloatArray, jaw: float = 0.0) -> FloatArray:
    """ARKit weights of the mouth, shape (52,), 0 to 1, from six controls of 0 to 1.

    `jaw` (0 to 1) is how far the jaw hangs on top of what the lips do. ARKit's mouthClose is
    what keeps the lips together over an open jaw, so it takes up the part of the jaw that
    does not belong to an open mouth: closed lips stay closed whatever the jaw does.
    """
    c = np.clip(controls, 0.0, 1.0)
    # Closed lips win over openness: a p within an open vowel has to shut, an f to meet the teeth.
    shut = max(float(c[CLOSE]), 0.85 * float(c[FV]))
    opened = float(c[OPEN]) * (1.0 - shut)
    effective = c.copy()
    effective[OPEN] = opened
    effective[WIDE] *= 1.0 - 0.7 * float(c[PUCKER])
    weights: FloatArray = effective @ _MATRIX
    hanging = min(max(jaw, 0.0), 1.0)
    weights[_JAW_OPEN] += hanging
    weights[_MOUTH_CLOSE] = hanging * max(1.0 - 2.0 * opened, 0.0)
    return np.clip(weights, 0.0, 1.0)


def controls_of(weights: FloatArray) -> FloatArray:
    """Six controls, 0 to 1, that come closest to ARKit weights, shape (52,): the table reversed.

    A jaw that mouthClose makes up for does not open the mouth. Exact for the weights of one
    control; where controls cut into each other in `arkit_mouth`, what is seen is read.
    """
    seen = weights.astype(np.float64)
    seen[_JAW_OPEN] = max(seen[_JAW_OPEN] - seen[_MOUTH_CLOSE], 0.0)
    return np.clip(seen @ _BACK, 0.0, 1.0).astype(np.float32)
