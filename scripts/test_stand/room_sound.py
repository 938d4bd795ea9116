# SPDX-License-Identifier: Apache-2.0
"""From what a kiosk plays to the echo of it at its microphone, block by block, in real time.

The loudspeaker saturates, its clock may be slower than the microphone's, its path delays, the room
answers. Convolution is by partitions of one block in the frequency domain, so that a block goes
out as soon as it came in; measured: the hall takes 3 % of a core in blocks of 5 ms.
"""

from __future__ import annotations

from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from test_stand.rooms import RATE, Room, Signal, impulse_response

BLOCK: Final = 240
"""Samples of a block: 5 ms."""

ECHO_GAIN: Final = 0.25
"""Of the direct sound, full scale to full scale: the loudest voice stays well within the card."""

REACH: Final = 16
"""Samples on either side that one between them is made of."""

_PHASES: Final = 2048


class Convolver:
    """Convolves a stream with a fixed response, BLOCK samples at a time."""

    def __init__(self, response: Signal) -> None:
        parts = -(-len(response) // BLOCK)
        padded = np.zeros(parts * BLOCK, np.float32)
        padded[: len(response)] = response
        self._parts = np.fft.rfft(padded.reshape(parts, BLOCK), 2 * BLOCK).astype(np.complex64)
        self._spectra = np.zeros_like(self._parts)
        self._newest = 0
        self._window = np.zeros(2 * BLOCK, np.float32)

    def pass_block(self, block: Signal) -> Signal:
        """As many samples, no later."""
        self._window = np.concatenate((self._window[BLOCK:], block))
        self._newest = (self._newest - 1) % len(self._parts)
        self._spectra[self._newest] = np.fft.rfft(self._window)
        head = len(self._parts) - self._newest
        total = np.einsum("pf,pf->f", self._spectra[self._newest :], self._parts[:head])
        total += np.einsum("pf,pf->f", self._spectra[: self._newest], self._parts[head:])
        result: Signal = np.fft.irfft(total)[BLOCK:].astype(np.float32)
        return result


def read_between(sound: Signal, begin: float, end: float, count: int) -> Signal:
    """`count` samples evenly from index `begin` on, so that the next one would be at `end`.

    `sound` must reach REACH samples beyond either.
    """
    places = begin + (end - begin) / count * np.arange(count)
    whole = np.floor(places).astype(int)
    phases = ((places - whole) * _PHASES).astype(int)
    windows = sound[whole[:, None] + np.arange(-REACH + 1, REACH + 1)[None, :]]
    result: Signal = np.einsum("nt,nt->n", windows, _kernels()[phases])
    return result


class DelayLine:
    """Delays a stream by a fraction of samples that may grow, as that of a slower clock does."""

    def __init__(self, delay: float, ppm: float) -> None:
        """`delay` in samples, REACH at least."""
        self.delay = delay
        self._growth = ppm * 1e-6
        self._past = np.zeros(round(delay) + 8 * REACH, np.float32)

    def pass_block(self, block: Signal) -> Signal:
        """As many samples."""
        begin = len(self._past) - self.delay
        self.delay += self._growth * len(block)
        self._past = np.concatenate((self._past, block))
        end = len(self._past) - self.delay
        result = read_between(self._past, begin, end, len(block))
        self._past = self._past[-(round(self.delay) + 8 * REACH) :]
        return result


def saturated(room: Room, block: Signal) -> Signal:
    """What the room's loudspeaker makes of samples from -1 to 1."""
    if not room.drive:
        return block
    result: Signal = (np.tanh(room.drive * block) / room.drive).astype(np.float32)
    return result


def echo_of(room: Room) -> Convolver:
    """From the loudspeaker's sound to its echo at the microphone, without the path's delay."""
    return Convolver(ECHO_GAIN * impulse_response(room, room.loudspeaker))


class EchoPath:
    """All of the way from a loudspeaker's samples to its echo at the microphone, -1 to 1."""

    def __init__(self, room: Room, delay_s: float) -> None:
        """`delay_s` of its own beyond the room's flight of sound."""
        self._loudspeaker = room
        self._line = DelayLine(max(delay_s * RATE, REACH), room.ppm)
        self._room = echo_of(room)

    def pass_block(self, block: Signal) -> Signal:
        """The echo of BLOCK samples, as many."""
        return self._room.pass_block(self._line.pass_block(saturated(self._loudspeaker, block)))


@cache
def _kernels() -> NDArray[np.float32]:
    """For each phase between two samples the weights of those around."""
    away = np.arange(-REACH + 1, REACH + 1)[None, :] - np.arange(_PHASES)[:, None] / _PHASES
    shaped = np.sinc(away) * np.i0(8 * np.sqrt(np.clip(1 - (away / REACH) ** 2, 0, 1)))
    result: NDArray[np.float32] = (shaped / shaped.sum(axis=1, keepdims=True)).astype(np.float32)
    return result
