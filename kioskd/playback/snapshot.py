# SPDX-License-Identifier: Apache-2.0
"""What the player tells health, console and tests about itself."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final, Literal

from driving_client.motion_failure import MotionReason

IDLE: Final = "idle"
"""The clip that shows where no other is asked for; every avatar can idle, also without it."""


class PlayerState(Enum):
    """IDLE also covers the ease out after speech; INTERRUPTED lasts until the face is at rest."""

    IDLE = "idle"
    SPEAKING = "speaking"
    PAUSED = "paused"
    INTERRUPTED = "interrupted"


MotionStatus = Literal["none", "waiting", "flowing", "held", "local", "audio_only"]
"""none: nothing to say; waiting: its first motion is due; flowing; held: motion is late, the
face holds or has eased to rest; local: motion is later than that, the lips follow the voice;
audio_only: they do, and motion of this utterance is not waited for any more."""


@dataclass(frozen=True, slots=True)
class PlayerSnapshot:
    """Immutable; `reasons` say what is less than it should be about motion.

    `gesture` is the clip that the face shows where it does not speak: one that was asked for, or
    idle. `sync_offset_s` is the last measured difference between the motion's time in the frame
    shown and the sound heard at that moment, None before any.
    """

    state: PlayerState = PlayerState.IDLE
    request_id: str | None = None
    position_s: float = 0.0
    motion: MotionStatus = "none"
    reasons: tuple[MotionReason, ...] = ()
    sync_offset_s: float | None = None
    gesture: str = IDLE


@dataclass(frozen=True, slots=True)
class CutOff:
    """What an interrupt cut off: the utterance, and how much of it was heard, in milliseconds."""

    request_id: str
    heard_ms: int
