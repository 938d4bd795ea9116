# SPDX-License-Identifier: Apache-2.0
"""The weights by which something of the face gets from one value to another."""

from __future__ import annotations

import math


def ease(progress: float) -> float:
    """0.5 − 0.5 cos πp for progress 0 to 1, held outside."""
    return 0.5 - 0.5 * math.cos(math.pi * min(max(progress, 0.0), 1.0))


def minimum_jerk(progress: float) -> float:
    """How people move (Flash and Hogan 1985) for progress 0 to 1, held outside.

    Speed and acceleration are zero at both ends; the speed is at most 1.875 and the third
    derivative at most 60 of the distance per duration, and per duration cubed.
    """
    p = min(max(progress, 0.0), 1.0)
    return p * p * p * (10 - 15 * p + 6 * p * p)
