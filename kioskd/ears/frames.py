# SPDX-License-Identifier: Apache-2.0
"""Ten milliseconds of sound on their way through the ears, and when they were in the room.

A position counts samples at 16 kHz since the ears were opened and never goes back; where the
microphone lost sound the next position is later by as much, so that positions stay a clock.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.int16]


@dataclass(frozen=True, slots=True)
class RawFrame:
    """As the microphone has it: mono, 16 kHz, `FRAME` samples.

    `position` is that of the first sample, `at` when it was at the microphone (monotonic seconds,
    smoothed: 10 ms from frame to frame but for the card's drift). `gap`: sound is missing before
    this frame, so that what is known about the echo's timing no longer holds.
    """

    samples: Samples
    position: int
    at: float
    gap: bool = False


@dataclass(frozen=True, slots=True)
class CleanFrame:
    """After the canceller: without the kiosk's own voice, noise lowered.

    `own`: whether the kiosk's own voice was to be heard while it was recorded, or so shortly
    before that the room still echoes it. `echo_db`: echo reduction over the last 10 s of own voice,
    None while too little of it was heard. `left`: what was there before anything was suppressed,
    with more of the own voice and all of a visitor's; None from a cleaner that has no such
    step.
    """

    samples: Samples
    position: int
    at: float
    own: bool
    echo_db: float | None
    gap: bool = False
    left: Samples | None = None
