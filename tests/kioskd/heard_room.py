# SPDX-License-Identifier: Apache-2.0
"""What a microphone records in a small room, and what is left of it without the kiosk's voice."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import numpy as np

from driving_client.utterance import Samples
from driving_client.voices.espeak import synthesise
from kioskd.ears.canceller import Canceller
from kioskd.ears.frames import CleanFrame, RawFrame
from kioskd.ears.settings import FRAME, RATE

NOISE = 15
"""Standard deviation of a quiet room's noise, of 32,768."""

DELAY = 60 * RATE // 1000
TAIL = 60


@cache
def spoken(text: str, voice: str) -> np.ndarray:
    """At 16 kHz, with a level of 1 where it is loud."""
    speech = synthesise(text, voice)
    times = np.arange(0, speech.seconds, 1 / RATE)
    told = np.arange(len(speech.samples)) / speech.sample_rate
    sound = np.interp(times, told, speech.samples.astype(float))
    loud = np.flatnonzero(np.abs(sound) > 0.05 * np.abs(sound).max())
    return sound[loud[0] : loud[-1]] / np.sqrt(np.mean(sound[loud] ** 2))


def rms(decibels: float) -> float:
    """Of 16-bit samples."""
    return 32768 * 10 ** (decibels / 20)


def room(seconds: float, chance: int = 0) -> np.ndarray:
    """Nobody speaks."""
    return np.random.default_rng(chance).normal(0, NOISE, round(seconds * RATE))


def say(sound: np.ndarray, at_s: float, voice: np.ndarray, decibels: float) -> None:
    """Let somebody speak in it, as loud as that at the microphone."""
    start = round(at_s * RATE)
    length = min(len(voice), len(sound) - start)
    sound[start : start + length] += rms(decibels) * voice[:length]


def as_samples(sound: np.ndarray) -> Samples:
    return np.clip(np.round(sound), -32768, 32767).astype(np.int16)


def frames(
    sound: np.ndarray,
    played: np.ndarray | None = None,
    echo_db: float | None = None,
    echo_gain: float = 0.7,
) -> Iterator[tuple[CleanFrame, RawFrame]]:
    """What the ears' thread hands over; `played` is heard in `sound` as well, `DELAY` later."""
    if played is None:
        for number, samples in enumerate(as_samples(sound).reshape(-1, FRAME)):
            place = (number * FRAME, 100 + number / 100)
            yield CleanFrame(samples, *place, False, None), RawFrame(samples, *place)
        return
    canceller = Canceller()
    echo = np.concatenate([np.zeros(DELAY), played])[: len(played)]
    recorded = as_samples(sound + echo_gain * (echo + 0.3 * np.roll(echo, 400)))
    since = TAIL + 1
    for number, (raw, far) in enumerate(
        zip(recorded.reshape(-1, FRAME), as_samples(played).reshape(-1, FRAME), strict=True)
    ):
        since = 0 if np.abs(far).max() > 100 else since + 1
        place = (number * FRAME, 100 + number / 100)
        clean, _ = canceller.cancel(raw, far)
        yield CleanFrame(clean, *place, since <= TAIL, echo_db), RawFrame(raw, *place)
