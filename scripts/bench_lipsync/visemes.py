# SPDX-License-Identifier: Apache-2.0
"""What the peers' visemes mean as mouth controls, by the table that makes the labels.

Each viseme stands for the sounds that its maker gives it; its controls are the mean of their
articulations. So a peer that names every sound rightly gets what the labels ask for.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from driving_client.lipsync.articulation import Articulation, articulations
from driving_client.retarget.mouth import CLOSE, CONTROL_NAMES, FUNNEL, FV, OPEN, PUCKER, WIDE

SOUNDS: Final[dict[str, tuple[str, ...]]] = {
    # Oculus: wawa-lipsync and headaudio
    "viseme_sil": ("_",), "viseme_PP": ("p", "b", "m"), "viseme_FF": ("f", "v"),
    "viseme_TH": ("T", "D"), "viseme_DD": ("t", "d"), "viseme_kk": ("k", "g"),
    "viseme_CH": ("tS", "dZ", "S"), "viseme_SS": ("s", "z"), "viseme_nn": ("n", "l"),
    "viseme_RR": ("r",), "viseme_aa": ("A:", "a"), "viseme_E": ("E",), "viseme_I": ("I", "i:"),
    "viseme_O": ("O:",), "viseme_U": ("u:", "U"),
    # uLipSync: pylipsync
    "aa": ("A:", "a"), "ee": ("E",), "ih": ("I", "i:"), "oh": ("O:",), "ou": ("u:", "U"),
    "silence": ("_",),
}  # fmt: skip
"""espeak-ng mnemonics of the sounds of each viseme."""


def controls_of_viseme(name: str) -> NDArray[np.float64]:
    """Six controls, 0 to 1, of a viseme's name; bare `openness` is nothing but open."""
    shapes = np.zeros(len(CONTROL_NAMES))
    if name == "openness":
        shapes[OPEN] = 1.0
    else:
        sounds = SOUNDS[name]
        for sound in sounds:
            shapes += _controls(articulations(sound)[0]) / len(sounds)
    return shapes


def _controls(shape: Articulation) -> NDArray[np.float64]:
    controls = np.zeros(len(CONTROL_NAMES))
    controls[[OPEN, WIDE, PUCKER, FUNNEL]] = shape.open, shape.wide, shape.pucker, shape.funnel
    controls[CLOSE] = float(shape.closing == "lips")
    controls[FV] = float(shape.closing == "teeth")
    return controls
