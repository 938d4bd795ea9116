# SPDX-License-Identifier: Apache-2.0
"""What a voice makes of a text: sound, and the phonemes in it with their times.

Names of phonemes are espeak-ng's mnemonics whichever synthesiser spoke, because one table of
articulations (`lipsync.articulation`) serves them all.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from driving_client.errors import SpeechError
from driving_client.utterance import Samples

MAXIMUM_CHARACTERS: Final = 2000
"""Longest text taken at once: about two and a half minutes of speech."""


class SynthesiserMissingError(SpeechError):
    """A synthesiser's library or its data are not installed: nothing can be spoken by it here."""


class UnknownVoiceError(SpeechError):
    """Nobody here has that name or speaks that language."""


@dataclass(frozen=True, slots=True)
class Phoneme:
    """espeak-ng's mnemonic (stress marks removed) and its time in seconds of the audio."""

    name: str
    start: float
    end: float


@dataclass(frozen=True, slots=True, eq=False)
class Speech:
    """Mono audio and the phonemes in it, in order of time, covering the audio to its end.

    There are no phonemes where a voice tells none.
    """

    samples: Samples
    sample_rate: int
    phonemes: tuple[Phoneme, ...]

    @property
    def seconds(self) -> float:
        """Length of the audio."""
        return len(self.samples) / self.sample_rate


def checked(text: str) -> str:
    """The text without blanks at its ends; raises SpeechError for one that no voice can speak."""
    spoken = text.strip()
    if not spoken:
        raise SpeechError("the text is empty; give at least one word")
    if len(spoken) > MAXIMUM_CHARACTERS:
        raise SpeechError(
            f"the text has {len(spoken)} characters, at most {MAXIMUM_CHARACTERS} are accepted; "
            "split it into several requests"
        )
    if "\0" in spoken:
        raise SpeechError("the text holds a NUL character; remove it")
    return spoken
