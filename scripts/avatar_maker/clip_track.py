# SPDX-License-Identifier: Apache-2.0
"""A clip while it is written: curves over time added to face units, joints, gaze and lids.

Gaze is written as where the eyes look in the room; the head's turn is taken off it at the end,
as the vestibular reflex does. A player with a life of its own (kioskd) puts its blinks, and
while it idles its gaze, in their place; a renderer that plays a clip alone shows these.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from avatar_maker.source import Floats
from avatar_maker.splats.cloud import HEAD, NECK, ROOT
from driving_client.motion import ARKIT_NAMES
from splat_gles.avatar import Clip

RATE: Final = 30.0
"""Frames a second."""
SACCADE: Final = 0.05
"""What a move of the eyes takes, in seconds: 20 ms and 2 ms a degree, for some fifteen."""
BLINK: Final = ((-0.08, 0.0), (0.0, 1.0), (0.04, 1.0), (0.21, 0.0))
"""Seconds from the moment the lids meet, and how far they are shut."""
SIDEWAYS: Final = 25.0
UP_DOWN: Final = 20.0
"""Degrees of an eyeLook weight of 1, as the rig has it."""
HARMONICS: Final = 6


class Track:
    """times (F,), weights (F,52), degrees (F,J,3) of joints, gaze (F,2) to the left and down."""

    def __init__(self, seconds: float, joints: int) -> None:
        self.seconds = seconds
        self.times = np.arange(round(seconds * RATE)) / RATE
        self.weights = np.zeros((len(self.times), len(ARKIT_NAMES)))
        self.degrees = np.zeros((len(self.times), joints, 3))
        self.gaze = np.zeros((len(self.times), 2))

    def wave(self, cycles: int, phase: float = 0.0) -> Floats:
        """A sine (F,) with whole cycles over the clip; `phase` in turns."""
        wave: Floats = np.sin(2 * np.pi * (cycles * self.times / self.seconds + phase))
        return wave

    def drift(self, seed: int) -> Floats:
        """Slow wandering (F,), about -1 to 1, that ends where it begins.

        A sum of the clip's first harmonics with random phases, the fast ones weaker: how bodies
        that hold still sway.
        """
        phases = np.random.default_rng(seed).random(HARMONICS)
        total = sum(
            (self.wave(n, phases[n - 1]) / n for n in range(1, HARMONICS + 1)), self.times * 0
        )
        values: Floats = total / np.abs(total).max()
        return values

    def bump(self, begin: float, peak: float, end: float, hold: float = 0.0) -> Floats:
        """0 up to `begin`, 1 from `peak` for `hold`, 0 from `end` on, eased (F,), in seconds."""
        half = np.interp(self.times, [begin, peak, peak + hold, end], [0.0, 1.0, 1.0, 0.0])
        return half * half * (3 - 2 * half)

    def face(self, level: Floats | float, **units: float) -> None:
        """Add face units; a name without Left or Right stands for both sides."""
        for name, weight in units.items():
            for full in (name, f"{name}Left", f"{name}Right"):
                if full in ARKIT_NAMES:
                    self.weights[:, ARKIT_NAMES.index(full)] += level * weight

    def turn(
        self, level: Floats | float, pitch: float = 0.0, yaw: float = 0.0, roll: float = 0.0
    ) -> None:
        """Add a head turn in degrees: down, to the left, to the right shoulder... by axes x, y, z.

        The neck takes two fifths of it, as in people.
        """
        turned = np.outer(np.broadcast_to(level, len(self.times)), [pitch, yaw, roll])
        self.degrees[:, NECK] += 0.4 * turned
        self.degrees[:, HEAD] += 0.6 * turned

    def lean(self, level: Floats | float, pitch: float = 0.0, roll: float = 0.0) -> None:
        """Add a lean of the whole body about the feet, in degrees; the head stays upright."""
        leaned = np.outer(np.broadcast_to(level, len(self.times)), [pitch, 0.0, roll])
        self.degrees[:, ROOT] += leaned
        self.degrees[:, NECK] -= leaned

    def look(self, fixations: Sequence[tuple[float, float, float]]) -> None:
        """The eyes rest ahead, then from each time on (seconds) at degrees to the left and down."""
        times, places = [0.0], [(0.0, 0.0)]
        for begin, left, down in fixations:
            times += [begin, begin + SACCADE]
            places += [places[-1], (left, down)]
        for axis in range(2):
            self.gaze[:, axis] += np.interp(self.times, times, [place[axis] for place in places])

    def blink(self, *moments: float) -> None:
        """Shut the lids around these times."""
        for moment in moments:
            after, shut = zip(*BLINK, strict=True)
            level = np.interp(self.times, moment + np.array(after), shut)
            for side in ("Left", "Right"):
                row = ARKIT_NAMES.index(f"eyeBlink{side}")
                self.weights[:, row] = np.maximum(self.weights[:, row], level)

    def clip(self, name: str, *, loop: bool) -> Clip:
        """The finished clip."""
        head = self.degrees.sum(axis=1)
        left = (self.gaze[:, 0] - head[:, 1]) / SIDEWAYS
        down = (self.gaze[:, 1] - head[:, 0]) / UP_DOWN
        self.face(np.clip(left, 0, None), eyeLookOutLeft=1.0, eyeLookInRight=1.0)
        self.face(np.clip(-left, 0, None), eyeLookInLeft=1.0, eyeLookOutRight=1.0)
        self.face(np.clip(down, 0, None), eyeLookDown=1.0)
        self.face(np.clip(-down, 0, None), eyeLookUp=1.0)
        return Clip(
            name=name,
            rate=RATE,
            weights=np.clip(self.weights, 0, 1).astype(np.float32),
            rotations=np.radians(self.degrees).astype(np.float32),
            loop=loop,
        )
