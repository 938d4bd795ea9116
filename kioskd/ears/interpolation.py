# SPDX-License-Identifier: Apache-2.0
"""Samples between samples: a stretch of sound, read a little faster or slower than it was stored.

soxr changes a rate by a ratio that stays; two clocks that drift need one that follows.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

Sound = NDArray[np.float32]

REACH: Final = 16
"""Samples on either side that one sample is made of."""


def read_stretch(sound: Sound, begin: float, end: float, count: int) -> Sound:
    """`count` samples, evenly from `begin` on, so that the next one would be at `end`.

    Positions are indices into `sound`, which must hold `REACH` samples around them; the stretch is
    longer or shorter than `count` by no more than a tenth of a sample. The two ends are exact and
    what is between them is mixed from both, which is right to -50 dB then.
    """
    whole = int(np.floor(begin))
    part = sound[whole - REACH + 1 : whole + count + REACH]
    # By hand, for 10 ms at a time: numpy's sliding_window_view takes as long as all the rest
    windows = np.lib.stride_tricks.as_strided(
        part, (len(part) - 2 * REACH + 1, 2 * REACH), 2 * part.strides, writeable=False
    )
    ends = windows @ _kernels(begin - whole, end - count - whole)
    late = np.arange(count, dtype=np.float32) / np.float32(count)
    mixed: Sound = ends[:, 0] + (ends[:, 1] - ends[:, 0]) * late
    return mixed


_STEPS: Final = np.arange(-REACH + 1, REACH + 1, dtype=np.float64)


def _kernels(first: float, last: float) -> Sound:
    """The weights of the samples around one that lies so far behind the middle, in two columns."""
    away = _STEPS - np.array([[first], [last]])
    window = np.cos(np.clip(away / (REACH + 1), -1, 1) * np.pi / 2) ** 2
    kernels: Sound = (np.sinc(away) * window).astype(np.float32).T
    return kernels
