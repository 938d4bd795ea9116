# SPDX-License-Identifier: Apache-2.0
"""What can be set about playing: waits and eases in the protocol's numbers, and idle life."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from driving_client.motion import FRAME_RATE

FRAME_S: Final = 1.0 / FRAME_RATE
"""Transitions and holds are counted in frames of the wire, 40 ms each."""


@dataclass(frozen=True, slots=True)
class IdleSettings:
    """Life of its own: `breath` scales breath and sway, `seed` makes it repeatable for tests."""

    enabled: bool = True
    blinks_per_minute: float = 16.0
    gaze_degrees: float = 3.0
    breath: float = 1.0
    seed: int | None = None


@dataclass(frozen=True, slots=True)
class PlaybackSettings:
    """How voice and motion are put together when one of them is late.

    The whole of it: kioskd/README.md, When motion is late or lost.

    The voice waits `motion_wait_s` for its first motion, then begins with lips that follow its
    sound. Motion that stops: the face holds `hold_frames`, then the lips follow the sound. Eases:
    into speech, out of it, and to what follows when motion or the link is lost. After
    `audio_only_after_s` without motion for speech, or without a connection, the endpoint is given
    up until motion comes again: the utterance counts as audio-only, and speech waits no longer.
    An utterance whose samples stop coming is given up after `give_up_s`; a lost link changes
    nothing about that, for a voice made here needs none, and a link ends those that it brings.
    A gesture that nobody ends does so after `gesture_limit_s`.
    """

    motion_wait_s: float = 0.3
    hold_frames: int = 10
    ease_in_frames: int = 8
    ease_out_frames: int = 20
    ease_disconnect_frames: int = 12
    audio_only_after_s: float = 15.0
    give_up_s: float = 15.0
    gesture_limit_s: float = 60.0
    idle: IdleSettings = field(default_factory=IdleSettings)
