# SPDX-License-Identifier: Apache-2.0
"""What the kiosk is doing, as far as a face shows it: the context of everything in this room.

One frozen value a frame, made by whoever knows (`kioskd.playback.performance`) and handed to eyes,
lids and posture alike, so that none of them has to know utterances, clips or the player.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from kioskd.life.activity import Activity


@dataclass(frozen=True, slots=True)
class Attention:
    """One instant's context.

    `phrase_ends` are the moments, in the clock of `now`, at which phrases of the voice ended or
    will end, in ascending order: as many as are known, the last second's and the coming ones.
    `side` is where the head is turned by the attitude that shows: radians to the avatar's
    left, 0 where it keeps to the middle.
    """

    activity: Activity = Activity.IDLE
    phrase_ends: tuple[float, ...] = ()
    side: float = 0.0


NOBODY: Final = Attention()
"""Nothing special."""
