# SPDX-License-Identifier: Apache-2.0
"""The weight that every ease of the face uses."""

from __future__ import annotations

import math


def ease(progress: float) -> float:
    """0.5 − 0.5 cos πp for progress 0 to 1, held outside."""
    return 0.5 - 0.5 * math.cos(math.pi * min(max(progress, 0.0), 1.0))
