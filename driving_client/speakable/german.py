# SPDX-License-Identifier: Apache-2.0
"""German."""

from __future__ import annotations

import re
from typing import Final

from driving_client.speakable.wording import Money, Noun, Scale, Wording

_SMALL: Final = [
    "null",
    "eins",
    "zwei",
    "drei",
    "vier",
    "fünf",
    "sechs",
    "sieben",
    "acht",
    "neun",
    "zehn",
    "elf",
    "zwölf",
    "dreizehn",
    "vierzehn",
    "fünfzehn",
    "sechzehn",
    "siebzehn",
    "achtzehn",
    "neunzehn",
]
_TENS: Final = [
    ".",
    ".",
    "zwanzig",
    "dreißig",
    "vierzig",
    "fünfzig",
    "sechzig",
    "siebzig",
    "achtzig",
    "neunzig",
]
_LARGE: Final = ((10**12, "Billion"), (10**9, "Milliarde"), (10**6, "Million"))
_STEMS: Final = {1: "erst", 3: "dritt", 7: "siebt", 8: "acht"}
MONTHS: Final = (
    "Januar", "Februar", "März", "April", "Mai", "Juni", "Juli", "August", "September", "Oktober",
    "November", "Dezember",
)  # fmt: skip
_SIGNS: Final = {
    **{name.lower(): index for index, name in enumerate(MONTHS, 1)},
    **{name[:3].lower(): index for index, name in enumerate(MONTHS, 1)},
    "jänner": 1, "sept": 9,
}  # fmt: skip
_MONTH: Final = (
    r"(?P<month>Januar|Jänner|Februar|März|April|Mai|Juni|Juli|August|September|Oktober|November"
    r"|Dezember|(?:Jan|Feb|Mär|Apr|Jun|Jul|Aug|Sept?|Okt|Nov|Dez)\b\.?)"
)
_BEFORE: Final = (
    r"(?:(?P<before>\b(?:"
    r"(?:[Aa]n|[Ii]n|[Vv]on|[Mm]it|[Aa]uf|[Zz]u|[Nn]ach|[Bb]ei|[Ss]eit|[Aa]us) )?"
    r"(?:der|die|das|dem|den|des|am|im|vom|zum|zur|beim|bis|ab|seit|ans|ins|[Aa]m|[Ii]m|[Vv]om"
    r"|[Dd]er|[Dd]ie|[Dd]as|[Bb]is|[Ss]eit|[Aa]b|jede[rsnm]?|ihren?|seinen?|meinen?|unsere[nrm]?)"
    r"(?: \d{1,2}\. (?:und|bis|oder))?) )"
)
_WEAK_E: Final = ("der", "die", "das", "ans", "ins", "jede", "das")


def cardinal(number: int, gender: str = "") -> str:
    """German number words; "eins" alone, "ein" or "eine" before a noun."""
    if number % 100 == 1 and gender and number < 10**6:
        before = _below_million(number - 1) if number > 1 else ""
        return before + ("eine" if gender == "f" else "ein")
    if number < 10**6:
        return _below_million(number)
    size, name = next(scale for scale in _LARGE if number >= scale[0])
    count, rest = divmod(number, size)
    if count == 1:
        said = f"eine {name}"
    else:
        said = f"{cardinal(count, 'f')} {name}{'n' if name.endswith('e') else 'en'}"
    return f"{said} {cardinal(rest, gender)}" if rest else said


def _below_million(number: int) -> str:
    if number < 20:
        return _SMALL[number]
    if number < 100:
        tens, ones = divmod(number, 10)
        one = "ein" if ones == 1 else _SMALL[ones]
        return f"{one}und{_TENS[tens]}" if ones else _TENS[tens]
    size, name = (100, "hundert") if number < 1000 else (1000, "tausend")
    count, rest = divmod(number, size)
    head = _below_million(count)
    head = head.removesuffix("s") if head.endswith("eins") else head
    return f"{head}{name}{_below_million(rest) if rest else ''}"


