# SPDX-License-Identifier: Apache-2.0
"""Speech of a voice in Piper's format that the operator brought.

Text becomes phonemes in IPA by the espeak-ng that is there anyway, sentence by sentence; the model
(VITS) makes sound of their signs. Measured with a "medium" voice on one desktop core: 120 ms for a
second of speech, 0.25 GB of memory. The lips follow the lengths that the model gives each sign; of
a model that does not tell them, the lips are heard in its sound.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from driving_client.errors import SpeechError
from driving_client.utterance import Samples
from driving_client.voices.espeak import in_ipa
from driving_client.voices.ipa import to_phonemes
from driving_client.voices.level import levelled
from driving_client.voices.piper_file import PiperFile
from driving_client.voices.speech import Phoneme, Speech, checked

_SENTENCE: Final = re.compile(r"(?<=[.!?\u2026])\s+")
_CLAUSE: Final = re.compile(r"([.,;:!?\u2026]+)(?=\s|$)")
_MARKED: Final = re.compile(r"\([^()]*\)")
"""Where espeak-ng changes the language, "(en)": no sound."""
_BEHIND_S: Final = 0.015
"""How far the model's times lie behind its sound, where the pads are counted to what follows them.
Against phones that pocketsphinx aligned with 20 sentences, closures of p b m then have an F1 of
1.00; 0.92 without this, 0.74 where pads are counted to what precedes them, 0.67 by the speech
model."""
_BETWEEN_S: Final = 0.2
_TAIL_S: Final = 0.3
"""Silence after a sentence, and after the last one: a mouth needs time to close."""


@dataclass(frozen=True, slots=True, eq=False)
class PiperVoice:
    """Implements choice.BroughtVoice. `sex` is empty where only its name asks for it."""

    file: PiperFile
    sex: str

    @property
    def name(self) -> str:
        """See choice.Voice."""
        return self.file.name

    @property
    def language(self) -> str:
        """See choice.Voice."""
        return self.file.language

    def speak(self, text: str) -> Speech:
        """See choice.Voice."""
        sounds: list[Samples] = []
        phonemes: list[Phoneme] = []
        rate, length = self.file.sample_rate, 0
        for sentence in _SENTENCE.split(checked(text)):
            signs = self._signs(sentence)
            if not signs:
                continue
            sound, lengths = self._sound(signs)
            pause = np.zeros(round(_BETWEEN_S * rate), np.int16)
            if lengths is not None:
                phonemes += to_phonemes(zip(signs, lengths, strict=True), length / rate)
            sounds += [sound, pause]
            length += len(sound) + len(pause)
            if phonemes:
                phonemes.append(Phoneme("_", (length - len(pause)) / rate, length / rate))
        if not sounds:
            raise SpeechError(
                f"the voice {self.name!r} made no sound from this text; it holds nothing that it "
                "can speak"
            )
        sounds.append(np.zeros(round((_TAIL_S - _BETWEEN_S) * rate), np.int16))
        samples = np.concatenate(sounds)
        if phonemes:
            phonemes[-1] = Phoneme("_", phonemes[-1].start, len(samples) / rate)
        return Speech(levelled(samples, rate), rate, tuple(phonemes))

    def _signs(self, sentence: str) -> list[str]:
        """The signs of a sentence that the model knows, empty where nothing of it sounds."""
        pieces = _CLAUSE.split(sentence)
        signs, sounds = ["^"], False
        for clause, stop in zip(pieces[::2], [*pieces[1::2], ""], strict=True):
            spoken = (
                _MARKED.sub("", in_ipa(clause, self.file.espeak_voice)) if clause.strip() else ""
            )
            known = [s for s in unicodedata.normalize("NFD", spoken) if s in self.file.ids]
            sounds = sounds or bool(known)
            mark = "." if stop[:1] == "\u2026" else stop[:1]
            signs += [*known, *([mark, " "] if mark in self.file.ids else [])]
        while signs[-1] == " ":
            signs.pop()
        return [*signs, "$"] if sounds else []

    def _sound(self, signs: list[str]) -> tuple[Samples, list[float] | None]:
        """Sound of a sentence, and the seconds of each sign where the model tells them."""
        pad = self.file.ids["_"]
        groups = [[*(pad if sign != "^" else []), *self.file.ids[sign]] for sign in signs]
        ids = np.array([[each for group in groups for each in group]], np.int64)
        feed: dict[str, Any] = {
            "input": ids,
            "input_lengths": np.array([ids.shape[1]], np.int64),
            "scales": np.array(self.file.scales, np.float32),
        }
        if self.file.speakers > 1:
            feed["sid"] = np.zeros(1, np.int64)
        try:
            output, *more = self.file.session.run(None, feed)
            sound = np.clip(np.asarray(output, np.float32).reshape(-1), -1.0, 1.0)
            if not np.isfinite(sound).all():
                raise ValueError("its sound is no numbers")
            frames = np.asarray(more[-1] if self.file.times else [], np.float64).reshape(-1)
        except Exception as error:  # onnxruntime's own, of no common root; numpy's
            raise SpeechError(f"the voice {self.name!r} failed: {error!s:.200}") from error
        samples = np.asarray(np.rint(sound * 32767.0), np.int16)
        if len(frames) != ids.shape[1] or not 0.0 < frames.sum() < np.inf:
            return samples, None
        ends = np.cumsum(frames)[np.cumsum([len(group) for group in groups]) - 1]
        ends *= len(samples) / frames.sum() / self.file.sample_rate
        ends[:-1] = np.maximum(ends[:-1] - _BEHIND_S, 0.0)
        return samples, [float(each) for each in np.diff(ends, prepend=0.0)]
