# SPDX-License-Identifier: Apache-2.0
"""A text in phrases that are spoken one by one, while the rest of it is still to come.

A phrase is a sentence; of a long one, or of the first that has not come whole, it is a clause.
Voices make their melody clause by clause, so that a text in phrases sounds like the text at once;
what lies between two of them is silence, as long as people leave it.

The text is cut while its markup is still there, and no markup is cut in two: what opens a thought,
code, a tag, a link or bold type is waited for to its end, within limits.
"""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass
from typing import Final

from driving_client.speakable.markup import PROSE, THINKING
from driving_client.speakable.text import points_within, speakable

FIRST_CLAUSE: Final = 20
"""The first phrase is a clause of so many characters where its sentence has not ended."""
FIRST_LONGEST: Final = 60
"""What is spoken of a text before anything of it is heard: at most so many characters."""
FIRST_WORDS: Final = 40
"""Where those have no clause that ends, they are cut between two words at most so far on: what is
cut amid a clause anyway is heard the sooner."""
LONGEST: Final = 220
_SHORTEST_CLAUSE: Final = 40
_LONGEST_MARKUP: Final = 600
"""What has not been closed within so many characters was no markup."""
_LOOKED_AT: Final = 2 * _LONGEST_MARKUP
"""Of the text, for its next phrase: whatever it is, it costs no more than that."""
LONGEST_PAUSE_S: Final = 10.0

_SENTENCE_S, _PARAGRAPH_S, _COLON_S, _COMMA_S, _NONE_S = 0.40, 0.60, 0.30, 0.18, 0.04
_STRENGTHS: Final = {
    "none": 0.0, "x-weak": 0.1, "weak": 0.2, "medium": 0.4, "strong": 0.7, "x-strong": 1.2,
}  # fmt: skip

_HIDDEN: Final = re.compile(
    rf"<(?P<thought>{THINKING})\b[^<>]*>|<(?P<code>script|style|template)\b[^<>]*>"
    r"|(?P<comment><!--)|^[ \t]*(?P<fence>`{3,}+|~{3,}+)[ \t]*(?P<kind>[\w+#.-]*)[^\n`]*\n",
    re.IGNORECASE | re.MULTILINE,
)
_STRAY_END: Final = re.compile(rf"</(?:{THINKING})\s*>", re.IGNORECASE)
_BREAK: Final = re.compile(r"\s*<break\b([^<>]*)>\s*", re.IGNORECASE)
_TIME: Final = re.compile(
    r"\btime\s*=\s*[\"']?\s*\+?(\d{1,9}(?:\.\d{1,6})?|\.\d{1,6})\s*(ms|s)\b", re.IGNORECASE
)
_STRENGTH: Final = re.compile(r"\bstrength\s*=\s*[\"']?\s*([a-z-]+)", re.IGNORECASE)
_CLOSERS: Final = r"[\"'”’»)\]*_~`]*"
_END: Final = re.compile(
    rf"(?<![.!?…])[.!?…]++{_CLOSERS}(?:</[\w:-]+\s*>)*\s+(?=\S)|[。！？।؟]+[」』”]?\s*"
    r"|[ \t]*\n[ \t]*\n\s*(?=\S)|[ \t]*\n(?=[ \t]*(?:[-*+•#>|=]|\d{1,3}[.)][ \t]))"
    r"|(?:(?<=\n)|\A)[ \t]*[#|][^\n]*\n+(?=\S)"
    r"|</?(?:p|li|h[1-6]|tr|div|s|paragraph)\b[^<>]*>\s*(?=\S)",
    re.IGNORECASE,
)
_CLAUSE: Final = re.compile(rf"(?:[,;:]{_CLOSERS}|\s[–—-])\s+(?=[^\s\d])|[，；、：]")
_PARAGRAPH_END: Final = re.compile(
    r"\n[ \t]*\n\s*$|</(?:p|li|h[1-6]|div|paragraph)\s*>\s*$", re.IGNORECASE
)
_TAG: Final = re.compile(r"<[^<>]*>")
_WORD: Final = re.compile(r"\w")
_GAP: Final = re.compile(r"(?<=[^\d\s])\s+(?=[^\d\s])")
_STOPS_ALONE: Final = re.compile(r"(?:[.!?…]++\s++)++")
_SOFT_WRAP: Final = re.compile(r"(?<=[^\W\d_]|,)\n(?=[a-zß-öø-ÿ])")
_LIST_NUMBER: Final = re.compile(r"(?:^|\n)[ \t]*\d{1,3}[.)]$")
_INITIAL: Final = re.compile(r"(?:^|[\s.(])[A-ZÄÖÜ]\.$")