def ordinal(number: int, ending: str) -> str:
    """A declined ordinal: `ending` is e, er, en or es."""
    tail = number % 100
    if number >= 10**6:
        stem = cardinal(number).replace(" ", "") + "st"
    elif 0 < tail < 20:
        head = _below_million(number - tail) if number > tail else ""
        stem = head + _STEMS.get(tail, f"{_SMALL[tail]}t")
    else:
        stem = f"{_below_million(number)}st"
    return stem + ending


def year(number: int) -> str:
    """Neunzehnhundertvierundachtzig, zweitausendsechsundzwanzig."""
    if 1100 <= number < 2000:
        century, rest = divmod(number, 100)
        return f"{_SMALL[century]}hundert{_below_million(rest) if rest else ''}"
    return cardinal(number)


def _ending(before: str) -> str:
    words = re.sub(r" \d+\. \w+$", "", before).lower().split()
    if not words:
        return "er"
    if len(words) == 1 and words[0] in _WEAK_E:
        return "e"
    return "en"


def _date(day: int, month: int, of_year: int, before: str) -> str:
    said = f"{ordinal(day, _ending(before))} {MONTHS[month - 1]}"
    return f"{said} {year(of_year)}" if of_year else said


def _clock(hour: int, minute: int, _suffix: str) -> str:
    said = f"{cardinal(hour, 'n')} Uhr"
    return f"{said} {cardinal(minute)}" if minute else said


def _ordinal_after(number: str, before: str, _given: str) -> str:
    return ordinal(int(number), _ending(before))


def _countable(word: str) -> str:
    if not re.match(r"[A-ZÄÖÜ][a-zäöüß]", word):
        return ""
    return "f" if re.search(r"(?:e|ung|heit|keit|schaft|ion|tät)$", word) else "n"


def _unit(word: str, gender: str = "m", many: str = "") -> Noun:
    return Noun(word, many or word, gender)


