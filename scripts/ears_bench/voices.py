# SPDX-License-Identifier: Apache-2.0
"""Who speaks in the simulated rooms: the kiosk, four visitors, and a crowd that babbles.

Visitors say sentences of some 1.5 s. Two of their voices are flite's, two espeak-ng's; the kiosk
has the voice that it has as it comes. Synthesised voices are more even than people: where recorded
prompts are installed (Debian's asterisk-core-sounds-en-g722) they are a fifth visitor.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

import numpy as np
import soxr
from numpy.typing import NDArray

from alive_bench.sentences import SENTENCES
from bench_lipsync.prompts import RATE as PROMPT_RATE
from bench_lipsync.prompts import decode
from driving_client.voices.choice import Voices
from driving_client.voices.espeak import synthesise
from driving_client.voices.flite import speak_flite
from ears_bench.voicing import active_frames, active_level_db, voiced_frames
from test_stand.rooms import RATE, Signal

PROMPTS: Final = Path("/usr/share/asterisk/sounds/en_US_f_Allison")
KIOSK_PEAK: Final = 0.9

_PAUSE_S: Final = 0.35
_CROWD: Final = 8
_STRETCH: Final = {"rms": 0.82, "awb": 0.95}
_SHORTEST_S: Final = 1.2
_LONGEST_S: Final = 1.9

TEXTS: Final = (
    "Where can I find the bus station?",
    "Do you have another one for me?",
    "When does the next train leave?",
    "I am looking for the library.",
    "Please wait, I have a question.",
    "How much is a ticket for two?",
    "Can you say that again, please?",
    "Is there a cafe in the building?",
    "My brother is over by the door.",
    "What time do you close tonight?",
    "Never mind, I found it already.",
    "Which way is it to the museum?",
    "Could you speak a little slower?",
    "We would like to see the garden.",
    "Thank you, that is all I need.",
)


@dataclass(frozen=True, slots=True, eq=False)
class Sentence:
    """Mono at RATE with an active level of 0 dB; its first voiced moment and its end in seconds.

    The end is that of the last 10 ms within 30 dB of its level, voiced or not.

    `text` is empty where it is not known.
    """

    voice: str
    text: str
    sound: Signal
    first_s: float
    last_s: float


VISITORS: Final[dict[str, Callable[[str], tuple[NDArray[np.int16], int]]]] = {
    "rms": lambda text: _flite(text, "rms"),
    "awb": lambda text: _flite(text, "awb"),
    "en-us+m3": lambda text: _espeak(text, "gmw/en-US+m3"),
    "en-gb+f3": lambda text: _espeak(text, "gmw/en-GB-x-rp+f3"),
}


@cache
def sentences(voice: str) -> tuple[Sentence, ...]:
    """What this visitor says, one after the other."""
    return tuple(sentence_of(voice, text, *VISITORS[voice](text)) for text in TEXTS)


@cache
def recorded_sentences() -> tuple[Sentence, ...]:
    """As many recorded prompts that are as long; none where they are not installed."""
    found: list[Sentence] = []
    for file in sorted(PROMPTS.glob("*.g722")):
        sentence = sentence_of("recorded", "", decode(file), PROMPT_RATE)
        if len(found) == len(TEXTS):
            break
        if _SHORTEST_S <= sentence.last_s - sentence.first_s <= _LONGEST_S:
            found.append(sentence)
    return tuple(found)


def sentence_of(voice: str, text: str, samples: NDArray[np.int16], rate: int) -> Sentence:
    """A sentence from what a voice made of it."""
    sound = soxr.resample(samples.astype(np.float32) / 32768, rate, RATE)
    sound = sound * 10 ** (-active_level_db(sound, RATE) / 20)
    first = np.flatnonzero(voiced_frames(sound))[0] / 100
    last = (np.flatnonzero(active_frames(sound, RATE))[-1] + 1) / 100
    return Sentence(voice, text, sound.astype(np.float32), first, last)


def kiosk_speech() -> Iterator[Signal]:
    """What the kiosk says, sentence by sentence without an end, at RATE; as loud as can be."""
    while True:
        for index in range(len(SENTENCES)):
            yield _kiosk_sentence(index)


@cache
def _kiosk_sentence(index: int) -> Signal:
    speech = Voices().choose().speak(SENTENCES[index])
    sound = soxr.resample(speech.samples.astype(np.float32), speech.sample_rate, RATE)
    pause = np.zeros(round(_PAUSE_S * RATE), np.float32)
    result: Signal = np.concatenate((sound * (KIOSK_PEAK / np.abs(sound).max()), pause))
    return result


def babble(seconds: float, seed: int = 3) -> Signal:
    """A crowd, all voices at once, with an active level of 0 dB."""
    rng = np.random.default_rng(seed)
    total = np.zeros(round(seconds * RATE), np.float32)
    names = list(VISITORS)
    for person in range(_CROWD):
        spoken = [each.sound for each in sentences(names[person % len(names)])]
        place = -round(rng.uniform(0, 3) * RATE)
        while place < len(total):
            sound = spoken[rng.integers(len(spoken))]
            low, high = max(place, 0), min(place + len(sound), len(total))
            if low < high:
                total[low:high] += sound[low - place : high - place]
            place += len(sound)
    level = float(10 * np.log10(np.mean(total**2)))
    return total * np.float32(10 ** (-level / 20))


def _flite(text: str, voice: str) -> tuple[NDArray[np.int16], int]:
    speech = speak_flite(text, voice, duration_stretch=_STRETCH[voice])
    return speech.samples, speech.sample_rate


def _espeak(text: str, voice: str) -> tuple[NDArray[np.int16], int]:
    speech = synthesise(text, voice, 165, 50)
    return speech.samples, speech.sample_rate