@dataclass(frozen=True, slots=True)
class Phrase:
    """Words that a voice says at once, perhaps none, and the silence after them."""

    text: str
    pause_s: float


class Phrases:
    """Feed it text, and take phrases as long as there are any."""

    def __init__(self, language: str) -> None:
        self._language = language
        self._raw = ""
        self._ended = False
        self._begun = False
        self._ready: deque[Phrase] = deque()

    @property
    def over(self) -> bool:
        """Whether all has been taken and nothing more will come."""
        return self._ended and not self._ready and not self._raw

    def feed(self, text: str) -> None:
        """More of the text, in any pieces."""
        self._raw += text

    def end(self) -> None:
        """The text is whole."""
        self._ended = True

    def break_off(self) -> None:
        """The rest of the text will not come: what has come counts to its last whole clause."""
        clauses = list(re.finditer(rf"[.!?…,;:。！？।，；]{_CLOSERS}(?=\s|$)|\n", self._raw))
        self._raw = self._raw[: clauses[-1].end()] if clauses else ""
        self._ended = True

    def next(self) -> Phrase | None:
        """The next phrase; None where none is whole so far, or where the text is over."""
        while not self._ready:
            taken = self._take()
            if taken is None:
                return None
            raw, pause_s = taken
            self._ready.extend(self._spoken(raw, pause_s))
        self._begun = True
        return self._ready.popleft()

    def _take(self) -> tuple[str, float | None] | None:
        """What is next of the text as it was written, and the pause that a tag asks for."""
        if (stops := _STOPS_ALONE.match(self._raw)) is not None:
            self._raw = self._raw[stops.end() :]  # at once: one by one they cost their square
        seen = self._show()
        if not self._begun:
            self._raw = self._raw.lstrip()
        if (pause := _BREAK.match(self._raw)) is not None:
            self._raw = self._raw[pause.end() :]
            return "", _pause_of(pause[1])
        end = self._cut(self._raw[:seen][:_LOOKED_AT])
        if end is None:
            if not self._ended or not self._raw:
                return None
            raw, self._raw = self._raw[:seen], ""
            return raw, None
        raw, self._raw = self._raw[:end], self._raw[end:]
        return raw, None

    def _show(self) -> int:
        """Drop thoughts and code that are whole; how far the text may be read."""
        start = 0
        if (stray := _STRAY_END.search(self._raw)) is not None:
            opening = _HIDDEN.search(self._raw)
            if opening is None or opening.start() > stray.start():
                self._raw = self._raw[stray.end() :]
        while (found := _HIDDEN.search(self._raw, start, start + _LOOKED_AT)) is not None:
            if (tag := found["thought"] or found["code"]) is not None:
                closer = re.compile(rf"</{tag}\s*>", re.IGNORECASE)
            elif found["comment"]:
                closer = re.compile("-->")
            else:
                closer = re.compile(
                    rf"^[ \t]*{re.escape(found['fence'])}[`~]*[ \t]*$", re.MULTILINE
                )
            end = closer.search(self._raw, found.end())
            if end is None:
                return found.start()
            kept = ""
            if found["fence"]:
                kept = (
                    self._raw[found.end() : end.start()] if found["kind"].lower() in PROSE else "\n"
                )
            elif found["thought"]:
                kept = "\n\n"
            start = found.start()
            self._raw = self._raw[:start] + kept + self._raw[end.end() :]
        return len(self._raw)

    def _cut(self, text: str) -> int | None:
        """Where the next phrase ends; None where more must come to tell."""
        longest = LONGEST if self._begun else FIRST_LONGEST
        for found in _END.finditer(text):
            if found.start() > longest:
                break
            if self._ends(text, found):
                return found.end()
        pause = _BREAK.search(text)
        if pause is not None and pause.start() <= longest and not _is_open(text[: pause.start()]):
            return pause.start()
        shortest = _SHORTEST_CLAUSE if self._begun else FIRST_CLAUSE
        if self._begun and len(text) <= longest:
            return None
        marks = [found.end() for found in _CLAUSE.finditer(text, shortest, longest)]
        whole = [end for end in marks if not _is_open(text[:end])]
        if whole:
            return whole[-1] if len(text) > longest else whole[0]
        if len(text) <= longest or (self._ended and len(text) <= longest + shortest):
            return None
        if _is_open(text[:longest]) and len(text) < _LONGEST_MARKUP and not self._ended:
            return None
        reach = longest if self._begun else FIRST_WORDS
        gaps = [gap.end() for gap in _GAP.finditer(text[:reach])]
        gaps = gaps or [gap.end() for gap in _GAP.finditer(text[:longest])]
        for end in reversed(gaps):
            if not _is_open(text[:end]):
                return end
        return None if len(text) < _LONGEST_MARKUP else (gaps[-1] if gaps else longest)

    def _ends(self, text: str, found: re.Match[str]) -> bool:
        """Whether what looks like the end of a sentence is one."""
        before = text[: found.end()].rstrip()
        if len(text) < _LONGEST_MARKUP and _is_open(before):
            return False
        if "\n\n" in found[0] or not found[0].startswith((".", "!", "?", "…")):
            return True
        if _LIST_NUMBER.search(before) or re.match(r"[a-zà-öø-ÿ]", text[found.end() :]):
            return False
        if not before.endswith("."):
            return True
        return not _INITIAL.search(before) and not points_within(
            text, len(before) - 1, self._language
        )

    def _spoken(self, raw: str, pause_s: float | None) -> list[Phrase]:
        """Phrases of a piece of the text that is whole; a pause alone is a phrase without words."""
        if not raw:
            return [Phrase("", pause_s)] if pause_s else []
        if not _WORD.search(_TAG.sub("", raw)):
            return []
        said = _SOFT_WRAP.sub(" ", speakable(raw, self._language))
        phrases: list[Phrase] = []
        for line in said.split("\n"):
            parts = _bounded(line, LONGEST if self._begun or phrases else FIRST_LONGEST)
            if phrases:  # what was before it was a line of its own
                phrases[-1] = Phrase(phrases[-1].text, max(phrases[-1].pause_s, _SENTENCE_S))
            phrases.extend(Phrase(part, _natural_pause(part)) for part in parts)
        if phrases and raw.rstrip(" \t").endswith("\n"):
            phrases[-1] = Phrase(phrases[-1].text, max(phrases[-1].pause_s, _SENTENCE_S))
        if phrases and _PARAGRAPH_END.search(raw):
            phrases[-1] = Phrase(phrases[-1].text, _PARAGRAPH_S)
        return phrases


