# SPDX-License-Identifier: Apache-2.0
"""The face where it does not speak: a clip of the avatar that was asked for, or idle.

The software that listens and answers knows what the kiosk cannot: that somebody talks to it, that
an answer is being made. It names a clip; the clip begins at its first frame and goes on until
another is named, a voice is heard, or its time is over: its length for one that does not loop, the
limit for one that does. Naming the loop that shows gives it its time anew and changes nothing else.
When a voice is heard is the player's to tell, and how one clip fades into the next the
transition's. No queue, and no memory of what a voice cut short: the caller knows better by then.
"""

from __future__ import annotations

import logging
from collections.abc import Hashable
from typing import Final

from driving_client.motion import FloatArray
from kioskd.errors import KioskError
from kioskd.life.activity import Activity
from kioskd.playback.face import Face
from kioskd.playback.idle_clip import IdleClip
from kioskd.playback.snapshot import IDLE
from splat_gles.avatar import Avatar, Clip
from splat_gles.clips import sample

logger = logging.getLogger(__name__)

_ACTIVITIES: Final = {"listen": Activity.LISTENING, "think": Activity.THINKING}

GESTURE_FRAMES: Final = 12
"""Frames of 40 ms into a gesture: time for the head to turn, over before a greeting's nod."""


class GestureError(KioskError):
    """The avatar has no such clip."""


class Gestures:
    """Which clip shows; not locked, `require` may be called from any thread."""

    def __init__(self, avatar: Avatar, face: Face, limit_s: float, *, alive: bool) -> None:
        self._clips = avatar.clips
        self._names = tuple(dict.fromkeys((IDLE, *avatar.clips)))
        self._avatar_name = avatar.name
        self._face = face
        self._limit_s = limit_s
        self._idle = IdleClip(avatar, face)
        self._chosen: Clip | None = None
        self._alive = alive
        self._own_gaze = False
        self._side = 0.0
        self._began = 0.0
        self._until = 0.0
        self._shown = 0

    @property
    def chosen(self) -> bool:
        """Whether another clip than idle shows."""
        return self._chosen is not None

    @property
    def name(self) -> str:
        """The clip that shows."""
        return IDLE if self._chosen is None else self._chosen.name

    @property
    def activity(self) -> Activity:
        """What the kiosk is doing, by the clip that shows."""
        return _ACTIVITIES.get(self.name, Activity.IDLE)

    @property
    def side(self) -> float:
        """Radians to the avatar's left that the clip that shows turns the head by, on average."""
        return 0.0 if self._chosen is None else self._side

    def require(self, name: str) -> None:
        """Raise GestureError unless the avatar has this clip."""
        if name not in self._names:
            raise GestureError(
                f"the avatar {self._avatar_name} has no clip {name[:40]!r}; it has "
                f"{', '.join(self._names)}"
            )

    def show(self, name: str, now: float) -> None:
        """Show this clip from `now` on. Raises GestureError."""
        self.require(name)
        if name == IDLE:
            self.end()
            return
        clip = self._clips[name]
        if clip is not self._chosen or not clip.loop:
            self._chosen = clip
            own = not self._alive or self.activity is Activity.IDLE
            self._own_gaze = own and self._face.has_gaze(clip)
            self._side = self._face.side(clip)
            self._began = now
            self._shown += 1
        self._until = now + (self._limit_s if clip.loop else min(clip.seconds, self._limit_s))

    def end(self) -> None:
        """Idle from now on."""
        self._chosen = None

    def at(self, now: float) -> tuple[Hashable, FloatArray]:
        """A key of what shows at `now`, and its pose."""
        if self._chosen is not None and now >= self._until:
            if self._chosen.loop:
                logger.warning(
                    "gesture %s ended by itself after playback.gesture_limit_s, %.0f s: nothing "
                    "followed it; is the software that asked for it still running?",
                    self._chosen.name,
                    self._limit_s,
                    extra={"code": "gesture_timed_out"},
                )
            self.end()
        if self._chosen is None:
            return IDLE, self._idle.at(now)
        weights, rotations = sample(self._chosen, now - self._began)
        return self._shown, self._face.of_clip_frame(weights, rotations, own_gaze=self._own_gaze)
