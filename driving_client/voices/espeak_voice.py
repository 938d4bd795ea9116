# SPDX-License-Identifier: Apache-2.0
"""espeak-ng's voices: one a language, and variants that make a woman or another man of it.

Which variant is taken for whom was decided by measuring: of those that are no joke and no whisper,
f3 and m3 have the liveliest melody (its standard deviation is 2 semitones, that of plain
espeak-ng 1.5; people reading aloud have 2.7 and more, Traunmüller and Eriksson 1995).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from driving_client.voices.espeak import languages, synthesise, variants
from driving_client.voices.level import levelled
from driving_client.voices.speech import Speech, UnknownVoiceError

VARIANTS: Final = {"female": "f3", "male": "m3"}
SEXES: Final = {variant: sex for sex, variant in VARIANTS.items()}

_WORDS_PER_MINUTE: Final = 165
_OWN_PITCH: Final = 50
_MEANS: Final = {"f3": 213.0, "m3": 106.0}
"""Hz at _OWN_PITCH: the mean over English, French, Spanish, Italian and German. A dozen other
languages are within 8 % of it."""
_LOWER: Final = {"vi": 0.76, "yue": 0.8, "zh": 0.82, "cmn": 0.82}
"""Tone languages that espeak-ng speaks lower: times that mean."""
_PITCHES: Final = (20, 35, 50, 65, 80, 95)
_FACTORS: Final = (0.785, 0.88, 1.0, 1.15, 1.33, 1.56)
"""What those settings make of the mean, measured with f3 and m3."""


@dataclass(frozen=True, slots=True)
class EspeakVoice:
    """Implements choice.Voice. `name` is the language, and a plus and the variant if any.

    `file` is what espeak-ng calls it; `pitch` in Hz, 0 for the variant's own.
    """

    name: str
    language: str
    file: str
    pitch: float = 0.0

    def speak(self, text: str) -> Speech:
        """See choice.Voice."""
        speech = synthesise(text, self.file, _WORDS_PER_MINUTE, self._setting())
        return replace(speech, samples=levelled(speech.samples, speech.sample_rate))

    def _setting(self) -> int:
        mean = _MEANS.get(self.file.partition("+")[2])
        if not self.pitch or mean is None:
            return _OWN_PITCH
        mean *= _LOWER.get(self.language.partition("-")[0], 1.0)
        return round(float(np.interp(self.pitch / mean, _FACTORS, _PITCHES)))


def by_language(language: str, sex: str, pitch: float) -> EspeakVoice | None:
    """The voice of a language (a BCP 47 tag) that fits; None where there is none.

    A tag that espeak-ng does not have is read without its last part: de-AT is de.
    """
    known = languages()
    parts = language.lower().replace("_", "-").split("-")
    while parts and "-".join(parts) not in known:
        parts.pop()
    if not parts:
        return None
    found = "-".join(parts)
    variant = VARIANTS.get(sex)
    suffix = f"+{variant}" if variant else ""
    return EspeakVoice(found + suffix, found, known[found] + suffix, pitch)


def by_name(name: str) -> EspeakVoice | None:
    """The voice such as "de+f2" or "gmw/en-US+m3"; None where there is none.

    Raises UnknownVoiceError for a variant that espeak-ng does not have, which it would ignore.
    """
    base, plus, variant = name.partition("+")
    known = languages()
    files = {file.lower(): language for language, file in known.items()}
    language = base.lower() if base.lower() in known else files.get(base.lower())
    if language is None:
        return None
    if not plus:
        return EspeakVoice(language, language, known[language])
    exact = next((each for each in variants() if each.lower() == variant.lower()), None)
    if exact is None:
        told = ", ".join(variants())
        raise UnknownVoiceError(
            f"espeak-ng has no variant {variant!r:.80} of {base}; it has {told}"
        )
    return EspeakVoice(f"{language}+{exact}", language, f"{known[language]}+{exact}")