WORDING: Final = Wording(
    code="de",
    cardinal=cardinal,
    year=year,
    date=_date,
    clock=_clock,
    months=MONTHS,
    month_signs=_SIGNS,
    dates=(
        rf"{_BEFORE}?(?<!\d)(?P<day>\d{{1,2}})\. ?{_MONTH}(?: (?P<year>\d{{4}})\b)?",
        rf"{_BEFORE}?(?<![\d.])(?P<day>\d{{1,2}})\. ?(?P<month>0?[1-9]|1[0-2])\."
        r"(?: ?(?P<year>\d{4})\b|(?![ ]?\d))",
    ),
    times=(
        r"(?P<hour>\d{1,2}):(?P<minute>\d\d)(?:\s?(?P<suffix>Uhr\b|h\b))?",
        r"(?P<hour>\d{1,2})\.(?P<minute>\d\d)\s?(?P<suffix>Uhr\b)",
        r"(?P<hour>\d{1,2})\s(?P<suffix>Uhr\b)(?: (?P<minute>\d{1,2})\b(?![.,]\d))?",
    ),
    ordinals=(
        (
            rf"{_BEFORE}(?P<number>\d{{1,3}})\.(?=,? (?:[^\W\d_]|\d{{1,3}}\. ))",
            _ordinal_after,
        ),
        (
            r"(?<=ten )(?P<before>und|bis|oder) (?P<number>\d{1,3})\.(?= [^\W\d_])",
            lambda number, *_: ordinal(int(number), "en"),
        ),
        (
            r"(?<![\w.,])(?P<number>\d{1,3})\.(?= [a-zäöüß])",
            lambda number, *_: ordinal(int(number), "er"),
        ),
    ),
    thousands=".'’",
    decimal=",",
    point="Komma",
    joined_fraction=False,
    units={
        "km": _unit("Kilometer"), "m": _unit("Meter"), "dm": _unit("Dezimeter"),
        "cm": _unit("Zentimeter"), "mm": _unit("Millimeter"), "µm": _unit("Mikrometer"),
        "nm": _unit("Nanometer"), "m²": _unit("Quadratmeter"), "km²": _unit("Quadratkilometer"),
        "qm": _unit("Quadratmeter"), "m³": _unit("Kubikmeter"), "cm²": _unit("Quadratzentimeter"),
        "cm³": _unit("Kubikzentimeter"), "km/h": _unit("Kilometer pro Stunde"),
        "m/s": _unit("Meter pro Sekunde"), "kg": _unit("Kilogramm", "n"), "g": _unit("Gramm", "n"),
        "mg": _unit("Milligramm", "n"), "t": _unit("Tonne", "f", "Tonnen"), "l": _unit("Liter"),
        "L": _unit("Liter"), "ml": _unit("Milliliter"), "ha": _unit("Hektar"),
        "°C": _unit("Grad Celsius"), "°F": _unit("Grad Fahrenheit"), "°": _unit("Grad"),
        "%": _unit("Prozent"), "‰": _unit("Promille"), "kB": _unit("Kilobyte"),
        "KB": _unit("Kilobyte"), "MB": _unit("Megabyte"), "GB": _unit("Gigabyte"),
        "TB": _unit("Terabyte"), "Mbit/s": _unit("Megabit pro Sekunde"),
        "MB/s": _unit("Megabyte pro Sekunde"), "Hz": _unit("Hertz"), "kHz": _unit("Kilohertz"),
        "MHz": _unit("Megahertz"), "GHz": _unit("Gigahertz"), "W": _unit("Watt"),
        "kW": _unit("Kilowatt"), "MW": _unit("Megawatt"), "V": _unit("Volt"),
        "kWh": _unit("Kilowattstunde", "f", "Kilowattstunden"), "dB": _unit("Dezibel"),
        "h": _unit("Stunde", "f", "Stunden"), "Std.": _unit("Stunde", "f", "Stunden"),
        "min": _unit("Minute", "f", "Minuten"), "Min.": _unit("Minute", "f", "Minuten"),
        "s": _unit("Sekunde", "f", "Sekunden"), "Sek.": _unit("Sekunde", "f", "Sekunden"),
        "ms": _unit("Millisekunde", "f", "Millisekunden"),
        "kcal": _unit("Kilokalorie", "f", "Kilokalorien"), "px": _unit("Pixel"),
    },
    currencies={
        "€": Money(_unit("Euro"), _unit("Cent")), "$": Money(_unit("Dollar"), _unit("Cent")),
        "£": Money(_unit("Pfund", "n"), _unit("Pence")), "¥": Money(_unit("Yen")),
        "₹": Money(Noun("Rupie", "Rupien", "f")),
        "CHF": Money(_unit("Franken"), _unit("Rappen")),
    },
    scales=(
        Scale(Noun("tausend", "tausend"), ("tausend", "Tsd.")),
        Scale(Noun("Million", "Millionen", "f"), ("Millionen", "Million", "Mio.", "Mio")),
        Scale(Noun("Milliarde", "Milliarden", "f"), ("Milliarden", "Milliarde", "Mrd.", "Mrd")),
        Scale(Noun("Billion", "Billionen", "f"), ("Billionen", "Billion", "Bio.")),
    ),
    of="",
    with_cents=" ",
    says_cents=False,
    fractions={
        "1/2": ("ein halb", "einhalb"), "1/4": ("ein Viertel", "ein Viertel"),
        "3/4": ("drei Viertel", "drei Viertel"), "1/3": ("ein Drittel", "ein Drittel"),
        "2/3": ("zwei Drittel", "zwei Drittel"), "1/8": ("ein Achtel", "ein Achtel"),
    },
    words={
        "to": "bis", "against": "zu", "minus": "minus", "plus": "plus", "times": "mal",
        "over": "durch", "equals": "gleich", "about": "etwa", "number": "Nummer", "and": "und",
        "at": "at", "dot": "Punkt", "less": "kleiner als", "more": "größer als",
        "slash": "Schrägstrich", "dash": "Strich", "underscore": "Unterstrich", "link": "Link",
        "section": "Paragraf", "squared": "Quadrat", "not": "ungleich",
    },
    abbreviations=(
        (r"\b[Zz]\.\s?B\.", "zum Beispiel"), (r"\b[Dd]\.\s?h\.", "das heißt"),
        (r"\b[Uu]\.\s?a\.", "unter anderem"), (r"\b[Uu]\.\s?U\.", "unter Umständen"),
        (r"\b[Zz]\.\s?T\.", "zum Teil"), (r"\b[Vv]\.\s?a\.", "vor allem"),
        (r"\b[Ii]\.\s?d\.\s?R\.", "in der Regel"), (r"\bo\.\s?[äÄ]\.", "oder Ähnliches"),
        (r"\bs\.\s?o\.", "siehe oben"), (r"\bs\.\s?u\.", "siehe unten"),
        (r"\bn\.\s?Chr\.", "nach Christus"), (r"\bv\.\s?Chr\.", "vor Christus"),
        (r"\bbzw\.", "beziehungsweise"), (r"\busw\.", "und so weiter"), (r"\betc\.", "et cetera"),
        (r"\b[Cc]a\.", "circa"), (r"\b[Gg]gf\.", "gegebenenfalls"), (r"\b[Ee]vtl\.", "eventuell"),
        (r"\b[Ii]nkl\.", "inklusive"), (r"\b[Ee]xkl\.", "exklusive"), (r"\b[Vv]gl\.", "vergleiche"),
        (r"\b[Mm]ax\.", "maximal"), (r"\b[Mm]ind\.", "mindestens"),
        (r"\b[Mm]in\.(?! *\d)", "minimal"),
        (r"\btgl\.", "täglich"), (r"\bgeb\.", "geboren"), (r"\bgest\.", "gestorben"),
        (r"\bDr\.", "Doktor"), (r"\bProf\.", "Professor"), (r"\bDipl\.-Ing\.", "Diplomingenieur"),
        (r"\bHr\.", "Herr"), (r"\bHrn\.", "Herrn"), (r"\bFr\.(?= [A-ZÄÖÜ])", "Frau"),
        (r"\bSt\.(?= ?[A-ZÄÖÜ])", "Sankt"), (r"\bNr\.", "Nummer"), (r"\b[Tt]el\.", "Telefon"),
        (r"(?<=[a-zäöüß])str\.", "straße"), (r"\bStr\.", "Straße"), (r"\bAbs\.(?= ?\d)", "Absatz"),
        (r"\bS\.(?= ?\d)", "Seite"), (r"\bBd\.(?= ?\d)", "Band"), (r"\bKap\.(?= ?\d)", "Kapitel"),
        (r"\bAbb\.(?= ?\d)", "Abbildung"), (r"\bJh\.", "Jahrhundert"), (r"\bMio\.", "Millionen"),
        (r"\bMrd\.", "Milliarden"), (r"\bTsd\.", "tausend"), (r"\bMwSt\.", "Mehrwertsteuer"),
        (r"\bStd\.", "Stunden"), (r"\bMo\.", "Montag"), (r"\bJan\.", "Januar"),
        (r"\bFeb\.", "Februar"), (r"\bAug\.", "August"), (r"\bSept?\.", "September"),
        (r"\bOkt\.", "Oktober"), (r"\bNov\.", "November"), (r"\bDez\.", "Dezember"),
    ),
    may_end=frozenset({
        "und so weiter", "et cetera", "oder Ähnliches", "nach Christus", "vor Christus",
        "Jahrhundert", "straße", "Straße", "siehe oben", "siehe unten",
    }),
    dialled=r"(?i:\b(?:wählen sie|rufen sie|ruf|wähle|anruf unter|rufnummer|notruf)(?: die)?) ",
    countable=_countable,
)  # fmt: skip
