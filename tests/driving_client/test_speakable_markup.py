# SPDX-License-Identifier: Apache-2.0
"""Texts that were written for the eye: their words are spoken, and what no voice reads is told."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from driving_client.errors import SpeechError
from driving_client.speakable.letters import refuse_foreign_letters
from driving_client.speakable.markup import without_markup

MARKUP = {
    "bold": ("This is **very** important.", "This is very important."),
    "bold amid a word": ("un**frigging**believable", "unfriggingbelievable"),
    "italics": ("an *old* and an _older_ one", "an old and an older one"),
    "both": ("***Now!*** said __she__", "Now! said she"),
    "one in the other": ("**all *of* it**", "all of it"),
    "struck through": ("~~ten~~ nine", "ten nine"),
    "escaped": (r"\*not bold\* 1\. \# x", "not bold 1. # x"),
    "headings": ("# Today #\n\n### At *noon*\nSoup.", "Today\n\nAt noon\nSoup."),
    "lists": ("- milk\n* bread\n  + *rye*\n• eggs", "milk\nbread\nrye\neggs"),
    "tasks": ("- [ ] wash\n- [x] dry", "wash\ndry"),
    "numbered": ("1. Open.\n2. Pull.", "1. Open.\n2. Pull."),
    "quotes": ("> > He said\n> yes.", "He said\nyes."),
    "rules": ("One\n\n---\n\n* * *\nTwo", "One\n\nTwo"),
    "code in a line": ("Type `make run`, or ``a`` now.", "Type make run, or a now."),
    "code": ("Do:\n```python\nprint(1)\n```\nDone.", "Do:\n\nDone."),
    "code without end": ("Do:\n~~~sh\nls", "Do:"),
    "prose as code": ("```\nGood morning.\n```", "Good morning."),
    "tables": ("| Day | Soup |\n|:--|--:|\n| Mon | Leek |", "Day, Soup\n\nMon, Leek"),
    "links": ("See [the *menu*](https://x.org/a_(b) 'now').", "See the menu."),
    "links by name": ("See [it][1].\n\n[1]: https://x.org", "See it."),
    "pictures": ("![A red door](door.png) on the left", "A red door on the left"),
    "a picture that links": ("[![Door](d.png)](https://x.org)", "Door"),
    "footnotes": ("It rains[^1].\n\n[^1]: today", "It rains.\n\ntoday"),
    "addresses": ("At https://www.ab.com/a?b=c#d, or http://b.org.", "At ab.com, or b.org."),
    "addresses without a scheme": ("(www.example.com/x)", "(example.com)"),
    "addresses in brackets": ("<https://example.com/> <b>", "example.com"),
    "addresses of numbers": ("http://127.0.0.1:8080/ and http://[::1", "link and link"),
    "HTML": ("<p>Hello <b>dear</b> <i class='x'>guest</i>!</p>", "Hello dear guest!"),
    "HTML blocks": ("<h1>Soup</h1><ul><li>Leek</li></ul>", "Soup\n\nLeek"),
    "HTML that says nothing": ("a<!-- b -->c<script>d()</script><style>e{}</style>", "ac"),
    "a page": ("<!DOCTYPE html><html><body>Hi</body></html>", "Hi"),
    "entities": ("Fish &amp; chips &#8211; &quot;&euro;5&quot;", 'Fish & chips – "€5"'),
    "entities of entities": ("&amp;amp;lt;b&amp;gt;x", "x"),
    "SSML": (
        '<?xml version="1.0"?><speak>One <break time="1s"/><prosody rate="slow">two</prosody> '
        '<amazon:effect name="whispered">three</amazon:effect></speak>',
        "One\n\ntwo three",
    ),
    "SSML aliases": ("<sub alias='World Wide Web'>WWW</sub>", "World Wide Web"),
    "CDATA": ("<![CDATA[a & b]]>", "a & b"),
    "thoughts": ("<think>\nHm, **so**.\n</think>\n\nGood morning.", "Good morning."),
    "thoughts without a beginning": ("Hm, so.\n</think>\nGood morning.", "Good morning."),
    "thoughts by other names": ("<thinking>a</thinking>b<reasoning>c</reasoning>", "b"),
    "marks between turns": ("Good morning.<|im_end|>\n<|eot_id|>", "Good morning."),
    "styled letters": ("𝐇𝐞𝐥𝐥𝐨 and Ｈｅｌｌｏ", "Hello and Hello"),
}  # fmt: skip

PLAIN = (
    "2*3*4 and 2 * 3 * 4", "2**3**4", "snake_case and _private", "a < b, b > c", "x<y and y>z",
    "AT&T & Co.", "&c; is not &known;", "C:\\path\\to", "5 #1 fans", "$HOME and A$AP, $x, $$5",
    "f[1] (x)", "Well - yes. -5 degrees", "1.5 * x", "bob@example.com", "example.com/path",
    "He said: \"it's 9:30\" (about).", "100 % [sic]", "~5 km", "No # 5, #tag", "3 ^ 2", "e.g. 3|4",
)  # fmt: skip


@pytest.mark.parametrize("text", PLAIN)
def test_signs_that_are_no_markup_stay(text: str) -> None:
    assert without_markup(text) == text


WORD = st.text("abcdefghijklmnopqrstuvwxyzäßéABCDEFXYZ0123456789'", min_size=1, max_size=9)
SENTENCE = st.builds(
    lambda words, between, end: between.join(words) + end,
    st.lists(WORD, min_size=1, max_size=8),
    st.sampled_from([" ", ", ", "; ", ": ", " - ", " (", '" ', "  "]),
    st.sampled_from([".", "!", "?", "...", "\n", "\n\n", "%", ""]),
)
PIECES = st.one_of(
    WORD, st.text(max_size=6), st.sampled_from([text for text, _ in MARKUP.values()]),
    st.sampled_from(list("*_`~#>-+|[]()<>&;!\\/=$:. \n\t")),
    st.sampled_from([
        "**", "```", "~~~\n", "](", "<b>", "</b>", "<br/>", "&amp;", "&#42;", "https://a.b/",
        "www.", "<think>", "<|end|>", "</think>", "$1,000", "- ", "\n# ", "\n> ", "\n---\n", "|",
    ]),
)  # fmt: skip


@settings(max_examples=300)
@given(st.lists(SENTENCE, max_size=6).map(" ".join))
def test_a_text_without_markup_is_not_changed(text: str) -> None:
    assert without_markup(text) == text


@settings(max_examples=1000, deadline=None)
@given(st.lists(PIECES, max_size=14).map("".join))
def test_any_text_is_stripped_once_and_for_all(text: str) -> None:
    once = without_markup(text)
    assert without_markup(once) == once


@given(st.text(max_size=100), st.sampled_from(["en-us", "de", "cmn", "mb-us1", "gmw/en", "", "?"]))
def test_any_text_is_readable_or_the_reason_is_told(text: str, voice: str) -> None:
    with contextlib.suppress(SpeechError):
        refuse_foreign_letters(text, voice, tuple)


@pytest.mark.parametrize(
    ("voice", "text", "expected"),
    [
        ("en-us", "你好", "Chinese such as '你好'"),
        ("en-gb+f3", "Say 再见 to her", "Chinese such as '再见'"),
        ("de", "مرحبا", "Arabic such as 'مرحبا'"),
        ("fr", "Привет", "Cyrillic such as 'Привет'"),
        ("es", "こんにちは", "Japanese such as 'こんにちは'"),
        ("en", "カタカナ", "Japanese such as 'カタカナ'"),
        ("en", "안녕하세요", "Korean such as '안녕하세요'"),
        ("en", "नमस्ते", "Devanagari such as"),
        ("en", "สวัสดี", "Thai such as"),
        ("en", "שלום", "Hebrew such as 'שלום'"),
        ("en", "λόγος", "Greek such as 'λόγος'"),
        ("ru", "你好", "Chinese such as '你好'"),
        ("el", "Привет", "Cyrillic"),
    ],
)
def test_what_the_voice_cannot_read_is_told_with_an_example(
    voice: str, text: str, expected: str
) -> None:
    with pytest.raises(SpeechError) as refused:
        refuse_foreign_letters(text, voice, tuple)
    assert expected in str(refused.value)


@pytest.mark.parametrize(
    ("voice", "text"),
    [
        ("cmn", "你好"), ("yue", "你好"), ("ja", "こんにちは世界"), ("ko", "안녕하세요"),
        ("ru", "Привет, world"), ("uk", "Привіт"), ("ar", "مرحبا"), ("fa", "سلام"), ("he", "שלום"),
        ("el", "λόγος"), ("hi", "नमस्ते"), ("th", "สวัสดี"), ("de", "Grüße, naïve Œuvre ﬁn"),
        ("pl", "Zażółć gęślą jaźń"), ("vi", "Tiếng Việt"), ("tr", "Iğdır’ın"),
        ("en", "α-helix, Ω, π, 1º"), ("mb-ru1", "Привет"),
        ("russian", "Привет"), ("zle/ru", "Привет")
    ],
)  # fmt: skip
def test_what_the_voice_speaks_is_let_through(voice: str, text: str) -> None:
    refuse_foreign_letters(text, voice, tuple)
