# SPDX-License-Identifier: Apache-2.0
"""A room in the test's time: what a card plays comes back to a microphone, later and changed.

The card is `sound_card.PacedCard`, written by the real audio thread's turns, so that what was
dropped or ran dry is in the echo as it was heard and not as it was written.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import soxr
from numpy.typing import NDArray
from sound_card import RATE as CARD_RATE
from sound_card import OwnTime, PacedCard, Studio

from driving_client.utterance import Utterance
from kioskd.audio.loudspeaker import Loudspeaker, Note, TappedDevice
from kioskd.audio.snapshot import AudioSnapshot
from kioskd.ears.frames import RawFrame
from kioskd.ears.settings import FRAME, FRAME_S, RATE

Sound = NDArray[np.float64]

LATE_S = 0.03
"""How old a frame is when the ears get it: measured over PulseAudio."""


def babble(seconds: float, seed: int) -> Sound:
    """Noise that swells and fades as syllables do, with pauses: a voice, to a canceller."""
    chance = np.random.default_rng(seed)
    count = round(seconds * RATE)
    spectrum = np.fft.rfft(chance.normal(size=count))
    hertz = np.fft.rfftfreq(count, 1 / RATE)
    coloured = np.fft.irfft(spectrum * (hertz > 100) / (1 + (hertz / 600) ** 2) ** 0.5, count)
    syllables = np.clip(chance.normal(0.4, 0.6, size=round(seconds / 0.12) + 2), 0, None)
    swell = np.interp(np.arange(count) / RATE / 0.12, np.arange(len(syllables)), syllables)
    sound: Sound = coloured * swell
    return 0.3 * sound / np.sqrt(np.mean(sound**2))


def decibels(sound: Sound) -> float:
    return float(10 * np.log10(np.mean(np.square(sound, dtype=np.float64)) + 1e-12))


class _CardTime(OwnTime):
    """The card's own crystal."""

    def __init__(self, time: OwnTime, error: float) -> None:
        self.room, self.error, self.begin = time, error, time.now

    @property
    def now(self) -> float:  # type: ignore[override]
        return self.begin + (self.room.now - self.begin) * (1 + self.error)

    def of_room(self, moments: Sound) -> Sound:
        return self.begin + (moments - self.begin) / (1 + self.error)


class _DriftingCard(PacedCard):
    def __init__(self, time: OwnTime, error: float) -> None:
        self.crystal = _CardTime(time, error)
        super().__init__(self.crystal)

    def played(self) -> tuple[int, float]:
        return super().played()[0], self.crystal.room.now


class _Notes(Loudspeaker):
    """Keeps when each note was made."""

    def __init__(self, time: OwnTime) -> None:
        super().__init__()
        self.time = time
        self.made: list[tuple[float, Note]] = []

    def note(self, note: Note) -> None:
        self.made.append((self.time.now, note))


@dataclass
class Room:
    """Says things with the real output; then `recorded` is asked for what a microphone heard."""

    drift: float = 0.0
    seed: int = 1
    studio: Studio = field(init=False)

    def __post_init__(self) -> None:
        self._chance = np.random.default_rng(self.seed)
        self.studio = Studio(make_card=self._make_card)

    def _make_card(self, time: OwnTime) -> TappedDevice:
        self.notes, self.card = _Notes(time), _DriftingCard(time, self.drift)
        return TappedDevice(self.card, self.notes, time.clock)

    def say(self, sound: Sound) -> None:
        utterance = Utterance("own", RATE)
        utterance.append_audio(np.rint(np.clip(sound, -1, 1) * 32767).astype(np.int16))
        utterance.end_audio()
        self.studio.output.play(utterance)

    def pass_time(self, seconds: float) -> AudioSnapshot:
        """The audio thread wakes about every 10 ms, as a real one does."""
        end = self.studio.time.now + seconds
        while self.studio.time.now < end:
            self.studio.turn()
            self.studio.time.now += self._chance.uniform(0.008, 0.012)
        return self.studio.turn()

    def heard(self) -> Sound:
        """What left the card, from the room's first second on, at the ears' rate."""
        times, samples = self.card.heard()
        moments = self.card.crystal.of_room(times)
        length = round((self.studio.time.now - 100.0) * CARD_RATE)
        sound = np.zeros(length)
        ends = np.flatnonzero(np.diff(moments) > 1.5 / CARD_RATE) + 1
        for run in np.split(np.arange(len(moments)), ends) if len(moments) else []:
            first = int(np.ceil((moments[run[0]] - 100.0) * CARD_RATE))
            last = min(int((moments[run[-1]] - 100.0) * CARD_RATE), length)
            at = 100.0 + np.arange(first, last) / CARD_RATE
            sound[first:last] = np.interp(at, moments[run], samples[run]) / 32768
        resampled: Sound = soxr.resample(sound, CARD_RATE, RATE, "HQ")
        return resampled

    def frames(
        self, recorded: Sound, loudspeaker: Loudspeaker, late_s: float = LATE_S
    ) -> Iterator[RawFrame]:
        """The microphone's frames, each when the notes up to then are there."""
        made = iter([*self.notes.made, (np.inf, None)])
        when, note = next(made)
        samples = np.rint(np.clip(recorded, -1, 1) * 32767).astype(np.int16)
        for number in range(len(samples) // FRAME):
            at = 100.0 + number * FRAME_S
            while when <= at + late_s and note is not None:
                loudspeaker.note(note)
                when, note = next(made)
            yield RawFrame(samples[number * FRAME : (number + 1) * FRAME], number * FRAME, at)


def echo_of(
    sound: Sound, delay_s: float, echo_s: float = 0.3, level: float = 0.1, drive: float = 1.0
) -> Sound:
    """As it comes to a microphone: an amplifier that saturates, a delay, walls."""
    chance = np.random.default_rng(9)
    length = round(echo_s * RATE)
    walls = chance.normal(size=length) * 10 ** (-3 * np.arange(length) / length)
    walls[: length // 50] = 0
    path = np.concatenate([[1.0], 0.7 * walls / np.sqrt(np.sum(walls**2))])
    loud = np.tanh(sound * drive) / drive
    count = 1 << int(np.ceil(np.log2(len(sound) + len(path) + delay_s * RATE)))
    turned = np.exp(-2j * np.pi * np.fft.rfftfreq(count) * delay_s * RATE)
    both = np.fft.rfft(loud, count) * np.fft.rfft(path, count) * turned
    echo: Sound = np.fft.irfft(both, count)[: len(sound)]
    return level * echo / np.sqrt(np.mean(echo[np.abs(echo) > 1e-3] ** 2))


def noise(count: int, level_db: float = -66.0) -> Sound:
    return np.random.default_rng(4).normal(size=count) * 10 ** (level_db / 20)
