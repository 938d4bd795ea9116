# SPDX-License-Identifier: Apache-2.0
"""What the kiosk is doing, as far as the face's own life differs by it."""

from __future__ import annotations

from enum import Enum, auto


class Activity(Enum):
    """One at a time. What is shown eases from one to the next by itself."""

    IDLE = auto()
    """Nobody is known to be there."""

    LISTENING = auto()
    """Somebody talks to it."""

    THINKING = auto()
    """They have finished, and an answer is being made."""

    SPEAKING = auto()
    """A voice is heard."""
