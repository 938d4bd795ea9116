# SPDX-License-Identifier: Apache-2.0
"""One level for all voices, so that a kiosk is as loud with one as with another.

Measured on the same text before: espeak-ng -20 dBFS, flite's rms -21, its slt -16, and -13 when it
is made to speak higher.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from driving_client.utterance import Samples

ACTIVE_DBFS: Final = -20.0
"""The level while it speaks; pauses do not count."""
_PEAK: Final = 0.95
_FRAME_S: Final = 0.02
_PAUSE: Final = 0.1
"""Frames below this share of the loudest one, -20 dB, are pauses."""


def levelled(samples: Samples, sample_rate: int) -> Samples:
    """The samples times one factor: no frame is louder or softer beside the others than before."""
    size = round(_FRAME_S * sample_rate)
    whole = samples[: len(samples) // size * size].astype(np.float64).reshape(-1, size) / 32768.0
    if not len(whole) or not whole.any():
        return samples
    energies = np.mean(whole**2, axis=1)
    active = energies[energies >= energies.max() * _PAUSE**2].mean()
    peak = np.abs(samples.astype(np.int32)).max() / 32768.0
    factor = min(10 ** (ACTIVE_DBFS / 20) / np.sqrt(active), _PEAK / peak)
    return np.asarray(np.rint(samples * factor), np.int16)
