# SPDX-License-Identifier: Apache-2.0
"""What the synthetic voices say: sentences of Debian's fortunes, and sentences of a kiosk.

The fortunes bring variety, the templates the words of a kiosk with many p, b, m, f and v.
None of the sentences of `held_out` may be among them; a test holds them against each other.
Other languages have no such collection for all of them, but the names of the world's countries,
places and languages in each (Debian's iso-codes): rows of these make their sounds meet.
"""

from __future__ import annotations

import gettext
import itertools
import json
import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from driving_client.errors import SpeechError

_FORTUNES: Final = Path("/usr/share/games/fortunes")
_FILES: Final = (
    "computers", "cookie", "education", "food", "fortunes", "humorists", "kids", "law",
    "literature", "love", "medicine", "miscellaneous", "news", "people", "pets", "platitudes",
    "politics", "science", "sports", "startrek", "wisdom", "work",
)  # fmt: skip
_WORDS: Final = (4, 16)
_NAMES: Final = Path("/usr/share/iso-codes/json")
_TRANSLATIONS: Final = Path("/usr/share/locale")
_LISTS: Final = ("iso_3166-1", "iso_639-2")
_NAMES_IN_A_ROW: Final = (3, 6)

_OPENINGS: Final = (
    "welcome to", "please visit", "you can find", "the map shows", "we open",
    "have a look at", "maybe you prefer", "bring your family to", "follow the purple line to",
    "people above us love",
)  # fmt: skip
_PLACES: Final = (
    "the museum shop", "platform five", "our information desk", "the bathroom near the elevator",
    "the coffee bar", "the top floor", "room number twelve", "the big blue fountain",
    "the family pavilion", "the swimming pool",
)  # fmt: skip
_ENDINGS: Final = (
    "before noon", "in five minutes", "when you wish", "for a small fee",
    "from Monday to Friday", "with pleasure", "if you move quickly", "until half past seven",
    "by the February programme", "without waiting",
)  # fmt: skip


def training_sentences(seed: int) -> list[str]:
    """About nine thousand sentences in random but repeatable order.

    Raises SpeechError where Debian's package fortunes is missing.
    """
    templates = [
        f"{first} {place} {last}."
        for first, place, last in itertools.product(_OPENINGS, _PLACES, _ENDINGS)
    ]
    sentences = sorted(set(_fortunes()) | set(templates))
    random.Random(seed).shuffle(sentences)
    return sentences


def names_of(language: str, seed: int) -> Iterator[str]:
    """Rows of names in a language of iso-codes ("de", "ar"), without end, repeatable.

    Raises SpeechError where Debian's package iso-codes, or the language in it, is missing.
    """
    names: set[str] = set()
    for kind in _LISTS:
        try:
            (entries,) = json.loads((_NAMES / f"{kind}.json").read_text(encoding="utf-8")).values()
            translated = gettext.translation(kind, _TRANSLATIONS, [language]).gettext
        except OSError as error:
            raise SpeechError(
                f"the names of {kind} in the language {language!r} are missing ({error}); install "
                "them, on Debian with `apt install iso-codes`"
            ) from error
        names |= {translated(entry["name"]) for entry in entries}
    words = sorted(name for name in map(_spoken, names) if name)
    draw = random.Random(f"{seed} {language}")
    while True:
        yield draw.choice((" ", ", ")).join(draw.sample(words, draw.randint(*_NAMES_IN_A_ROW)))


def _spoken(name: str) -> str:
    """A name up to what only explains it: "Man, Isle of" and "Gaelic (Scottish)" are cut."""
    plain = re.split(r"[,;(/\d]", name)[0].strip()
    return plain if len(plain) <= 40 else ""


def _fortunes() -> list[str]:
    sentences = []
    for name in _FILES:
        path = _FORTUNES / name
        if not path.exists():
            raise SpeechError(
                f"{path} is missing; install it, on Debian with `apt install fortunes`"
            )
        for fortune in path.read_text(encoding="utf-8", errors="ignore").split("\n%\n"):
            plain = re.sub(r"\s+", " ", fortune.split("--")[0])
            sentences += re.split(r"(?<=[.!?;:]) ", plain)
    return [s for s in (sentence.strip(" \"'") for sentence in sentences) if _usable(s)]


def _usable(sentence: str) -> bool:
    """Plain words only: abbreviations and numbers are read differently by every voice."""
    least, most = _WORDS
    return (
        re.fullmatch(r"[A-Za-z ,.'!?;:-]+", sentence) is not None
        and re.search(r"[A-Z]{2}", sentence) is None
        and least <= len(sentence.split()) <= most
    )
