# SPDX-License-Identifier: Apache-2.0
"""Smooth noise for ever: how what is held still sways.

Sway of a standing body has no rhythm: its power falls with frequency by a power law (Collins and
De Luca 1993; Yamamoto et al. 2015), and a standing person's head moves most below 0.7 Hz (0.34 to
0.39 Hz on average: cephalography of 20 adults; Honegger et al. 2012: locked to the trunk below
0.7 Hz). So this is a sum of layers, each slower than the one before and of its own size; layers of
equal sizes give 1/f.

A layer is a uniform cubic B-spline through random knots: twice differentiable, never beyond its
largest knot, its third derivative at most 8 knots over the spacing cubed. Knots are drawn in the
order of time and only four of each layer are kept, so a year takes no more memory than a minute;
times stay Python floats, which are good to a microsecond for longer than any board lives.
"""

from __future__ import annotations

import math
import random

import numpy as np

from driving_client.motion import FloatArray

LONG_S = 60.0
"""Time that passed unseen and is left out: a machine that slept need not live it through."""

_UNIT_SD = math.sqrt(151 / 315 / 3)
"""Standard deviation of a spline through knots that are uniform within -1 and 1."""


def spline(part: float) -> FloatArray:
    """The weights (4,) of the four knots around a place, `part` (0 to 1) of the way on."""
    rest = 1.0 - part
    square, cube = part * part, part * part * part
    return np.array(
        [
            rest * rest * rest / 6,
            (4 - 6 * square + 3 * cube) / 6,
            (1 + 3 * part + 3 * square - 3 * cube) / 6,
            cube / 6,
        ],
        np.float32,
    )


class _Layer:
    """Knots `spacing_s` apart, each of `channels` values within -1 and 1."""

    def __init__(self, spacing_s: float, channels: int, chance: random.Random) -> None:
        self._spacing_s = spacing_s
        # Knots of two layers must not meet again and again
        self._ahead = chance.random()
        self._chance = np.random.default_rng(chance.getrandbits(64))
        self._knots = self._draw(4, channels)
        self._place: int | None = None

    def at(self, now: float) -> FloatArray:
        along = now / self._spacing_s + self._ahead
        place = math.floor(along)
        if self._place is None or (place - self._place) * self._spacing_s > LONG_S:
            self._place = place
        fresh = place - self._place
        if fresh > 0:
            knots = np.concatenate([self._knots, self._draw(fresh, self._knots.shape[1])])
            self._knots, self._place = knots[-4:], place
        return np.asarray(spline(along - place) @ self._knots, np.float32)

    def _draw(self, count: int, channels: int) -> FloatArray:
        return self._chance.uniform(-1.0, 1.0, (count, channels)).astype(np.float32)


class Wander:
    """Several channels of noise whose layers may have different sizes; sampled in order of time."""

    def __init__(self, layers: dict[float, FloatArray], chance: random.Random) -> None:
        """`layers`: seconds between knots to the standard deviation that each channel has by it."""
        self._sizes = np.stack(list(layers.values())).astype(np.float32) / np.float32(_UNIT_SD)
        channels = self._sizes.shape[1]
        self._layers = [_Layer(spacing_s, channels, chance) for spacing_s in layers]

    def at(self, now: float) -> FloatArray:
        """One value per channel at `now` (monotonic seconds), shape (channels,)."""
        parts = np.stack([layer.at(now) for layer in self._layers])
        return np.asarray((parts * self._sizes).sum(axis=0), np.float32)
