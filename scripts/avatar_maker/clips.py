# SPDX-License-Identifier: Apache-2.0
"""The default avatar's clips, authored here: idle, hello, listen, think and speak.

Loops are sums of sines whose periods divide the clip's length, so that the end meets the start.
Gestures are eased bumps that begin and end at rest. Lips stay with the speech: `speak` moves the
head and the brows only. Blinks are the player's, and so are not in here.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np

from avatar_maker.cloud import HEAD, NECK
from avatar_maker.source import Floats
from driving_client.motion import ARKIT_NAMES
from splat_gles.avatar import Clip

RATE: Final = 30.0


class Track:
    """A clip being written: times (F,), weights (F,52) and rotations (F,J,3) in degrees."""

    def __init__(self, seconds: float, joints: int) -> None:
        self.seconds = seconds
        self.times = np.arange(round(seconds * RATE)) / RATE
        self.weights = np.zeros((len(self.times), len(ARKIT_NAMES)))
        self.degrees = np.zeros((len(self.times), joints, 3))

    def wave(self, cycles: int, phase: float = 0.0) -> Floats:
        """A sine (F,) with whole cycles over the clip; `phase` in turns."""
        wave: Floats = np.sin(2 * np.pi * (cycles * self.times / self.seconds + phase))
        return wave

    def bump(self, begin: float, peak: float, end: float) -> Floats:
        """0 up to `begin`, 1 at `peak`, 0 from `end` on, eased (F,), in seconds."""
        half = np.interp(self.times, [begin, peak, end], [0.0, 1.0, 0.0])
        return half * half * (3 - 2 * half)

    def face(self, level: Floats, **units: float) -> None:
        """Add face units; a name without Left or Right stands for both sides."""
        for name, weight in units.items():
            for full in (name, f"{name}Left", f"{name}Right"):
                if full in ARKIT_NAMES:
                    self.weights[:, ARKIT_NAMES.index(full)] += level * weight

    def turn(self, level: Floats, pitch: float = 0.0, yaw: float = 0.0, roll: float = 0.0) -> None:
        """Add a head turn in degrees: down, to the left, to the right shoulder... by axes x, y, z.

        The neck takes two fifths of it, as in people.
        """
        turned = level[:, None] * np.array([pitch, yaw, roll])
        self.degrees[:, NECK] += 0.4 * turned
        self.degrees[:, HEAD] += 0.6 * turned

    def clip(self, name: str, *, loop: bool) -> Clip:
        """The finished clip."""
        return Clip(
            name=name,
            rate=RATE,
            weights=np.clip(self.weights, 0, 1).astype(np.float32),
            rotations=np.radians(self.degrees).astype(np.float32),
            loop=loop,
        )


def _steady(track: Track, size: float) -> None:
    """Sway of a living head, in loops."""
    track.turn(size * (0.7 * track.wave(2) + 0.4 * track.wave(5, 0.3)), pitch=0.9)
    track.turn(size * (track.wave(1, 0.1) + 0.35 * track.wave(3, 0.6)), yaw=1.7)
    track.turn(size * (track.wave(1, 0.45) + 0.3 * track.wave(4)), roll=0.9)


def authored_clips(joints: int) -> Iterator[Clip]:
    """All clips for a rig of `joints` joints."""
    idle = Track(8.0, joints)
    _steady(idle, 1.0)
    ones = np.ones(len(idle.times))
    idle.face(ones, mouthSmile=0.10)
    idle.face(0.5 + 0.5 * idle.wave(1, 0.7), mouthSmile=0.06, cheekSquint=0.05)
    idle.face(0.5 + 0.5 * idle.wave(2, 0.2), browInnerUp=0.07)
    yield idle.clip("idle", loop=True)

    hello = Track(3.0, joints)
    smile = np.clip(hello.bump(0.0, 0.7, 2.0) + hello.bump(0.7, 2.0, 3.0), 0, 1)
    hello.face(smile, mouthSmile=0.62, cheekSquint=0.38, eyeSquint=0.14)
    hello.face(hello.bump(0.1, 0.55, 1.3), browInnerUp=0.45, browOuterUp=0.40, eyeWide=0.18)
    hello.turn(hello.bump(0.35, 0.85, 1.35), pitch=9.0)
    hello.turn(hello.bump(0.2, 1.4, 2.9), roll=-3.5, yaw=2.0)
    yield hello.clip("hello", loop=False)

    listen = Track(6.0, joints)
    _steady(listen, 0.7)
    ones = np.ones(len(listen.times))
    listen.turn(ones, pitch=2.0, roll=4.0)
    listen.face(ones, mouthSmile=0.12, browInnerUp=0.10, eyeWide=0.06)
    listen.turn(listen.bump(3.2, 3.55, 4.0) + 0.6 * listen.bump(3.9, 4.2, 4.6), pitch=5.0)
    yield listen.clip("listen", loop=True)

    think = Track(5.0, joints)
    _steady(think, 0.5)
    level = np.clip(think.bump(0.0, 0.8, 3.0) + think.bump(1.0, 3.8, 5.0), 0, 1)
    think.turn(level, pitch=-3.0, yaw=7.0, roll=-2.5)
    think.face(level, browInnerUp=0.20, browDown=0.14, mouthPress=0.20, eyeSquint=0.18)
    think.face(level, eyeLookUp=0.45, mouthLeft=0.10, eyeLookOutLeft=0.40, eyeLookInRight=0.40)
    yield think.clip("think", loop=True)

    speak = Track(6.0, joints)
    _steady(speak, 1.1)
    speak.turn(0.6 * speak.wave(4, 0.1) + 0.5 * speak.wave(7, 0.4), pitch=1.6)
    speak.turn(speak.wave(3, 0.25), yaw=1.6, roll=0.8)
    speak.face(np.clip(speak.wave(3, 0.1), 0, 1), browInnerUp=0.16, browOuterUp=0.12)
    speak.face(speak.bump(1.3, 1.7, 2.4) + speak.bump(4.1, 4.5, 5.2), browInnerUp=0.14)
    speak.face(np.ones(len(speak.times)), mouthSmile=0.08)
    yield speak.clip("speak", loop=True)
