# SPDX-License-Identifier: Apache-2.0
"""What can be set about the face's life of its own; defaults are in the configuration's table."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class IdleSettings:
    """Life of its own: `breath` scales breath and sway, `seed` makes it repeatable for tests."""

    enabled: bool
    blinks_per_minute: float
    gaze_degrees: float
    breath: float
    seed: int | None = None
