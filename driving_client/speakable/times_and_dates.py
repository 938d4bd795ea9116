# SPDX-License-Identifier: Apache-2.0
"""Dates and times of day, in figures and with the month's name."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from driving_client.speakable.figures import Rule
from driving_client.speakable.wording import Wording

_DAYS: Final = {
    "en": (("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"),
           ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")),
    "de": (("Mo", "Di", "Mi", "Do", "Fr", "Sa", "So"),
           ("Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag", "Samstag", "Sonntag")),
    "fr": (("lun", "mar", "mer", "jeu", "ven", "sam", "dim"),
           ("lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche")),
    "es": (("lun", "mar", "mié", "jue", "vie", "sáb", "dom"),
           ("lunes", "martes", "miércoles", "jueves", "viernes", "sábado", "domingo")),
}  # fmt: skip
_CLOCK_END: Final = r"(?![\w:])(?![.,]\d)"


def dates(wording: Wording, *, month_first: bool) -> list[Rule]:
    """2026-11-30, 30.11.2026, 11/30/2026, Nov 30; `month_first` where the order may be either."""

    def said(day: str, month: int, year: str, before: str = "") -> str | None:
        full = _full_year(year)
        if not (1 <= int(day) <= 31 and 1 <= month <= 12):
            return None
        return wording.date(int(day), month, full, before)

    def named(found: re.Match[str]) -> str:
        groups = found.groupdict()
        sign = groups["month"].rstrip(".").lower()
        month = int(sign) if sign.isdigit() else wording.month_signs[sign]
        before = groups.get("before") or ""
        words = said(groups["day"], month, groups["year"] or "", before)
        if words is None:
            return found[0]
        return f"{before} {words}" if before else words

    def iso(found: re.Match[str]) -> str:
        words = said(found[3], int(found[2]), found[1])
        return (words or found[0]) + (" " if found[4] and words else found[4] or "")

    def in_figures(found: re.Match[str]) -> str:
        first, second = found["first"], found["second"]
        sign = found["sign"]
        swapped = sign == "/" and (month_first or int(second) > 12) and int(first) <= 12
        day, month = (second, first) if swapped else (first, second)
        before = found["before"] or ""
        words = said(day, int(month), found["year"], before)
        if words is None:
            return found[0]
        return f"{before} {words}" if before else words

    article = r"(?:am|vom|der|den|dem|des|zum|bis|seit|ab)"
    prefix = rf"(?:(?P<before>\b(?i:{article})) )?" if wording.code == "de" else "(?P<before>)"
    rules: list[Rule] = [
        (re.compile(r"(?<![\w./-])(\d{4})-(\d\d)-(\d\d)(?:(T)(?=\d\d:\d\d)|(?![\d-]))"), iso),
        (re.compile(rf"{prefix}(?<![\d./-])(?P<first>\d{{1,2}})(?P<sign>[./-])(?P<second>\d{{1,2}})(?P=sign)"
                    r" ?(?P<year>\d{4}|\d\d)(?![\w/-])(?![.,]\d)"), in_figures),
    ]  # fmt: skip
    rules += [(re.compile(pattern), named) for pattern in wording.dates]
    signs = [sign for sign in wording.month_signs if len(sign) < 5 and sign != "may"]
    short = "|".join(sign.capitalize() for sign in signs) + "|" + "|".join(signs)

    def month_of_year(found: re.Match[str]) -> str:
        return wording.months[wording.month_signs[found[1].lower()] - 1]

    rules.append((re.compile(rf"\b({short})\b\.?(?= \d{{4}}\b)"), month_of_year))
    return rules


def _full_year(written: str) -> int:
    if len(written) == 2:
        return int(written) + (2000 if int(written) < 70 else 1900)
    return int(written) if written else 0


def times(wording: Wording) -> list[Rule]:
    """14:30, 9 am, 14 Uhr, 14h30; and days of the week from one to the other."""

    def clock(found: re.Match[str]) -> str:
        groups = found.groupdict()
        hour, minute = int(groups["hour"]), int(groups.get("minute") or 0)
        if hour > 24 or minute > 59:
            return found[0]
        return wording.clock(hour % 24 if minute else hour, minute, groups.get("suffix") or "")

    def with_seconds(found: re.Match[str]) -> str:
        hour, minute, second = (int(found[index]) for index in (1, 2, 3))
        if hour > 23 or minute > 59 or second > 59:
            return found[0]
        return (
            f"{wording.clock(hour, minute, '')} {wording.words['and']} "
            + wording.cardinal(second, "")
            + f" {wording.units['s'].many if second != 1 else wording.units['s'].one}"
        )

    short, long = _DAYS[wording.code]
    days = "|".join(short)

    def day(found: re.Match[str]) -> str:
        first, last = (long[short.index(found[index])] for index in (1, 2))
        return f"{first} {wording.words['to']} {last}"

    pattern: Callable[[str], re.Pattern[str]] = lambda time: re.compile(  # noqa: E731
        rf"(?<![\w:/])(?<!\d[.,]){time}{_CLOCK_END}"
    )
    return [
        (re.compile(rf"\b({days})\.?[-–]({days})\b\.?"), day),
        (re.compile(r"(?<=\d\d:\d\d)(?::00)?(?:\.\d+)?Z\b"), lambda _: ""),
        (re.compile(r"(?<![\w:])(\d{1,2}):(\d\d):(\d\d)(?![\w:])(?:Z\b)?"), with_seconds),
        *((pattern(time), clock) for time in wording.times),
    ]
