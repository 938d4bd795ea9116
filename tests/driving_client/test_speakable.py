# SPDX-License-Identifier: Apache-2.0
"""Figures, dates, prices, units, abbreviations and signs are said as people say them."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from spoken_examples import EXAMPLES

from driving_client.errors import SpeechError
from driving_client.speakable import english, french, german, spanish
from driving_client.speakable.letters import refuse_foreign_letters
from driving_client.speakable.text import LANGUAGES, speakable
from driving_client.speakable.wording import LARGEST, Wording

WORDINGS = [module.WORDING for module in (english, german, french, spanish)]
TABLE = [(code, *example) for code, examples in EXAMPLES.items() for example in examples.items()]
GROWTH = 40
"""Characters that one sign may become: "²" after a unit, a day with its month."""


@pytest.mark.parametrize(("language", "written", "said"), TABLE)
def test_what_is_written_is_said_as_people_say_it(language: str, written: str, said: str) -> None:
    assert speakable(written, language) == said


def test_the_table_has_all_four_languages_and_enough() -> None:
    assert set(EXAMPLES) == set(LANGUAGES)
    assert len(TABLE) >= 150


def test_the_day_comes_first_where_people_write_it_so() -> None:
    assert speakable("3/4/2026", "en-us") == "March fourth, twenty twenty-six"
    assert speakable("3/4/2026", "en-GB") == "April third, twenty twenty-six"
    assert speakable("3/4/2026", "de").startswith("dritter April")


def test_a_language_without_words_keeps_its_figures_and_loses_its_signs() -> None:
    assert speakable("**5** km 😀 per il 30.11.", "it") == "5 km per il 30.11."


LETTERS = st.one_of(
    st.sampled_from(
        [
            "a",
            "and",
            "the",
            "is",
            "on",
            "der",
            "und",
            "ist",
            "le",
            "il",
            "y",
            "de",
            "el",
            "la",
            "con",
        ]
    ),
    # Shorter ones may be an abbreviation
    st.text("abcdefghijklmnopqrstuvwxyzäöüßéèñç", min_size=7, max_size=9),
)
PROSE = st.builds(
    lambda words, between, end: between.join(words) + end,
    st.lists(LETTERS, min_size=2, max_size=8),
    st.sampled_from([" ", ", ", "; ", ": ", " – ", ' "', "  ", "-", "'"]),
    st.sampled_from([".", "!", "?", "…", "...", "\n\n", ""]),
)
SHAPES = st.sampled_from([
    *(written for _, written, _ in TABLE),
    "5", "1", "2026", "0", ".", ",", ":", "/", "-", "–", "°", "%", "$", "€", "£", "²", "km", "h",
    "s", "Dr.", "St.", "No.", "z.B.", "etc.", "am", "der", "1.", "Nov", "Mai", "½", "😀", "&", "+",
    "=", "*", "_", "#", "@", "~", "|", "(", ")", "1st", "2e", "3º", "www.", "a.b@c.de", "\u00a0",
    "\u200d", "<b>", "&euro;", "**", "`", "<think>",
])  # fmt: skip
ANY = st.lists(st.one_of(SHAPES, st.text(max_size=5), st.sampled_from([" ", "\n"])), max_size=12)


@settings(max_examples=400)
@given(st.lists(PROSE, max_size=5).map(" ".join), st.sampled_from(LANGUAGES))
def test_plain_prose_is_not_touched(text: str, language: str) -> None:
    if text.strip() == text:
        assert speakable(text, language) == text


@settings(max_examples=1500, deadline=None)
@given(ANY.map("".join), st.sampled_from([*LANGUAGES, "en-gb", "it", ""]))
def test_any_text_is_made_speakable_once_and_for_all_and_within_bounds(
    text: str, language: str
) -> None:
    once = speakable(text, language)
    assert len(once) <= GROWTH * len(text)
    assert speakable(once, language) == once


@settings(max_examples=300)
@given(st.integers(0, LARGEST), st.sampled_from(WORDINGS), st.sampled_from(["", "m", "f"]))
def test_every_number_has_words_of_its_own(number: int, wording: Wording, gender: str) -> None:
    said = wording.cardinal(number, gender)
    assert said
    assert not any(letter.isdigit() for letter in said)
    assert said != wording.cardinal(number + 1 if number < LARGEST else 0, gender)


@pytest.mark.parametrize(
    ("spoken", "told"),
    [
        (("cmn", "de", "en-us"), "take the voice 'cmn'"),
        (("ja", "de"), "take the voice 'ja'"),
        (("de", "en-us"), "nor does any voice here"),
    ],
)
def test_the_error_names_a_voice_that_is_there_and_reads_the_text(
    spoken: tuple[str, ...], told: str
) -> None:
    with pytest.raises(SpeechError, match=told):
        refuse_foreign_letters("你好", "en-us", lambda: spoken)
