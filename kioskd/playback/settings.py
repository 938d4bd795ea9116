# SPDX-License-Identifier: Apache-2.0
"""What can be set about playing: waits and eases.

What has a row in the configuration's table has its default there, and none here.
"""

from __future__ import annotations

from dataclasses import dataclass

from kioskd.life.settings import IdleSettings


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

    motion_wait_s: float
    hold_frames: int
    ease_in_frames: int
    ease_out_frames: int
    ease_disconnect_frames: int
    audio_only_after_s: float
    gesture_limit_s: float
    idle: IdleSettings
    give_up_s: float = 15.0
