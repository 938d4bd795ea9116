# SPDX-License-Identifier: Apache-2.0
"""A text is cut into phrases that can be spoken while the rest of it is still being made."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_speakable import ANY, PROSE

from driving_client.speakable.phrases import FIRST_LONGEST, LONGEST, Phrase, Phrases


def said(text: str, language: str = "en", step: int = 0) -> list[Phrase]:
    """All phrases of a text that comes whole, or `step` characters at a time."""
    phrases, taken = Phrases(language), []
    for start in range(0, len(text), step or max(len(text), 1)):
        phrases.feed(text[start : start + step] if step else text)
        while (phrase := phrases.next()) is not None:
            taken.append(phrase)
    phrases.end()
    while (phrase := phrases.next()) is not None:
        taken.append(phrase)
    assert phrases.over
    return taken


def words(phrases: list[Phrase]) -> list[str]:
    return [phrase.text for phrase in phrases if phrase.text]


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        ("en", "One. Two! Three? Four", ["One.", "Two!", "Three?", "Four"]),
        ("en", "Dr. Smith, e.g. on Nov. 3. Yes.", [
            "Doctor Smith, for example on November third.", "Yes."]),
        ("en", "It costs $2.50. It is 5 p.m. Then go.", [
            "It costs two dollars and fifty cents.", "It is five PM.", "Then go."]),
        ("en", "J. R. R. Tolkien wrote etc. Then he slept.", [
            "J. R. R. Tolkien wrote et cetera.", "Then he slept."]),
        ("en", 'He said "Stop!" and left. (So did I.) Well...', [
            'He said "Stop!" and left.', "(So did I.)", "Well..."]),
        ("en", "Hm... well then. Yes", ["Hm... well then.", "Yes"]),
        ("de", "Am 3. Mai kommt z.B. Dr. Ott usw. Dann geht er.", [
            "Am dritten Mai kommt zum Beispiel Doktor Ott und so weiter.", "Dann geht er."]),
        ("de", "Um 14.30 Uhr. Am 30.11. ist es aus. Bis dann.", [
            "Um vierzehn Uhr dreißig.", "Am dreißigsten November ist es aus.", "Bis dann."]),
        ("fr", "M. Dupont arrive. C'est p. ex. lui.", [
            "Monsieur Dupont arrive.", "C'est par exemple lui."]),
        ("es", "El Sr. López llega. EE. UU. gana.", [
            "El Señor López llega.", "Estados Unidos gana."]),
        ("cmn", "你好。世界！", ["你好。", "世界!"]),
        ("en", "**One. Two.** Three.", ["One. Two.", "Three."]),
        ("en", "See [it. Here](http://x.org/a. b) now. Yes.", ["See it. Here now.", "Yes."]),
        ("en", "# Title\nText that\nis wrapped.\n\n- milk\n- eggs", [
            "Title", "Text that is wrapped.", "milk", "eggs"]),
        ("en", "### How to get here\n1. Take it.\n2. Get off.", [
            "How to get here", "one. Take it.", "two. Get off."]),
        ("en", "Do:\n```py\nprint(1). x\n```\nDone.", ["Do:", "Done."]),
        ("en", "<p>One</p><p>Two.</p>", ["One", "Two."]),
        ("en", "<think>Hm. So. Yes.</think>Good.", ["Good."]),
        ("en", "Good. <think>Hm. So it never ends. Yes.", ["Good."]),
        ("en", "Good. ```\nx. y. ", ["Good."]),
        ("en", "😀 ** !", []),
    ],
)  # fmt: skip
def test_a_sentence_ends_where_people_end_it(language: str, text: str, expected: list[str]) -> None:
    assert words(said(text, language)) == expected


@pytest.mark.parametrize("step", [1, 3, 7])
def test_a_text_in_tokens_is_cut_like_the_text_at_once(step: int) -> None:
    text = (
        "<think>Shall I? Yes. I shall.</think>Good morning. It is **9 a.m. on Nov. 3, 2026. So.** "
        "Dr. Ott pays $2.50.\n\n- milk\n- eggs\n\n```sh\nls . x\n```\nMore at https://x.org. Bye."
    )
    assert said(text, step=step) == said(text)


def test_the_first_clause_does_not_wait_for_its_sentence() -> None:
    phrases = Phrases("en")
    phrases.feed("Well, good morning to you, and ")
    assert phrases.next() == Phrase("Well, good morning to you,", 0.18)
    phrases.feed("welcome, everybody, ")
    assert phrases.next() is None
    phrases.feed("to the museum. Now")
    assert phrases.next() == Phrase("and welcome, everybody, to the museum.", 0.4)


@pytest.mark.parametrize(
    ("text", "pauses"),
    [
        ('One <break time="500ms"/> two.', [("One", 0.4), ("", 0.5), ("two.", 0.4)]),
        ("One.<break time='2s'/>Two.", [("One.", 0.4), ("", 2.0), ("Two.", 0.4)]),
        ('One<break strength="strong"/>two', [("One", 0.04), ("", 0.7), ("two", 0.04)]),
        ("One<break/>two", [("One", 0.04), ("", 0.4), ("two", 0.04)]),
        ('One<break time="999s"/>two', [("One", 0.04), ("", 10.0), ("two", 0.04)]),
        ('One<break time="soon"/>two', [("One", 0.04), ("", 0.4), ("two", 0.04)]),
        ("One.\n\nTwo.", [("One.", 0.6), ("Two.", 0.4)]),
    ],
)
def test_pauses_are_as_long_as_a_tag_says_or_people_leave_them(
    text: str, pauses: list[tuple[str, float]]
) -> None:
    found = [(phrase.text, phrase.pause_s) for phrase in said(text)]
    assert [text for text, _ in found] == [text for text, _ in pauses]
    assert all(
        heard == pytest.approx(asked) or (not text.endswith(".") and text)
        for (text, heard), (_, asked) in zip(found, pauses, strict=True)
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One. Two, thr", ["One.", "Two,"]),
        ("One. Two", ["One."]),
        ("One", []),
        ("One. Two.", ["One.", "Two."]),
        ("One. <think>Hm. So", ["One."]),
        ("One. $2,000 and", ["One."]),
    ],
)
def test_a_text_that_breaks_off_counts_to_its_last_whole_clause(
    text: str, expected: list[str]
) -> None:
    phrases = Phrases("en")
    phrases.feed(text)
    phrases.break_off()
    taken = []
    while (phrase := phrases.next()) is not None:
        taken.append(phrase.text)
    assert taken == expected
    assert phrases.over


def test_a_text_without_any_stop_is_cut_between_words() -> None:
    first, *others = words(said("word " * 4000))
    assert len(first) <= FIRST_LONGEST
    assert max(map(len, others)) <= LONGEST
    assert " ".join([first, *others]).split() == ["word"] * 4000


@settings(max_examples=300, deadline=None)
@given(st.lists(PROSE, max_size=8).map(" ".join), st.integers(1, 9))
def test_no_word_of_prose_is_lost_or_said_twice(text: str, step: int) -> None:
    expected = re.findall(r"\w+", text)
    assert re.findall(r"\w+", " ".join(words(said(text)))) == expected
    assert re.findall(r"\w+", " ".join(words(said(text, step=step)))) == expected


@settings(max_examples=500, deadline=None)
@given(ANY.map("".join), st.sampled_from(["en", "de", "fr", "es", "cmn", ""]), st.integers(0, 9))
def test_any_text_in_any_pieces_is_cut_within_bounds(text: str, language: str, step: int) -> None:
    phrases = said(text, language, step)
    assert all(len(phrase.text) <= 2 * LONGEST for phrase in phrases)
    assert all(0.0 <= phrase.pause_s <= 10.0 for phrase in phrases)


@pytest.mark.parametrize("stop", [". ", "?! ", "… \n"])
def test_stops_without_words_are_passed_over_at_once(
    stop: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One by one, each with a look at all the rest, they held up everybody for a second."""
    looks: list[int] = []
    show = Phrases._show
    monkeypatch.setattr(Phrases, "_show", lambda self: looks.append(1) or show(self))
    assert words(said(stop * 5000 + "And so on.")) == ["And so on."]
    assert len(looks) < 10
