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
    `head` is how neck and head are turned by what plays, without the life layer: axis-angle
    radians as `splat_gles.rig.Rig` has them (down, to the avatar's left, to its right shoulder).
    """

    activity: Activity = Activity.IDLE
    phrase_ends: tuple[float, ...] = ()
    head: tuple[float, float, float] = (0.0, 0.0, 0.0)


NOBODY: Final = Attention()
"""Idle, its head straight."""
