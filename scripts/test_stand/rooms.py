# SPDX-License-Identifier: Apache-2.0
"""Three rooms made by code: what a loudspeaker and a visitor sound like at a kiosk's microphone.

Allen and Berkley's image-source method in a shoebox: each wall mirrors the source, each mirror
image is an echo with its own delay and loss. Images are shifted at random by up to 8 cm, without
which the mirrors of a perfect box beat like a flutter. The walls take all frequencies alike and
nothing stands in the room: real rooms are kinder to an echo canceller at high frequencies, and
worse where somebody walks about. A real room was never measured.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

Signal = NDArray[np.float32]
Point = tuple[float, float, float]

RATE: Final = 48000
SOUND_M_S: Final = 343.0
_JITTER_M: Final = 0.08
_EARLY_M: Final = 2.0
"""Paths shorter than this are exact: the direct one, and those by the nearest surfaces."""


@dataclass(frozen=True, slots=True)
class Room:
    """A shoebox: metres, seconds, and how hard its loudspeaker is driven.

    `delay_s` is what the loudspeaker's path takes beyond what its card tells (a television, an
    amplifier), `drive` the steepness of its tanh at full scale, `ppm` by how much its clock is
    slow against the microphone's.
    """

    name: str
    size: Point
    rt60_s: float
    loudspeaker: Point
    visitor: Point
    microphone: Point
    delay_s: float
    drive: float
    ppm: float


DRY: Final = Room(
    "dry",
    size=(3.0, 2.6, 2.4),
    rt60_s=0.12,
    loudspeaker=(1.2, 0.4, 1.1),
    visitor=(1.5, 1.3, 1.5),
    microphone=(1.5, 0.4, 1.4),
    delay_s=0.04,
    drive=0.5,
    ppm=0.0,
)
OFFICE: Final = Room(
    "office",
    size=(6.0, 4.5, 2.8),
    rt60_s=0.4,
    loudspeaker=(2.7, 0.5, 1.1),
    visitor=(3.1, 1.4, 1.5),
    microphone=(3.0, 0.5, 1.4),
    delay_s=0.12,
    drive=1.0,
    ppm=80.0,
)
HALL: Final = Room(
    "hall",
    size=(14.0, 11.0, 5.0),
    rt60_s=1.2,
    loudspeaker=(6.7, 2.0, 1.1),
    visitor=(7.1, 2.9, 1.5),
    microphone=(7.0, 2.0, 1.4),
    delay_s=0.3,
    drive=1.0,
    ppm=0.0,
)
ROOMS: Final = (DRY, OFFICE, HALL)


@cache
def impulse_response(room: Room, source: Point) -> Signal:
    """From a point in the room to its microphone at RATE, until it is 60 dB down.

    Its largest tap is 1, so that a level means the direct sound's; sample 0 is the moment at which
    the source sounds.
    """
    length = round(room.rt60_s * RATE) + 1
    reach_m = length / RATE * SOUND_M_S
    size = np.array(room.size)
    volume = float(np.prod(size))
    surface = 2 * float(size[0] * size[1] + size[1] * size[2] + size[0] * size[2])
    # Eyring's formula, solved for what a wall sends back
    reflection = np.exp(-0.161 * volume / (surface * room.rt60_s) / 2)
    response = np.zeros(length)
    rng = np.random.default_rng(len(room.name) + round(1000 * sum(source)))
    counts = [int(reach_m / (2 * side)) + 1 for side in room.size]
    axes = [np.arange(-count, count + 1) for count in counts]
    nx, ny, nz = (each.ravel() for each in np.meshgrid(*axes, indexing="ij"))
    for mirror in np.ndindex(2, 2, 2):
        offsets, bounces = [], np.zeros(len(nx))
        for axis, n in enumerate((nx, ny, nz)):
            sign = 1 - 2 * mirror[axis]
            offsets.append(sign * source[axis] + 2 * n * size[axis] - room.microphone[axis])
            bounces += np.abs(n - mirror[axis]) + np.abs(n)
        distance = np.sqrt(sum(offset**2 for offset in offsets))
        far = distance > _EARLY_M
        distance = distance + far * rng.uniform(-_JITTER_M, _JITTER_M, len(distance))
        taps = np.round(distance / SOUND_M_S * RATE).astype(int)
        near = taps < length
        np.add.at(response, taps[near], (reflection**bounces / distance)[near])
    # Constant pressure is no sound
    response = response - _moving_mean(response, RATE // 30)
    result: Signal = (response / np.abs(response).max()).astype(np.float32)
    return result


def direct_s(room: Room, source: Point) -> float:
    """Seconds that the direct sound takes to the microphone."""
    return float(np.linalg.norm(np.subtract(source, room.microphone))) / SOUND_M_S


def convolved(signal: Signal, response: Signal) -> Signal:
    """The whole convolution, as long as both together."""
    length = len(signal) + len(response) - 1
    size = 1 << (length - 1).bit_length()
    spectrum = np.fft.rfft(signal, size) * np.fft.rfft(response, size)
    result: Signal = np.fft.irfft(spectrum, size)[:length].astype(np.float32)
    return result


def _moving_mean(values: NDArray[np.float64], window: int) -> NDArray[np.float64]:
    total = np.cumsum(np.pad(values, (window // 2 + 1, window - window // 2 - 1)))
    mean: NDArray[np.float64] = (total[window:] - total[:-window])[: len(values)] / window
    return mean
