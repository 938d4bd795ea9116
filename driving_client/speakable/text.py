# SPDX-License-Identifier: Apache-2.0
"""A text as people say it: without markup, with words in the place of figures and signs."""

from __future__ import annotations

import functools
import re
import unicodedata
from typing import Final

from driving_client.speakable import english, french, german, spanish
from driving_client.speakable.addresses import addresses, telephones
from driving_client.speakable.figures import Rule, ordinals, plain, spans, sums
from driving_client.speakable.letters import language_of
from driving_client.speakable.markup import tidy, without_markup
from driving_client.speakable.quantities import money, units
from driving_client.speakable.signs import silent_signs, without_pictures, words_for_signs
from driving_client.speakable.times_and_dates import dates, times
from driving_client.speakable.wording import Wording

_WORDINGS: Final = {
    module.WORDING.code: module.WORDING for module in (english, german, french, spanish)
}
LANGUAGES: Final = tuple(_WORDINGS)
"""Those whose figures, dates, units and abbreviations are said; others get no words for them."""

_MOST_PASSES: Final = 12
_ENDS_SENTENCE: Final = r"(?P<end>\s*$|(?=\s+[A-ZÀ-ÝÄÖÜ¿¡\"“„]|\n))"


def speakable(text: str, language: str) -> str:
    """What a voice of `language` ("en", "de-AT", "fr", …) is to say for a text made for the eye.

    Accepts any text; plain prose comes back as it was, and a second time changes nothing.
    """
    for _ in range(_MOST_PASSES):
        said = _once(text, language)
        if said == text:
            break
        text = said
    return text


def _once(text: str, language: str) -> str:
    plain_text = without_pictures(unicodedata.normalize("NFC", without_markup(text)))
    code, region = language_of(language), language.lower().partition("-")[2][:2]
    if code in _WORDINGS:
        for pattern, replacement in _rules(code, region):
            plain_text = pattern.sub(replacement, plain_text)
    plain_text = silent_signs(plain_text)
    return plain_text if plain_text == text else _settled(plain_text)


def _settled(text: str) -> str:
    """Blanks and commas that were left behind."""
    text = re.sub(r"[ \t]+([,.;:!?…)](?:\s|$))", r"\1", text)
    text = re.sub(r"([,;:])(?:[ \t]*[,;])+", r"\1", text)
    text = re.sub(r"\([ \t]*\)|\[[ \t]*\]", "", text)
    return tidy(text)


@functools.cache
def _rules(code: str, region: str) -> tuple[Rule, ...]:
    wording = _WORDINGS[code]
    return (
        (re.compile(r"(?<=\d)[\u00a0\u202f\u2009](?=\d{3}(?!\d))"),
         lambda _: wording.thousands[0]),
        (re.compile(r"(?<=\d)[\u00a0\u202f\u2009]"), lambda _: " "),
        *addresses(wording),
        *telephones(wording),
        *spans(wording),
        *dates(wording, month_first=wording.month_first and region not in ("gb", "au", "ie", "nz")),
        *times(wording),
        *ordinals(wording),
        *sums(wording),
        *money(wording),
        *units(wording),
        *_abbreviations(wording),
        *plain(wording),
        *words_for_signs(wording),
    )  # fmt: skip


def _abbreviations(wording: Wording) -> list[Rule]:
    """Short forms in full; the point stays where it ended the sentence as well."""

    def rule(pattern: str, words: str) -> Rule:
        may_end = words in wording.may_end

        def said(found: re.Match[str]) -> str:
            end = found["end"]
            return words + ("." if may_end and end is not None else "") + (end or "")

        return re.compile(rf"(?:{pattern}){_ENDS_SENTENCE}?"), said

    return [rule(pattern, words) for pattern, words in wording.abbreviations]


def points_within(text: str, point: int, language: str) -> bool:
    """Whether the point at that place belongs to an abbreviation, an ordinal, a date or a time."""
    near, place = text[max(point - 24, 0) : point + 24], min(point, 24)
    capital = re.match(r"\s+[A-ZÀ-Ý]", near[place + 1 :]) is not None
    for pattern, may_end in _pointed(language_of(language)):
        for found in pattern.finditer(near):
            last = place + 1 == found.end()
            if found.start() <= place < found.end() and not (may_end and capital and last):
                return True
    return False


@functools.cache
def _pointed(code: str) -> tuple[tuple[re.Pattern[str], bool], ...]:
    wording = _WORDINGS.get(code)
    if wording is None:
        return ()
    figures = [*dates(wording, month_first=wording.month_first), *times(wording)]
    return (
        *((pattern, False) for pattern, _ in (*figures, *ordinals(wording))),
        *(
            (re.compile(pattern), words in wording.may_end)
            for pattern, words in wording.abbreviations
        ),
    )
