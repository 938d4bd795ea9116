# SPDX-License-Identifier: Apache-2.0
"""What a voice reads of a text that was written for the eye, or why it cannot read it.

Whoever makes answers sends Markdown, HTML, SSML, entities, a model's thoughts and addresses, and
espeak-ng reads every sign of it. Here the signs go and the words stay; code is left out. Letters of
a script that the voice does not speak would be spelled one by one ("Chinese letter, Chinese
letter"), so that such a text is refused.

A sign counts as markup where it can hardly be anything else: `2*3*4`, `snake_case`, `a < b` and
`AT&T` stay. Left out on purpose: how numbers, dates and abbreviations are read, which is the
voice's own affair but for prices (espeak-ng says "dollar one thousand"), and pauses for lists.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Callable
from typing import Final
from urllib.parse import urlsplit

from driving_client.errors import SpeechError

_MOST_PASSES: Final = 30
"""Markup within markup is stripped from the inside out; nobody writes more of it on purpose."""

_DEEP: Final = re.DOTALL | re.IGNORECASE
_LINES: Final = re.MULTILINE | re.IGNORECASE
_THINKING: Final = "think|thinking|thought|thoughts|reasoning"
_BRACKETS: Final = r"\([^()\n]*(?:\([^()\n]*\)[^()\n]*)*\)"
_BLOCKS: Final = re.compile(
    "address|article|aside|blockquote|br|break|dd|div|dl|dt|figcaption|figure|footer|h[1-6]|header"
    "|hr|li|main|nav|ol|p|paragraph|s|section|sentence|speak|table|td|th|tr|ul",
    re.IGNORECASE,
)
_PROSE: Final = ("", "markdown", "md", "plain", "plaintext", "text", "txt")
_HOST: Final = re.compile(r"(?!.*xn--)(?:[a-z0-9-]+\.)+[a-z]{2,}")
_MONEY: Final = {
    "$": "dollar",
    "€": "euro",
    "£": "pound",
    "₹": "rupee",
}
_SCALES: Final = {"k": "thousand", "m": "million", "bn": "billion", "b": "billion"}

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


def readable(text: str, voice: str) -> str:
    """The text without markup; raises SpeechError where nothing is left that `voice` can read."""
    plain = without_markup(text, english=_language(voice) == "en")
    if text.strip() and not plain.strip():
        raise SpeechError("the text is nothing but markup; give at least one word")
    foreign = _foreign_letters(plain, voice)
    if foreign:
        script = _script_of(foreign)
        raise SpeechError(
            f"the voice {voice!r} cannot read {_TOLD.get(script, script.title())} such as "
            f"{foreign!r}; "
            "send the sound itself, or give the endpoint a --voice that can (`espeak-ng --voices` "
            "lists them)"
        )
    return plain


def without_markup(text: str, *, english: bool = True) -> str:
    """The words of a text. `english`: prices are written as they are said in English.

    Accepts any text, changes none that has no markup, and a second time changes nothing.
    """
    for _ in range(_MOST_PASSES):
        stripped = text
        for pattern, replacement in _STEPS:
            stripped = pattern.sub(replacement, stripped)
        if english:
            stripped = _PRICE.sub(_price, stripped)
        if stripped == text:
            break
        text = _tidy(stripped)
    return text


def _tidy(text: str) -> str:
    """Blanks that markup has left behind."""
    lines = (re.sub(r"[ \t]+", " ", line).strip() for line in text.split("\n"))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


def _fence(found: re.Match[str]) -> str:
    return found[3] if found[2].lower() in _PROSE else ""


def _tag(found: re.Match[str]) -> str:
    return "\n\n" if _BLOCKS.fullmatch(found[1]) else ""


def _alias(found: re.Match[str]) -> str:
    return found[1] or found[2] or ""


def _row(found: re.Match[str]) -> str:
    return ", ".join(cell.strip() for cell in found[1].split("|") if cell.strip())


def _entity(found: re.Match[str]) -> str:
    return html.unescape(found[0])


def _styled(found: re.Match[str]) -> str:
    """Bold and wide letters that are characters of their own."""
    plain = unicodedata.normalize("NFKC", found[0])
    return plain if plain.isascii() else found[0]


def _address(found: re.Match[str]) -> str:
    address = found[0].rstrip(".,;:!?)]}'*_")
    try:
        host = urlsplit(address if "://" in address else f"//{address}").hostname or ""
    except ValueError:
        host = ""
    host = re.sub(r"^(?:www\.)+", "", host)
    return (host if _HOST.fullmatch(host) else "link") + found[0][len(address) :]


def _price(found: re.Match[str]) -> str:
    country, sign, number, scale = found.groups()
    words = [number, _SCALES.get(scale.lower(), scale) if scale else "", country]
    plural = "" if number == "1" and not scale else "s"
    return " ".join([*filter(None, words), _MONEY[sign] + plural])


_PRICE: Final = re.compile(
    r"(?<![\w$€£₹])(US|CA|AU|NZ|HK)?([$€£₹]) ?(\d+(?:,\d{3})*(?:\.\d+)?)"
    r"(?: ?(hundred|thousand|million|billion|trillion|k|m|bn|b)\b)?(?!\w|[,.]\d)",
    re.IGNORECASE,
)

Replacement = str | Callable[[re.Match[str]], str]

_STEPS: Final[tuple[tuple[re.Pattern[str], Replacement], ...]] = (
    (re.compile("[\uff01-\uff5e\U0001d400-\U0001d7ff]"), _styled),
    # What a model thought; where only one end is marked, all to the other end of the text
    (re.compile(rf"<({_THINKING})\b[^<>]*>.*?</\1\s*>", _DEEP), ""),
    (re.compile(rf"\A.*</(?:{_THINKING})\s*>", _DEEP), ""),
    (re.compile(rf"\A\s*<(?:{_THINKING})\b[^<>]*>.*", _DEEP), ""),
    # Marks of a model's own between turns, such as <|im_end|>
    (re.compile(r"<\|\w{1,40}\|>"), "\n\n"),
    # Code
    (
        re.compile(
            r"^[ \t]*(`{3,}|~{3,})[ \t]*([\w+#.-]*)[^\n`]*\n(.*?)(?:^[ \t]*\1[`~]*[ \t]*$|\Z)",
            _DEEP | _LINES,
        ),
        _fence,
    ),
    (re.compile(r"<(script|style|template)\b[^<>]*>.*?</\1\s*>", _DEEP), " "),
    # HTML and SSML
    (re.compile(r"<!--.*?-->", _DEEP), ""),
    (re.compile(r"<!\[CDATA\[(.*?)\]\]>", _DEEP), r"\1"),
    (re.compile(r"<!doctype\b[^<>]*>|<\?[^<>]*\?>", re.IGNORECASE), ""),
    (
        re.compile(
            r"<sub\b[^<>]*\balias\s*=\s*(?:\"([^\"<>]*)\"|'([^'<>]*)')[^<>]*>.*?</sub\s*>", _DEEP
        ),
        _alias,
    ),
    (re.compile(r"<((?:https?|mailto):[^<>\s]+)>", re.IGNORECASE), r"\1"),
    (re.compile(r"</?([a-z][\w:-]*)(?:\s+[^<>]*=[^<>]*|\s*)/?>", re.IGNORECASE), _tag),
    (re.compile(r"&(?:amp;)+(?=#?\w{1,31};)", re.IGNORECASE), "&"),
    (re.compile(r"&(?:#\d{1,7}|#x[0-9a-f]{1,6}|[a-z][a-z0-9]{1,30});", re.IGNORECASE), _entity),
    # Markdown, line by line
    (re.compile(r"^[ \t]*\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)+\|?[ \t]*$", _LINES), ""),
    (re.compile(r"^[ \t]*([-*_=])(?:[ \t]*\1){2,}[ \t]*$", _LINES), ""),
    (re.compile(r"^[ \t]*\|(.*)\|[ \t]*$", _LINES), _row),
    (re.compile(r"^[ \t]*\[[^\[\]\n]+\]:[ \t]*<?https?://.*$", _LINES), ""),
    (re.compile(r"^[ \t]*(?:>[ \t]?)+", _LINES), ""),
    (re.compile(r"^[ \t]{0,3}(?:#{1,6}[ \t]+)+(.*?)[ \t#]*$", _LINES), r"\1"),
    (re.compile(r"^[ \t]*[-*+•][ \t]+(?:\[[ x]\][ \t]+)?", _LINES), ""),
    # Markdown, within a line
    (re.compile(r"\[\^[^\[\]\s]+\]:?"), ""),
    (re.compile(rf"!\[([^\[\]\n]*)\]{_BRACKETS}"), r"\1"),
    (re.compile(rf"\[([^\[\]\n]*)\]{_BRACKETS}"), r"\1"),
    (re.compile(r"\[([^\[\]\n]+)\]\[[^\[\]\n]*\]"), r"\1"),
    (re.compile(r"(?<!`)(`{1,3})([^`\n]+?)\1(?!`)"), r"\2"),
    (re.compile(r"(?<![\d*\\])(\*{2,3})(?=[^\s*])([^\n]+?)(?<=[^\s*\\])\1(?![\d*])"), r"\2"),
    (re.compile(r"(?<![\w*\\])\*(?=[^\s*])([^*\n]*?[^\s*\\])\*(?![\w*])"), r"\1"),
    (re.compile(r"(?<!\w)(_{1,3})(?=[^\s_])([^_\n]*?[^\s_])\1(?!\w)"), r"\2"),
    (re.compile(r"~~(?=\S)([^~\n]+?)(?<=\S)~~"), r"\1"),
    (re.compile(r"\\([\\`*_{}\[\]()#+.!|~>-])"), r"\1"),
    (re.compile(r"\b(?:(?:https?|ftp)://|www\.)[^\s<>\"]+", re.IGNORECASE), _address),
)


def _language(voice: str) -> str:
    """Of `en-us+f3` or `gmw/en-US` it is `en`; empty where the voice's name does not tell it."""
    code = re.split(r"[-+_]", voice.rpartition("/")[2].lower())[0]
    return code if re.fullmatch("[a-z]{2,3}", code) and code != "mb" else ""


def _foreign_letters(text: str, voice: str) -> str:
    """The first word in letters that the voice does not read; one Greek letter alone is a name."""
    language = _language(voice)
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


def _script_of(letters: str) -> str:
    """The script of the first letter that has one, as Unicode names it."""
    for letter in unicodedata.normalize("NFKC", letters):
        if unicodedata.category(letter) in ("Lu", "Ll", "Lt", "Lo"):
            return unicodedata.name(letter, "unknown").split()[0]
    return ""
