# SPDX-License-Identifier: Apache-2.0
"""Signs of the International Phonetic Alphabet to espeak-ng's mnemonics, for the lips.

Sign by sign, as Piper's models are fed: a diphthong is two vowels with a time each, an affricate
two consonants. Left out are distinctions that no lip shows (aspiration, nasality, palatalisation);
their signs belong to the sound before them, as the length mark does.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from driving_client.voices.speech import Phoneme

PAUSES: Final = frozenset("^$.,;:!?")
_BEFORE: Final = frozenset("ˈˌ")
"""Stress marks: the time that a model gives them is the following vowel's."""

_PLAIN: Final = "abdefhijklmnopstuvwxyz"
_MNEMONICS: Final = {
    **{letter: letter for letter in _PLAIN},
    "i": "i:", "u": "u:", "ɪ": "I", "ᵻ": "I", "ɨ": "I", "ʊ": "U", "ʏ": "y",
    "ʉ": "u:", "ɯ": "I", "ɛ": "E", "æ": "a", "ɑ": "A:", "ɒ": "0",
    "ɔ": "O", "ɤ": "V", "ʌ": "V", "ɐ": "@", "ə": "@", "ɘ": "@",
    "ɜ": "3:", "ɝ": "3:", "ɚ": "3", "ɞ": "3", "ø": "Y", "œ": "W",
    "ɶ": "W", "ɵ": "W", "β": "b", "ɸ": "f", "ʋ": "v", "ɱ": "m",
    "θ": "T", "ð": "D", "ʃ": "S", "ʒ": "Z", "ɕ": "S", "ʑ": "Z",
    "ʂ": "S", "ʐ": "Z", "ɡ": "g", "ɢ": "g", "ɣ": "x", "χ": "x",
    "ç": "C", "c": "k", "ɟ": "g", "ʡ": "k", "q": "q", "ŋ": "N", "ɲ": "n",
    "ɳ": "n", "ɴ": "N", "ɹ": "r", "ɻ": "r", "ɾ": "d", "ʀ": "x", "ʁ": "x", "ɫ": "l",
    "ɭ": "l", "ʎ": "l", "ʟ": "l", "ɬ": "l",
    "ɖ": "d", "ʈ": "t", "ɥ": "w", "ʍ": "w", "ħ": "h", "ɦ": "h",
    "ʕ": "h",
}  # fmt: skip


def to_phonemes(signs: Iterable[tuple[str, float]], start: float = 0.0) -> list[Phoneme]:
    """Phonemes from signs and their lengths in seconds, in order and without gaps.

    A sign without a mnemonic of its own lengthens the sound before it, a stress mark the one
    after it; one without a length is left out. `start` is when the first sign begins.
    """
    phonemes: list[Phoneme] = []
    now = begun = start
    for sign, length in signs:
        if not length:
            continue
        now += length
        name = "_" if sign in PAUSES else _MNEMONICS.get(sign)
        if name is None and sign in _BEFORE:
            continue
        if phonemes and (name is None or name == phonemes[-1].name == "_"):
            phonemes[-1] = Phoneme(phonemes[-1].name, phonemes[-1].start, now)
        else:
            phonemes.append(Phoneme(name or "_", begun, now))
        begun = now
    return phonemes
