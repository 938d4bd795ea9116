# SPDX-License-Identifier: Apache-2.0
"""What a language must tell so that figures and signs of a text can be said in it.

The rules (`figures`, `quantities`, `times_and_dates`, `addresses`, `signs`) are the same for all
languages; what differs stands in one file for each: `english`, `german`, `french`, `spanish`.

The number words are our own. num2words 0.5.14 was tried: it knows neither gender nor the short
forms before a noun ("eine Stunde", "veintiún euros") nor a declined ordinal ("am dritten Mai"), has
faults that are heard ("einhunderteinstausend", "cuarenta y uno mil", "quadragésimo"), and brings
docopt, which has been neither released since 2014 nor published as a wheel. Ours were compared with
it on 6,000 numbers and 999 ordinals in each language, and differ by those faults alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

LARGEST: Final = 10**15 - 1
"""Longer figures are said digit by digit."""


@dataclass(frozen=True, slots=True)
class Noun:
    """What is counted: its word after one and after any other number; `gender` m, f or n."""

    one: str
    many: str
    gender: str = "m"


@dataclass(frozen=True, slots=True)
class Money:
    """A currency and its hundredth; `cents` has no words where nobody counts them."""

    coin: Noun
    cents: Noun = Noun("", "")


@dataclass(frozen=True, slots=True)
class Scale:
    """The word for thousands or millions of something."""

    noun: Noun
    signs: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Wording:
    """One language.

    `cardinal` takes 0 to LARGEST and the gender of the noun that follows, "" where none does;
    `ordinal` 1 to LARGEST and an ending, as the language's `ordinals` pattern gave it. `date` takes
    day, month, year (0: none) and the word before it; `clock` hours, minutes and what follows them.
    """

    code: str
    cardinal: Callable[[int, str], str]
    year: Callable[[int], str]
    date: Callable[[int, int, int, str], str]
    clock: Callable[[int, int, str], str]
    months: tuple[str, ...]
    month_signs: Mapping[str, int]
    """Months and their short forms, in small letters without a point."""
    dates: tuple[str, ...]
    """Patterns of a date with the month's name, with groups `day`, `month`, `year`, `before`."""
    times: tuple[str, ...]
    """Patterns of a time, with groups `hour`, and perhaps `minute` and `suffix`."""
    ordinals: tuple[tuple[str, Callable[[str, str, str], str]], ...]
    """Patterns with the groups `number` and perhaps `before` and `ending`, and what is said."""
    thousands: str
    """The signs between groups of three digits, as a class of characters."""
    decimal: str
    point: str
    joined_fraction: bool
    """Whether two digits after the point are said as one number."""
    units: Mapping[str, Noun]
    currencies: Mapping[str, Money]
    scales: tuple[Scale, ...]
    of: str
    """Between a million and what it counts."""
    with_cents: str
    """Between the coins and the cents; the cents' own word follows where `says_cents`."""
    says_cents: bool
    fractions: Mapping[str, tuple[str, str]]
    """Of a fraction: alone, and after a whole number."""
    words: Mapping[str, str]
    """What signs are called, by the names that the rules give them."""
    abbreviations: tuple[tuple[str, str], ...]
    """Patterns and what is said."""
    may_end: frozenset[str]
    """What is said for an abbreviation whose point may end the sentence as well."""
    dialled: str
    """A pattern of what stands before a short number that is dialled."""
    paired_phone: bool = False
    """Whether two digits of a telephone number are said as one number."""
    month_first: bool = False
    """Whether 3/4/2026 is in March."""
    countable: Callable[[str], str] = lambda _: ""
    """The gender of the plain word that follows a number, as far as it can be told."""
