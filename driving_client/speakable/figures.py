# SPDX-License-Identifier: Apache-2.0
"""Plain figures: whole numbers, decimals, ordinals, fractions, ranges, sums, versions, years.

A figure that is part of a word (A4, H2O, 4K, MP3) stays, for voices read those as people do. A
number of four digits without a sign between thousands is said as a year where years and counts
differ in the language.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from driving_client.speakable.wording import LARGEST, Noun, Wording

Rule = tuple[re.Pattern[str], Callable[[re.Match[str]], str]]

_IDENTIFIER: Final = 7
"""So many digits without a sign between them are an identifier, unless a unit follows."""
LEFT: Final = r"(?<![\w.,:/'’])(?<![^\W\d]-)"
RIGHT: Final = r"(?![^\W_])(?![.,:/]\d)"
_VULGAR: Final = {"½": "1/2", "¼": "1/4", "¾": "3/4", "⅓": "1/3", "⅔": "2/3", "⅛": "1/8"}


def number_pattern(wording: Wording) -> str:
    """A number as the language writes it; no groups. Both kinds of decimal point are taken."""
    sign = f"[{re.escape(wording.thousands)}]"
    whole = rf"\d{{1,3}}(?:{sign}\d{{3}})+(?!\d)|\d+"
    other = "." if wording.decimal == "," else ","
    other = rf"{re.escape(other)}\d{{1,2}}(?!\d)"
    return rf"(?:(?:{whole})(?:{re.escape(wording.decimal)}\d+|{other})?)"


def split_number(written: str, wording: Wording) -> tuple[str, str]:
    """The digits before and after the decimal point."""
    sign = f"[{re.escape(wording.thousands)}]"
    grouped = re.match(rf"\d{{1,3}}(?:{sign}\d{{3}})+(?!\d)", written)
    whole = grouped[0] if grouped else re.match(r"\d*", written)[0]  # type: ignore[index]
    return re.sub(r"\D", "", whole), re.sub(r"\D", "", written[len(whole) :])


def digits(written: str, wording: Wording) -> str:
    """Each digit by itself."""
    return " ".join(wording.cardinal(int(digit), "") for digit in written if digit.isdigit())


def whole(written: str, wording: Wording, gender: str = "") -> str:
    """A whole number; digit by digit where it is too long or begins with zero."""
    if (len(written) > 1 and written.startswith("0")) or int(written) > LARGEST:
        return digits(written, wording)
    return wording.cardinal(int(written), gender)


def amount(written: str, wording: Wording, gender: str = "") -> str:
    """A number with what is after its point; `gender` of the noun that follows, if one does."""
    before, after = split_number(written, wording)
    if not after:
        return whole(before or "0", wording, gender)
    said = f"{whole(before or '0', wording)} {wording.point} "
    if not wording.joined_fraction or len(after) > 2:
        return said + digits(after, wording)
    zeros = len(after) - len(after.lstrip("0"))
    rest = [wording.cardinal(0, "")] * zeros
    return said + " ".join([*rest, *([wording.cardinal(int(after), "")] if int(after) else [])])


def is_one(written: str, wording: Wording) -> bool:
    """Whether the noun that follows is in the singular."""
    before, after = split_number(written, wording)
    if wording.code == "fr":  # also zéro degré, 1,5 mètre
        return before in ("0", "1")
    return before == "1" and not after


def counted(written: str, noun: Noun, wording: Wording) -> str:
    """A number and what it counts."""
    word = noun.one if is_one(written, wording) else noun.many
    return f"{amount(written, wording, noun.gender)} {word}"


def spans(wording: Wording) -> list[Rule]:
    """A dash from one figure to another is a word; before all rules that read figures."""
    to = f" {wording.words['to']} "
    return [
        (re.compile(r"(?<=\d) ?[–—‑‒] ?(?=[$€£¥]?\d)"), lambda _: to),
        (re.compile(r"(?<=:\d\d)-(?=\d{1,2}:\d\d)"), lambda _: to),
        (re.compile(r"(?<=\d[hH])-(?=\d{1,2}[hH])"), lambda _: to),
    ]


def sums(wording: Wording) -> list[Rule]:
    """Signs between and before numbers, which later rules then read as numbers."""
    number = number_pattern(wording)
    words = wording.words

    def spread(found: re.Match[str]) -> str:
        low, high = (split_number(found[index], wording)[0] for index in (1, 2))
        if not low or not high:
            return found[0]
        word = words["to"] if int(low) <= int(high) else words["against"]
        return f"{found[1]} {word} {found[2]}"

    def over(found: re.Match[str]) -> str:
        known = wording.fractions.get(f"{found[1]}/{found[2]}")
        return known[0] if known else f"{found[1]} {words['over']} {found[2]}"

    def mixed(found: re.Match[str]) -> str:
        alone, after = wording.fractions[_VULGAR[found[2]]]
        return f"{found[1]} {after}" if found[1] else alone

    def between(word: str) -> Callable[[re.Match[str]], str]:
        return lambda _: f" {words[word]} "

    return [
        (re.compile(rf"(?<![\w.,/])(\d*) ?([{''.join(_VULGAR)}])"), mixed),
        (re.compile(r"(?<![\w.,])\.(?=\d+\b)"), lambda _: f"0{wording.decimal}"),
        (re.compile(rf"{LEFT}(?<!-)({number})-({number})(?![\w-])(?![.,:/]\d)"), spread),
        (re.compile(r"(?<![\d:])(\d{1,3}) ?: ?(\d{1,3})(?![\d:])"),
         lambda found: f"{found[1]} {words['against']} {found[2]}"),
        (re.compile(r"(?<![\d/.,])(\d{1,4})/(\d{1,4})(?![\d/]|[.,]\d)"), over),
        (re.compile(r"(?<=\d) ?[×*·] ?(?=\d)"), between("times")),
        (re.compile(r"(?<=\d) [xX] (?=\d)|(?<=\d)x(?=\d| )"), between("times")),
        (re.compile(r"(?<=\d) ?÷ ?(?=\d)"), between("over")),
        (re.compile(r"(?<=[\d)]) ?\+ ?(?=\d)"), between("plus")),
        (re.compile(r"(?<=\d)\+(?![\w+])"), lambda _: f" {words['plus']}"),
        (re.compile(r"(?<=[\d)]) [-−] (?=\d)"), between("minus")),
        (re.compile(r"(?<![\w)\]-])[-−](?=\d|[$€£¥]\d)"), lambda _: f"{words['minus']} "),
        (re.compile(r"(?<=[\w)]) = (?=[\w(-])|(?<=\d)=(?=\d)"), between("equals")),
        (re.compile(r"(?<![\w~])[~≈] ?(?=\d|[$€£¥]\d)"), lambda _: f"{words['about']} "),
        (re.compile(r"(?<![\w#])#(?=\d)|№ ?(?=\d)"), lambda _: f"{words['number']} "),
        (re.compile(r"§§? ?(?=\d)"), lambda _: f"{words['section']} "),
    ]  # fmt: skip


def ordinals(wording: Wording) -> list[Rule]:
    """First, second, third, where the language marks them."""

    def rule(say: Callable[[str, str, str], str]) -> Callable[[re.Match[str]], str]:
        def said(found: re.Match[str]) -> str:
            groups = found.groupdict()
            if not 0 < int(groups["number"]) <= LARGEST:
                return found[0]
            before = groups.get("before") or ""
            words = say(groups["number"], before, groups.get("ending") or "")
            return f"{before} {words}" if before else words

        return said

    return [(re.compile(rf"(?<![\d.,]){pattern}"), rule(say)) for pattern, say in wording.ordinals]


def plain(wording: Wording) -> list[Rule]:
    """All numbers that no other rule has said."""
    number = number_pattern(wording)

    def version(found: re.Match[str]) -> str:
        if re.fullmatch(rf"\d{{1,3}}(?:[{re.escape(wording.thousands)}]\d{{3}})+", found[0]):
            return amount(found[0], wording)
        parts = [whole(part, wording) for part in found[0].split(".")]
        return f" {wording.words['dot']} ".join(parts)

    def said(found: re.Match[str]) -> str:
        written, following = found[1], found[2] or ""
        gender = wording.countable(following.strip())
        if written.isdigit() and not gender and len(written) == 4 and 1000 < int(written) < 3000:
            return wording.year(int(written)) + following
        if written.isdigit() and len(written) >= _IDENTIFIER and not written.endswith("000"):
            return digits(written, wording) + following
        return amount(written, wording, gender) + following

    return [
        (re.compile(rf"{LEFT}(?:\d+\.){{2,}}\d+(?![^\W_])"), version),
        (re.compile(rf"{LEFT}({number}){RIGHT}( [^\W\d_]+)?"), said),
    ]
