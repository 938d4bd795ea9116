# SPDX-License-Identifier: Apache-2.0
"""Whether a voice can read the letters of a text, and which language can where it cannot.

espeak-ng spells letters of a script that a voice does not speak ("Chinese letter, Chinese letter"),
and flite leaves them out, so that such a text is refused.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Callable, Collection
from typing import Final

from driving_client.errors import SpeechError

_SCRIPTS: Final = {
    "am": "ETHIOPIC", "ar": "ARABIC", "as": "BENGALI", "ba": "CYRILLIC", "be": "CYRILLIC",
    "bg": "CYRILLIC", "bn": "BENGALI", "bpy": "BENGALI", "chr": "CHEROKEE", "cmn": "CJK",
    "cv": "CYRILLIC", "el": "GREEK", "fa": "ARABIC", "grc": "GREEK", "gu": "GUJARATI",
    "hak": "CJK", "he": "HEBREW", "hi": "DEVANAGARI", "hy": "ARMENIAN", "hyw": "ARMENIAN",
    "ja": "HIRAGANA KATAKANA CJK", "ka": "GEORGIAN", "kk": "CYRILLIC", "kn": "KANNADA",
    "ko": "HANGUL CJK", "kok": "DEVANAGARI", "ky": "CYRILLIC", "mk": "CYRILLIC",
    "ml": "MALAYALAM", "mr": "DEVANAGARI", "my": "MYANMAR", "ne": "DEVANAGARI",
    "nog": "CYRILLIC", "or": "ORIYA", "pa": "GURMUKHI", "ru": "CYRILLIC", "sd": "ARABIC",
    "shn": "MYANMAR", "si": "SINHALA", "sr": "CYRILLIC", "ta": "TAMIL", "te": "TELUGU",
    "th": "THAI", "tt": "CYRILLIC", "ug": "ARABIC", "uk": "CYRILLIC", "ur": "ARABIC",
    "yue": "CJK", "zh": "CJK",
}  # fmt: skip
"""What espeak-ng's voices read besides Latin, by language: first words of Unicode's names."""

_TOLD: Final = {
    "CJK": "Chinese",
    "HANGUL": "Korean",
    "HIRAGANA": "Japanese",
    "KATAKANA": "Japanese",
}

_FIRST_TRIED: Final = {
    "ARABIC": "ar fa ur", "CJK": "cmn zh yue ja", "CYRILLIC": "ru uk bg sr",
    "DEVANAGARI": "hi mr ne",
    "ETHIOPIC": "am", "HIRAGANA": "ja", "KATAKANA": "ja",
}  # fmt: skip
"""Languages of a script that several share, the one with most speakers first."""


def refuse_foreign_letters(text: str, language: str, spoken: Callable[[], Collection[str]]) -> None:
    """Raise SpeechError where `text` holds letters that a voice of `language` does not read.

    `language` may be the name of an espeak-ng voice; one that tells no language reads all.
    The error names a language that reads the text, of those that are `spoken` by some voice here.
    One Greek letter alone is a name, not a word.
    """
    foreign = _foreign_letters(text, language)
    if not foreign:
        return
    script = _script_of(foreign)
    told = f"a voice of {language!r} cannot read {_TOLD.get(script, script.title())} such as "
    known = spoken()
    readers = [
        code
        for code in (*_FIRST_TRIED.get(script, "").split(), *_SCRIPTS)
        if script in _SCRIPTS[code].split() and code in known
    ]
    if readers:
        raise SpeechError(
            f"{told}{foreign!r}; take the voice {readers[0]!r}, or send the sound itself"
        )
    raise SpeechError(f"{told}{foreign!r}, nor does any voice here; send the sound itself")


def language_of(voice: str) -> str:
    """Of `en-us+f3` or `gmw/en-US` it is `en`; empty where the voice's name does not tell it."""
    code = re.split(r"[-+_]", voice.rpartition("/")[2].lower())[0]
    return code if re.fullmatch("[a-z]{2,3}", code) and code != "mb" else ""


def _foreign_letters(text: str, voice: str) -> str:
    """The first word in letters that the voice does not read; one Greek letter alone is a name."""
    language = language_of(voice)
    if not language:
        return ""
    known = {"LATIN", "", *_SCRIPTS.get(language, "").split()}
    for word in re.findall(r"[^\W\d_]+", text):
        scripts = [_script_of(letter) for letter in word]
        foreign = "".join(
            letter for letter, script in zip(word, scripts, strict=True) if script not in known
        )
        if foreign and not (len(foreign) == 1 and "GREEK" in scripts):
            return foreign[:20]
    return ""


@functools.lru_cache(4096)
def _script_of(letters: str) -> str:
    """The script of the first letter that has one, as Unicode names it."""
    for letter in unicodedata.normalize("NFKC", letters):
        if unicodedata.category(letter) in ("Lu", "Ll", "Lt", "Lo"):
            return unicodedata.name(letter, "unknown").split()[0]
    return ""
