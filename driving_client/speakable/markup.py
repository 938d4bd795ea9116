# SPDX-License-Identifier: Apache-2.0
"""The words of a text that was written for the eye.

Whoever makes answers sends Markdown, HTML, SSML, entities, a model's thoughts and addresses, and a
voice reads every sign of it. Here the signs go and the words stay; code is left out.

A sign counts as markup where it can hardly be anything else: `2*3*4`, `snake_case`, `a < b` and
`AT&T` stay. Left out on purpose: what is said for figures, which the rest of this room does, and
the length of pauses, which `sentences` takes from the tags before they come here.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Callable
from typing import Final
from urllib.parse import urlsplit

_MOST_PASSES: Final = 30
"""Markup within markup is stripped from the inside out; nobody writes more of it on purpose."""

_DEEP: Final = re.DOTALL | re.IGNORECASE
_LINES: Final = re.MULTILINE | re.IGNORECASE
THINKING: Final = "think|thinking|thought|thoughts|reasoning"
_BRACKETS: Final = r"\([^()\n]*(?:\([^()\n]*\)[^()\n]*)*\)"
_BLOCKS: Final = re.compile(
    "address|article|aside|blockquote|br|break|dd|div|dl|dt|figcaption|figure|footer|h[1-6]|header"
    "|hr|li|main|nav|ol|p|paragraph|s|section|sentence|speak|table|td|th|tr|ul",
    re.IGNORECASE,
)
PROSE: Final = ("", "markdown", "md", "plain", "plaintext", "text", "txt")
_HOST: Final = re.compile(r"(?!.*xn--)(?:[a-z0-9-]+\.)+[a-z]{2,}")


def without_markup(text: str) -> str:
    """The words of a text.

    Accepts any text, changes none that has no markup, and a second time changes nothing.
    """
    for _ in range(_MOST_PASSES):
        stripped = text
        for pattern, replacement in _STEPS:
            stripped = pattern.sub(replacement, stripped)
        if stripped == text:
            break
        text = tidy(stripped)
    return text


def tidy(text: str) -> str:
    """Blanks that markup has left behind."""
    lines = (re.sub(r"[ \t]+", " ", line).strip() for line in text.split("\n"))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


def _fence(found: re.Match[str]) -> str:
    return found[3] if found[2].lower() in PROSE else ""


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


Replacement = str | Callable[[re.Match[str]], str]

_STEPS: Final[tuple[tuple[re.Pattern[str], Replacement], ...]] = (
    (re.compile("[\uff01-\uff5e\U0001d400-\U0001d7ff]"), _styled),
    # What a model thought; where only one end is marked, all to the other end of the text
    (re.compile(rf"<({THINKING})\b[^<>]*>.*?</\1\s*>", _DEEP), ""),
    (re.compile(rf"\A.*</(?:{THINKING})\s*>", _DEEP), ""),
    (re.compile(rf"\A\s*<(?:{THINKING})\b[^<>]*>.*", _DEEP), ""),
    # Marks of a model's own between turns, such as <|im_end|>
    (re.compile(r"<\|\w{1,40}\|>"), "\n\n"),
    # Code
    (
        re.compile(
            r"^[ \t]*(`{3,}+|~{3,}+)[ \t]*([\w+#.-]*)[^\n`]*\n(.*?)(?:^[ \t]*\1[`~]*[ \t]*$|\Z)",
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
    (re.compile(r"<((?:https?|mailto):[^<>\s]+|[\w.+-]+@[\w.-]+)>", re.IGNORECASE), r"\1"),
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
