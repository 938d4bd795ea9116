# SPDX-License-Identifier: Apache-2.0
"""The face where it does not speak: what was asked for by name, or idle.

The software that listens and answers knows what the kiosk cannot: that somebody talks to it, that
an answer is being made. It names an attitude (listen, think), which every avatar can take, or one
of the avatar's clips, which begins at its first frame. It goes on until another is named, a voice
is heard, or its time is over: a clip's length for one that does not loop, the limit for the rest.
Naming again what shows and goes on gives it its time anew and changes nothing else.
When a voice is heard is the player's to tell, and how one fades into the next the transition's. No
queue, and no memory of what a voice cut short: the caller knows better by then.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Hashable
from typing import Final

from driving_client.motion import FloatArray
from kioskd.errors import KioskError
from kioskd.life.activity import Activity
from kioskd.playback.attitudes import ACTIVITIES, Attitudes
from kioskd.playback.face import Face
from kioskd.playback.snapshot import IDLE
from splat_gles.avatar import Avatar
from splat_gles.clips import sample

logger = logging.getLogger(__name__)

GESTURE_FRAMES: Final = 12
"""Frames of 40 ms into a gesture: time for the head to turn, over before a greeting's nod."""


class GestureError(KioskError):
    """The avatar has no such clip."""


class Gestures:
    """What shows; not locked, `require` may be called from any thread."""

    def __init__(self, avatar: Avatar, face: Face, limit_s: float, *, alive: bool) -> None:
        self._clips = {name: clip for name, clip in avatar.clips.items() if name not in ACTIVITIES}
        self._names = (*ACTIVITIES, *self._clips)
        self._avatar_name = avatar.name
        self._face = face
        self._limit_s = limit_s
        self._attitudes = Attitudes(avatar, face, alive=alive)
        self._own_gaze = {name: face.has_gaze(clip) for name, clip in self._clips.items()}
        self._name = IDLE
        self._began = 0.0
        self._until = math.inf
        self._forgotten = False
        self._shown = 0

    @property
    def chosen(self) -> bool:
        """Whether anything but idle shows."""
        return self._name != IDLE

    @property
    def name(self) -> str:
        """What shows."""
        return self._name

    @property
    def activity(self) -> Activity:
        """What the kiosk is doing, by what shows."""
        return ACTIVITIES.get(self._name, Activity.IDLE)

    @property
    def side(self) -> float:
        """Radians to the avatar's left that the attitude that shows turns the head by."""
        return self._attitudes.side(self._name) if self._name in ACTIVITIES else 0.0

    def require(self, name: str) -> None:
        """Raise GestureError unless it can be shown."""
        if name not in self._names:
            raise GestureError(
                f"the avatar {self._avatar_name} has no clip {name[:40]!r}; it has "
                f"{', '.join(self._names)}"
            )

    def show(self, name: str, now: float, at_most_s: float = math.inf) -> None:
        """Show this from `now` on, for the limit or `at_most_s`. Raises GestureError."""
        self.require(name)
        if name == IDLE:
            self.end()
            return
        clip = self._clips.get(name)
        once = clip is not None and not clip.loop
        if name != self._name or once:
            self._name = name
            self._began = now
            self._shown += 1
        lasts_s = clip.seconds if clip is not None and once else self._limit_s
        self._until = now + min(lasts_s, self._limit_s, at_most_s)
        self._forgotten = not once and at_most_s >= self._limit_s

    def end(self) -> None:
        """Idle from now on."""
        self._name = IDLE
        self._until = math.inf

    def at(self, now: float) -> tuple[Hashable, FloatArray]:
        """A key of what shows at `now`, and its pose."""
        if now >= self._until:
            self._end_by_itself()
        clip = self._clips.get(self._name)
        if clip is None:
            return self._name, self._attitudes.pose(self._name)
        weights, rotations = sample(clip, now - self._began)
        own_gaze = self._own_gaze[self._name]
        return self._shown, self._face.of_clip_frame(weights, rotations, own_gaze=own_gaze)

    def _end_by_itself(self) -> None:
        if self._forgotten:
            logger.warning(
                "gesture %s ended by itself after playback.gesture_limit_s, %.0f s: nothing "
                "followed it; is the software that asked for it still running?",
                self._name,
                self._limit_s,
                extra={"code": "gesture_timed_out"},
            )
        self.end()
