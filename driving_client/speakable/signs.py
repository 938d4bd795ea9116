# SPDX-License-Identifier: Apache-2.0
"""Signs that a voice would name one by one: pictures are left out, the few that are said are words.

A voice says "grinning face with smiling eyes" for an emoji and "asterisk" for a star. What is
between words as ordinary punctuation stays, for voices pause at it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from typing import Final

from driving_client.speakable.figures import Rule
from driving_client.speakable.wording import Wording

_EMOTICONS: Final = re.compile(r"(?<![^\s(])[:;=8][-^o']?[)(DPpOo3/|\\*](?![^\s.,!?)])|<3(?!\d)")
_LETTERLIKE: Final = "°№℃℉"
_PICTURE_PARTS: Final = "\u200d\ufe0e\ufe0f\u20e3\u200b\u2060\ufeff\u00ad"
_ARROWS: Final = "→⇒➔➜⟶"
_KEPT_SIGNS: Final = frozenset("$+<=>^`|~¢£¥€₹±×÷≈≠≤≥−")


def without_pictures(text: str) -> str:
    """The text without emoji, ornaments, invisible marks and smileys made of punctuation."""
    if text.isascii() and not _EMOTICONS.search(text):
        return text
    text = re.sub(f" ?[{_ARROWS}] ?", ", ", text)
    parts = []
    for letter in text:
        if letter in _PICTURE_PARTS:
            continue
        parts.append(" " if _is_picture(letter) else letter)
    return _EMOTICONS.sub("", "".join(parts))


def _is_picture(letter: str) -> bool:
    if letter.isascii() or letter in _LETTERLIKE:
        return False
    kind = unicodedata.category(letter)
    if kind == "Sm":
        return letter not in _KEPT_SIGNS
    return kind in ("So", "Sk", "Co", "Cn", "Cs")


def words_for_signs(wording: Wording) -> list[Rule]:
    """Signs that people say as words, once numbers have theirs."""
    words = wording.words

    def word(name: str) -> Callable[[re.Match[str]], str]:
        return lambda _: f" {words[name]} "

    return [
        (re.compile(r"(?<=\w) ?& ?(?=\w)| & "), word("and")),
        (re.compile(r"(?<=[\w)]) \+ (?=\w)"), word("plus")),
        (re.compile(r"(?<=\w) ?± ?(?=\w)| ?±"), lambda _: f" {words['plus']} {words['minus']} "),
        (re.compile(r" [<≤] (?=\w)"), word("less")),
        (re.compile(r" [>≥] (?=\w)"), word("more")),
        (re.compile(r" (?:!=|≠) "), word("not")),
        (re.compile(r"(?<=\w)@(?=\w)"), word("at")),
    ]


def silent_signs(text: str) -> str:
    """The text without signs that are neither words nor punctuation."""
    text = re.sub(r"(?<=\w)[/\\|](?=\w)", " ", text)
    text = re.sub(r"(?<=\w)_+(?=\w)", " ", text)
    text = re.sub(r"[*_`~#|^\\<>{}=•·@←↑↓]+", " ", text)
    return re.sub(r"[\u00a0\u202f\u2009]", " ", text)
