# SPDX-License-Identifier: Apache-2.0
"""The avatar's clips, authored here: idle, hello, listen and think.

Loops wander by harmonics of the clip's length and their gestures begin and end at rest, so that
the end meets the start. No gesture is the same on both sides of the face. None is for speech: the
voice moves what moves then. Chest and shoulders follow the root joint alone: breath shows as a
slight lean of the body under a level head.
"""

from __future__ import annotations

from collections.abc import Iterator

from avatar_maker.clip_track import Track
from splat_gles.avatar import Clip


def _alive(track: Track, size: float, breaths: int, seed: int) -> None:
    """Sway, shifts of weight and breath of a body that stands still."""
    track.turn(size * track.drift(seed), pitch=1.0)
    track.turn(size * track.drift(seed + 1), yaw=1.9)
    track.turn(size * track.drift(seed + 2), roll=1.0)
    track.lean(size * track.drift(seed + 3), roll=0.22)
    track.lean(track.wave(breaths), pitch=-0.16)
    track.turn(track.wave(breaths, -0.06), pitch=-0.35)


def authored_clips(joints: int) -> Iterator[Clip]:
    """All clips for a rig of `joints` joints."""
    yield _idle(Track(9.6, joints))
    yield _hello(Track(3.4, joints))
    yield _listen(Track(8.0, joints))
    yield _think(Track(6.4, joints))


def _idle(track: Track) -> Clip:
    _alive(track, 1.0, 2, 11)
    track.face(1.0, mouthSmileLeft=0.07, mouthSmileRight=0.10, cheekSquint=0.03)
    warm = track.bump(2.2, 4.0, 8.2, hold=1.6)
    track.face(warm, mouthSmileLeft=0.08, mouthSmileRight=0.10, cheekSquint=0.09, eyeSquint=0.05)
    track.face(0.5 + 0.5 * track.drift(21), browInnerUp=0.07, browOuterUpLeft=0.05)
    track.face(track.bump(5.9, 6.3, 7.2), browInnerUp=0.08, browOuterUpRight=0.06)
    calm = [(0.9, 1.2, 0.3), (1.9, -0.6, -0.4), (3.1, 0.0, 0.0), (5.0, 7.0, 2.5)]
    track.look([*calm, (5.8, 0.8, 0.0), (6.9, -1.4, 0.5), (7.9, 0.6, -0.3), (8.9, 0.0, 0.0)])
    track.turn(track.bump(4.9, 5.4, 6.4), yaw=1.4, pitch=0.5)
    track.blink(1.86, 5.02, 8.3)
    return track.clip("idle", loop=True)


def _hello(track: Track) -> Clip:
    smile = track.bump(0.12, 0.75, 3.3, hold=1.1)
    track.face(smile, mouthSmileLeft=0.66, mouthSmileRight=0.72, mouthDimple=0.15)
    track.face(smile, cheekSquint=0.55, eyeSquintLeft=0.22, eyeSquintRight=0.26)
    track.face(track.bump(0.3, 0.9, 2.9, hold=0.8), jawOpen=0.17, mouthUpperUp=0.36)
    # the brows' flash of recognition comes before the nod
    flash = track.bump(0.05, 0.38, 1.15, hold=0.12)
    track.face(flash, browInnerUp=0.50, browOuterUpLeft=0.52, browOuterUpRight=0.44, eyeWide=0.25)
    track.turn(track.bump(0.08, 0.38, 0.70), pitch=-2.6)
    track.turn(track.bump(0.42, 0.86, 1.40), pitch=8.5)
    track.turn(track.bump(1.35, 1.62, 2.05), pitch=2.4)
    track.turn(track.bump(0.3, 1.5, 3.2, hold=0.4), roll=-4.2, yaw=2.6)
    track.lean(track.bump(0.2, 1.0, 3.1, hold=0.5), pitch=0.45, roll=-0.20)
    track.blink(0.80, 2.45)
    return track.clip("hello", loop=False)


def _listen(track: Track) -> Clip:
    _alive(track, 0.65, 2, 31)
    track.lean(1.0, pitch=0.35)
    track.turn(1.0, pitch=1.6, roll=3.8, yaw=-1.2)
    track.face(1.0, mouthSmileLeft=0.10, mouthSmileRight=0.13, browInnerUp=0.13, eyeWide=0.05)
    track.face(1.0, browOuterUpLeft=0.08, browOuterUpRight=0.05)
    # slow nods: one, and a double one with the smile that agrees
    track.turn(track.bump(1.7, 2.15, 2.85), pitch=4.6)
    agreed = track.bump(4.8, 5.15, 5.6) + 0.7 * track.bump(5.45, 5.8, 6.35)
    track.turn(agreed, pitch=5.2)
    pleased = track.bump(4.7, 5.5, 7.4, hold=0.6)
    track.face(pleased, mouthSmileLeft=0.16, mouthSmileRight=0.13, cheekSquint=0.16)
    track.face(track.bump(3.2, 3.7, 4.6), browInnerUp=0.16, browOuterUp=0.12)
    track.turn(track.bump(2.9, 3.8, 5.0), roll=-1.8, yaw=1.5)
    track.look(
        [(0.7, -1.0, 1.0), (1.6, 0.9, 0.0), (2.9, 0.0, 2.2), (3.5, -0.7, 0.0), (7.0, 0.0, 0.0)]
    )
    track.blink(2.16, 5.15, 7.0)
    return track.clip("listen", loop=True)


def _think(track: Track) -> Clip:
    _alive(track, 0.5, 2, 51)
    # the eyes lead, the head follows, and both come back with a blink
    away = [(0.45, 15.0, -11.0), (1.7, 19.0, -7.0), (2.5, 12.0, -13.0), (3.6, 17.0, -4.0)]
    track.look([*away, (4.9, 0.0, 0.0)])
    turned = track.bump(0.45, 1.25, 5.75, hold=3.2)
    track.turn(turned, pitch=-3.2, yaw=7.5, roll=-2.8)
    track.turn(track.bump(2.3, 3.0, 4.4), yaw=-2.2, pitch=1.2, roll=1.4)
    track.face(
        turned, browDownLeft=0.10, browDownRight=0.22, browInnerUp=0.14, browOuterUpLeft=0.20
    )
    track.face(turned, mouthPressLeft=0.26, mouthPressRight=0.18, mouthLeft=0.12)
    track.face(track.bump(1.9, 2.6, 4.2), mouthPucker=0.14, eyeSquint=0.16)
    track.face(track.bump(4.9, 5.35, 6.2), mouthSmile=0.12, browInnerUp=0.14, browOuterUp=0.10)
    track.lean(turned, roll=0.22)
    track.blink(0.50, 3.62, 4.95)
    return track.clip("think", loop=True)
