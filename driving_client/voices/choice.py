# SPDX-License-Identifier: Apache-2.0
"""The voices that there are here, and which of them fits what was asked for.

A voice that the operator brought comes first, then flite's, which sound more like people than
espeak-ng does, then espeak-ng, which speaks a hundred languages. Sex goes before that: a woman
does not get a man's voice because it is the better one. Whoever wants it all the same names it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final, Protocol

from driving_client.voices import espeak, espeak_voice, flite
from driving_client.voices.flite import FliteVoice
from driving_client.voices.speech import Speech, SynthesiserMissingError, UnknownVoiceError
from driving_client.voices.wish import VoiceWish

DEFAULT: Final = VoiceWish(language="en-US", sex="female")
"""Who speaks where nobody has asked for anything: the default avatar is a woman."""


class Voice(Protocol):
    """Speaks; equal ones sound the same. `language` is a BCP 47 tag in small letters."""

    @property
    def name(self) -> str:
        """What a request may call it."""

    @property
    def language(self) -> str:
        """What it speaks."""

    def speak(self, text: str) -> Speech:
        """The sound of one piece of text and its timed phonemes; any thread, takes its time.

        Raises SpeechError for a text that it cannot speak, or where the synthesiser fails.
        """


class BroughtVoice(Voice, Protocol):
    """A voice from the operator's file."""

    @property
    def sex(self) -> str:
        """One of wish.SEXES, empty for one that speaks only where it is named."""


class Voices:
    """All that can speak here. Any thread."""

    def __init__(self, brought: Sequence[BroughtVoice] = ()) -> None:
        self._brought = {voice.name: voice for voice in brought}

    def choose(self, *wishes: VoiceWish) -> Voice:
        """The voice for what was asked, the most important wish first; DEFAULT stands behind them.

        What a wish leaves open the next one decides, but for a name, which says all about itself.
        Raises UnknownVoiceError with what there is, and SynthesiserMissingError.
        """
        wanted = DEFAULT
        for wish in map(self._understood, reversed(wishes)):
            if wish.name:
                wanted = wish
            elif wish != VoiceWish():
                before = self._named(wanted.name).language if wanted.name else wanted.language
                wanted = VoiceWish(
                    language=wish.language or before,
                    sex=wish.sex or wanted.sex,
                    pitch=wish.pitch or wanted.pitch,
                )
        return self._named(wanted.name) if wanted.name else self._fitting(wanted)

    def names(self) -> str:
        """What a request may call a voice, in words."""
        own = [*self._brought, *(flite.SEXES if flite.installed() else ())]
        told = "a language such as de, or one with a variant of espeak-ng such as de+f2"
        return f"{', '.join(own)}, {told}" if own else told

    def _understood(self, wish: VoiceWish) -> VoiceWish:
        """A name that is a language asks for that language, in the sex and pitch asked for."""
        if not wish.name or wish.name in self._brought or wish.name in flite.SEXES:
            return wish
        if wish.name.lower() in espeak.languages():
            return replace(wish, name="", language=wish.name)
        return wish

    def _named(self, name: str) -> Voice:
        if name in self._brought:
            return self._brought[name]
        if name in flite.SEXES:
            if not flite.installed():
                raise SynthesiserMissingError(f"{name} is a voice of flite; {flite.INSTALL}")
            return FliteVoice(name)
        voice = espeak_voice.by_name(name)
        if voice is None:
            raise UnknownVoiceError(f"there is no voice {name!r:.80}; take {self.names()}")
        return voice

    def _fitting(self, wish: VoiceWish) -> Voice:
        language = wish.language.lower().replace("_", "-")
        for voice in sorted(self._brought.values(), key=lambda each: each.language != language):
            if _same_language(voice.language, language) and voice.sex == wish.sex:
                return voice
        if language in ("en", flite.LANGUAGE) and flite.installed():
            name = next(name for name, sex in flite.SEXES.items() if sex == wish.sex)
            return FliteVoice(name, wish.pitch)
        spoken = espeak_voice.by_language(language, wish.sex, wish.pitch)
        if spoken is None:
            raise UnknownVoiceError(
                f"there is no voice for the language {wish.language!r:.80}; there are "
                f"{', '.join(espeak.languages())}"
            )
        return spoken


def _same_language(one: str, other: str) -> bool:
    """Whether they differ in their country at most."""
    return one.partition("-")[0] == other.partition("-")[0]
