# SPDX-License-Identifier: Apache-2.0
"""The training corpus: sentences of synthetic voices as log-mel frames with labels.

Natural voices that ship with Debian are few, so each sentence is used at three speeds by
resampling: pitch, formants and tempo move together, and men's voices reach a woman's range. Many
more speakers come from a neural voice (`kokoro`); as making them takes longest, there are fewer
sentences of theirs, and training draws each of them more often.
Every third copy is clipped, which spectra alone cannot imitate, and in another third vowels are
held; all other disturbances are the business of `augmentation`, anew at each step of training.
Labels come from the times that the synthesisers print.

The corpus is the same bit by bit, whatever the number of processes: every job draws from a
generator of its own, seeded by its place, and runs in a process of its own, for what
libespeak-ng says depends on what it has said before (26 of its 42 jobs differed between two
runs with lasting processes, none with fresh ones).
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import soxr
from numpy.typing import NDArray

from driving_client.errors import SpeechError
from driving_client.lipsync.coarticulation import mouth_controls
from driving_client.lipsync.log_mel import log_mel
from driving_client.motion import FloatArray
from driving_client.utterance import Samples
from driving_client.voices.espeak import synthesise
from driving_client.voices.flite import speak_flite
from driving_client.voices.speech import Phoneme, Speech
from lipsync_training.festival import speak_festival
from lipsync_training.held_vowels import held, sing
from lipsync_training.kokoro import speak_kokoro
from lipsync_training.kokoro_files import speakers
from lipsync_training.texts import names_of, training_sentences

LABEL_RATE: Final = 50.0
_RATE: Final = 16000
_SENTENCES_PER_JOB: Final = 20
_PEAK: Final = 0.6
_SHORTEST_S: Final = 0.5
_BETWEEN_TWO: Final = 0.5


@dataclass(frozen=True, slots=True)
class Voice:
    """A voice of a synthesiser ("flite", "festival", "espeak", "kokoro"; "sung" needs none).

    `language` is that of the `sentences`, as iso-codes names it, "en" for `training_sentences`;
    `weight` how many times as often as others' a second of it is drawn in training.
    """

    engine: str
    name: str
    sentences: int
    language: str = "en"
    weight: float = 1.0


_VARIANTS: Final = (
    "f1", "f2", "f3", "f4", "f5", "m1", "m3", "m7", "klatt2", "klatt4", "Annie", "steph", "linda",
)  # fmt: skip
_LANGUAGES: Final = ("ar", "de", "es", "fr", "hi", "it", "ko", "pl", "pt", "ru", "tr", "vi")
VOICES: Final = (
    Voice("flite", "awb", 620),
    Voice("flite", "rms", 620),
    Voice("flite", "kal16", 240),
    Voice("festival", "ked_diphone", 240),
    Voice("festival", "lp_diphone", 240),
    Voice("festival", "pc_diphone", 160),
    Voice("festival", "czech_dita", 240),
    Voice("festival", "czech_krb", 160),
    Voice("festival", "czech_machac", 120),
    Voice("festival", "upc_ca_ona_hts", 160),
    *(Voice("espeak", f"en-us+{variant}", 40) for variant in _VARIANTS),
    *(Voice("espeak", f"en-gb-x-rp+{variant}", 40) for variant in ("f2", "f4", "m2", "anika")),
    # The rules of other languages on the same text: other rhythms and other vowels.
    *(Voice("espeak", name, 40) for name in ("fr+f2", "it+f3", "nl+m3", "sv+f4")),
    *(
        Voice("espeak", f"{language}+{variant}", 20, language)
        for language in _LANGUAGES
        for variant in ("f2", "m3")
    ),
    Voice("sung", "vowels", 60, weight=3.0),
    Voice("kokoro", "everybody", 640, weight=7.0),
)


@dataclass(frozen=True, slots=True, eq=False)
class Example:
    """One sentence: mel (frames, 40) at 100 Hz, labels (frames // 2, 6) at 50 Hz, float16."""

    mel: NDArray[np.float16]
    labels: NDArray[np.float16]
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class _Job:
    voice: Voice
    sentences: tuple[str, ...]
    seed: tuple[int, int]


def make_corpus(
    seed: int,
    processes: int,
    report: Callable[[str], None],
    voices: Sequence[Voice] = VOICES,
) -> list[Example]:
    """All examples, in an order that depends on the seed alone; `report` gets progress.

    Raises SpeechError where a synthesiser or the text is missing.
    """
    jobs = list(_jobs(seed, voices))
    examples: list[Example] = []
    # spawn, and a process for each job: libespeak-ng's state goes on from job to job.
    with multiprocessing.get_context("spawn").Pool(processes, maxtasksperchild=1) as pool:
        for done, part in enumerate(pool.imap(_run, jobs), 1):
            examples += part
            minutes = sum(len(e.mel) for e in examples) / 6000.0
            report(f"speaking: part {done} of {len(jobs)}, {minutes:.0f} minutes")
    return examples


def _jobs(seed: int, voices: Sequence[Voice]) -> Iterator[_Job]:
    texts = {"en": iter(training_sentences(seed))}
    place = 0
    for voice in voices:
        left = voice.sentences
        if voice.language not in texts:
            texts[voice.language] = names_of(voice.language, seed)
        while left > 0:
            count = min(left, _SENTENCES_PER_JOB)
            yield _Job(
                voice, tuple(next(texts[voice.language]) for _ in range(count)), (seed, place)
            )
            left -= count
            place += 1


def _run(job: _Job) -> list[Example]:
    rng = np.random.default_rng(job.seed)
    examples = []
    for speech in _speak(job, rng):
        if speech.seconds >= _SHORTEST_S and len(speech.phonemes) >= 5:
            speeds = (1.0, float(rng.uniform(0.86, 0.97)), float(rng.uniform(1.05, 1.24)))
            clipped, lasting = rng.choice(3, 2, replace=False)
            for index, speed in enumerate(speeds):
                gain_db = float(rng.uniform(6.0, 20.0)) if index == clipped else 0.0
                mel, labels = _frames(speech, speed, gain_db)
                if index == lasting and job.voice.engine != "sung":
                    mel, labels = held(mel, labels, rng)
                examples.append(
                    Example(mel.astype(np.float16), labels.astype(np.float16), job.voice.weight)
                )
    return examples


def _speak(job: _Job, rng: np.random.Generator) -> list[Speech]:
    engine, name = job.voice.engine, job.voice.name
    if engine == "festival":
        return speak_festival(job.sentences, name, float(rng.uniform(0.9, 1.2)))
    if engine == "flite":
        return [
            speak_flite(text, name, duration_stretch=float(rng.uniform(0.85, 1.25)))
            for text in job.sentences
        ]
    if engine == "sung":
        return [sing(rng) for _ in job.sentences]
    if engine == "kokoro":
        return [_as_somebody(text, rng) for text in job.sentences]
    if engine != "espeak":
        raise SpeechError(
            f"no synthesiser {engine!r}; take flite, festival, espeak, kokoro or sung"
        )
    return [
        synthesise(text, name, int(rng.integers(125, 185)), int(rng.integers(30, 75)))
        for text in job.sentences
    ]


def _as_somebody(text: str, rng: np.random.Generator) -> Speech:
    """Any of Kokoro's speakers, or one between two of them, at any usual speed."""
    first, second = rng.choice(speakers(), 2, replace=False)
    share = float(rng.uniform(0.15, 0.5)) if rng.random() < _BETWEEN_TWO else 0.0
    return speak_kokoro(text, first, second, share, float(rng.uniform(0.85, 1.25)))


def _frames(speech: Speech, speed: float, gain_db: float) -> tuple[FloatArray, FloatArray]:
    """Log-mel frames (n, 40) and labels (n // 2, 6) of `speech` at `speed`.

    Its peak is `gain_db` above the common level: cut off where too loud.
    """
    voice = speech.samples.astype(np.float32) / 32768.0
    if speed != 1.0 or speech.sample_rate != _RATE:
        voice = soxr.resample(voice, speech.sample_rate * speed, _RATE, quality="MQ")
    level = _PEAK * 10.0 ** (gain_db / 20.0) / max(float(np.abs(voice).max()), 1e-3)
    samples: Samples = (np.clip(voice * level, -1.0, 1.0) * 32767.0).astype(np.int16)
    mel = log_mel(samples, _RATE)
    phonemes = [Phoneme(p.name, p.start / speed, p.end / speed) for p in speech.phonemes]
    labels = mouth_controls(phonemes, len(mel) // 2, LABEL_RATE)
    return mel[: 2 * len(labels)], labels