def _pause_of(attributes: str) -> float:
    if (time := _TIME.search(attributes)) is not None:
        seconds = float(time[1]) / (1000.0 if time[2].lower() == "ms" else 1.0)
        return min(seconds, LONGEST_PAUSE_S)
    strength = _STRENGTH.search(attributes)
    return _STRENGTHS.get(strength[1].lower() if strength else "medium", _STRENGTHS["medium"])


def _natural_pause(text: str) -> float:
    last = text.rstrip("\"'”’»)]")[-1:]
    if last in ",，、":
        return _COMMA_S
    if last in ";:–—-；：":
        return _COLON_S
    return _SENTENCE_S if last in ".!?…。！？।؟" else _NONE_S


def _is_open(text: str) -> bool:
    """Whether markup has begun in the text and not ended."""
    return bool(
        text.count("**") % 2
        or text.count("`") % 2
        or text.count("~~") % 2
        or text.count("[") > text.count("]")
        or text.rfind("](") > text.rfind(")")
        or re.search(r"<[a-z/!?][^<>]*$", text, re.IGNORECASE)
        or len(re.findall(r"(?<![\s*\d])\*(?!\*)|(?<!\*)\*(?![\s*\d])", text)) % 2
    )


def _bounded(line: str, longest: int) -> list[str]:
    """A line in parts that are hardly longer than they may be: figures grow when they are said."""
    parts = []
    while len(line) > longest + _SHORTEST_CLAUSE:
        marks = [found.end() for found in _CLAUSE.finditer(line, _SHORTEST_CLAUSE, longest)]
        marks = marks or [found.end() for found in re.finditer(r"\s", line[:longest])]
        marks = marks or [found.end() for found in re.finditer(r"\W", line[:longest])]
        end = marks[-1] if marks else longest
        parts.append(line[:end].strip())
        line = line[end:].strip()
    return [part for part in [*parts, line.strip()] if _WORD.search(part)]
