# SPDX-License-Identifier: Apache-2.0
"""French."""

from __future__ import annotations

import re
from typing import Final

from driving_client.speakable.wording import Money, Noun, Scale, Wording

_SMALL: Final = [
    "zéro",
    "un",
    "deux",
    "trois",
    "quatre",
    "cinq",
    "six",
    "sept",
    "huit",
    "neuf",
    "dix",
    "onze",
    "douze",
    "treize",
    "quatorze",
    "quinze",
    "seize",
    "dix-sept",
    "dix-huit",
    "dix-neuf",
]
_TENS: Final = [
    ".",
    ".",
    "vingt",
    "trente",
    "quarante",
    "cinquante",
    "soixante",
    "soixante",
    "quatre-vingt",
    "quatre-vingt",
]
_LARGE: Final = ((10**12, "billion"), (10**9, "milliard"), (10**6, "million"))
MONTHS: Final = (
    "janvier", "février", "mars", "avril", "mai", "juin", "juillet", "août", "septembre", "octobre",
    "novembre", "décembre",
)  # fmt: skip
_SIGNS: Final = {
    **{name: index for index, name in enumerate(MONTHS, 1)},
    "janv": 1, "févr": 2, "avr": 4, "juil": 7, "sept": 9, "oct": 10, "nov": 11, "déc": 12,
}  # fmt: skip
_MONTH: Final = (
    r"(?P<month>(?i:janvier|février|mars|avril|mai|juin|juillet|août|septembre|octobre|novembre"
    r"|décembre)\b|(?:janv|févr|avr|juil|sept|oct|nov|déc)\b\.?)"
)


def cardinal(number: int, gender: str = "") -> str:
    """French number words; "une" before a feminine noun."""
    if number >= 10**6:
        size, name = next(scale for scale in _LARGE if number >= scale[0])
        count, rest = divmod(number, size)
        said = f"{cardinal(count)} {name}{'s' if count > 1 else ''}"
        return f"{said} {cardinal(rest, gender)}" if rest else said
    if number >= 1000:
        count, rest = divmod(number, 1000)
        said = f"{_below_thousand(count, last=False)} mille" if count > 1 else "mille"
        return f"{said} {cardinal(rest, gender)}" if rest else said
    said = _below_thousand(number)
    return f"{said}e" if gender == "f" and re.search(r"\bun$", said) else said


def _below_thousand(number: int, *, last: bool = True) -> str:
    """`last`: nothing follows, so that quatre-vingts and deux cents have their s."""
    if number < 20:
        return _SMALL[number]
    if number < 100:
        tens, ones = divmod(number, 10)
        if tens in (7, 9):
            ones += 10
        if not ones:
            return f"{_TENS[tens]}{'s' if tens == 8 and last else ''}"
        between = " et " if ones in (1, 11) and tens < 8 else "-"
        return f"{_TENS[tens]}{between}{_SMALL[ones]}"
    count, rest = divmod(number, 100)
    said = f"{_SMALL[count]} cent" if count > 1 else "cent"
    if rest:
        return f"{said} {_below_thousand(rest, last=last)}"
    return f"{said}s" if count > 1 and last else said


def ordinal(number: int, *, feminine: bool = False) -> str:
    """Premier, première, deuxième, vingt et unième."""
    if number == 1:
        return "première" if feminine else "premier"
    said = cardinal(number)
    if said.endswith("cinq"):
        said += "u"
    elif said.endswith("neuf"):
        said = said[:-1] + "v"
    elif said.endswith(("vingts", "cents", "e", "llions", "lliards")):
        said = said[:-1]
    return f"{said}ième"


def _date(day: int, month: int, of_year: int, _before: str) -> str:
    said = f"{ordinal(1) if day == 1 else cardinal(day)} {MONTHS[month - 1]}"
    return f"{said} {cardinal(of_year)}" if of_year else said


def _clock(hour: int, minute: int, _suffix: str) -> str:
    said = f"{cardinal(hour, 'f')} {'heures' if hour > 1 else 'heure'}"
    return f"{said} {cardinal(minute, 'f')}" if minute else said


def _ordinal_of(number: str, _before: str, ending: str) -> str:
    feminine = ending in ("re", "ère", "ere")
    return ordinal(int(number), feminine=feminine) if int(number) else "zéro"


def _unit(word: str, gender: str = "m", many: str = "") -> Noun:
    return Noun(word, many or f"{word}s", gender)


WORDING: Final = Wording(
    code="fr",
    cardinal=cardinal,
    year=cardinal,
    date=_date,
    clock=_clock,
    months=MONTHS,
    month_signs=_SIGNS,
    dates=(
        rf"(?<![\d.,])(?P<day>\d{{1,2}})(?:er)? {_MONTH}(?: (?P<year>\d{{4}})\b)?",
    ),
    times=(
        r"(?P<hour>\d{1,2})\s?[hH]\s?(?P<minute>[0-5]\d)\b(?P<suffix>)",
        r"(?P<hour>\d{1,2}):(?P<minute>\d\d)(?:\s?(?P<suffix>h\b))?",
        r"(?P<hour>\d{1,2})\s(?P<suffix>heures?)(?: (?P<minute>\d{1,2})\b(?![.,]\d))",
    ),
    ordinals=(
        (r"(?P<number>\d+)(?P<ending>er|re|ère|ere)\b", _ordinal_of),
        (r"(?P<number>\d+)(?P<ending>e|è|ème|eme|ᵉ|nd|nde)\b", _ordinal_of),
    ),
    thousands=" .",
    decimal=",",
    point="virgule",
    joined_fraction=True,
    units={
        "km": _unit("kilomètre"), "m": _unit("mètre"), "dm": _unit("décimètre"),
        "cm": _unit("centimètre"), "mm": _unit("millimètre"), "µm": _unit("micromètre"),
        "nm": _unit("nanomètre"), "m²": _unit("mètre carré", many="mètres carrés"),
        "km²": _unit("kilomètre carré", many="kilomètres carrés"),
        "cm²": _unit("centimètre carré", many="centimètres carrés"),
        "m³": _unit("mètre cube", many="mètres cubes"),
        "cm³": _unit("centimètre cube", many="centimètres cubes"),
        "km/h": _unit("kilomètre heure", many="kilomètres heure"),
        "m/s": _unit("mètre par seconde", many="mètres par seconde"), "kg": _unit("kilogramme"),
        "g": _unit("gramme"), "mg": _unit("milligramme"), "t": _unit("tonne", "f"),
        "l": _unit("litre"), "L": _unit("litre"), "ml": _unit("millilitre"), "ha": _unit("hectare"),
        "°C": _unit("degré Celsius", many="degrés Celsius"),
        "°F": _unit("degré Fahrenheit", many="degrés Fahrenheit"), "°": _unit("degré"),
        "%": Noun("pour cent", "pour cent"), "‰": Noun("pour mille", "pour mille"),
        "ko": _unit("kilo-octet"), "Ko": _unit("kilo-octet"), "Mo": _unit("méga-octet"),
        "Go": _unit("giga-octet"), "To": _unit("téra-octet"), "kB": _unit("kilo-octet"),
        "MB": _unit("mégabyte"), "GB": _unit("gigabyte"), "TB": _unit("térabyte"),
        "Mbit/s": _unit("mégabit par seconde", many="mégabits par seconde"),
        "Hz": Noun("hertz", "hertz"), "kHz": Noun("kilohertz", "kilohertz"),
        "MHz": Noun("mégahertz", "mégahertz"), "GHz": Noun("gigahertz", "gigahertz"),
        "W": _unit("watt"), "kW": _unit("kilowatt"), "MW": _unit("mégawatt"), "V": _unit("volt"),
        "kWh": _unit("kilowattheure"), "dB": _unit("décibel"), "h": _unit("heure", "f"),
        "min": _unit("minute", "f"), "s": _unit("seconde", "f"), "sec": _unit("seconde", "f"),
        "ms": _unit("milliseconde", "f"), "kcal": _unit("kilocalorie", "f"), "px": _unit("pixel"),
    },
    currencies={
        "€": Money(_unit("euro"), _unit("centime")), "$": Money(_unit("dollar"), _unit("cent")),
        "£": Money(_unit("livre", "f"), Noun("penny", "pence")), "¥": Money(_unit("yen")),
        "₹": Money(_unit("roupie", "f")),
        "CHF": Money(_unit("franc suisse", many="francs suisses"), _unit("centime")),
    },
    scales=(
        Scale(Noun("mille", "mille"), ("mille", "k")),
        Scale(Noun("million", "millions"), ("millions", "million", "M")),
        Scale(Noun("milliard", "milliards"), ("milliards", "milliard", "Md", "Mds")),
    ),
    of="de",
    with_cents=" ",
    says_cents=False,
    fractions={
        "1/2": ("un demi", "et demi"), "1/4": ("un quart", "et quart"),
        "3/4": ("trois quarts", "trois quarts"), "1/3": ("un tiers", "un tiers"),
        "2/3": ("deux tiers", "deux tiers"), "1/8": ("un huitième", "un huitième"),
    },
    words={
        "to": "à", "against": "à", "minus": "moins", "plus": "plus", "times": "fois",
        "over": "sur", "equals": "égale", "about": "environ", "number": "numéro", "and": "et",
        "at": "arobase", "dot": "point", "less": "inférieur à", "more": "supérieur à",
        "slash": "barre oblique", "dash": "tiret", "underscore": "tiret bas", "link": "lien",
        "section": "paragraphe", "squared": "au carré", "not": "différent de",
    },
    abbreviations=(
        (r"\bMM\.(?= [A-ZÀ-Ý])", "Messieurs"), (r"\bM\.(?= [A-ZÀ-Ý])", "Monsieur"),
        (r"\bMmes\b\.?", "Mesdames"), (r"\bMme\b\.?", "Madame"), (r"\bMlles?\b\.?", "Mademoiselle"),
        (r"\bDr\b\.?(?= [A-ZÀ-Ý])", "Docteur"), (r"\bPr\b\.?(?= [A-ZÀ-Ý])", "Professeur"),
        (r"\bprof\.", "professeur"), (r"\bp\.\s?ex\.", "par exemple"),
        (r"\bc\.?\s?-?\s?à\s?-?\s?d\.", "c'est-à-dire"), (r"\betc\.", "et cetera"),
        (r"\b[Nn]°\s?(?=\d)", "numéro "), (r"\b[Nn]os?\.?(?= \d)", "numéro"),
        (r"\bSt[ -](?=[A-ZÀ-Ý])", "Saint "), (r"\bSte[ -](?=[A-ZÀ-Ý])", "Sainte "),
        (r"\bav\.(?= J\.)", "avant"), (r"\bapr\.(?= J\.)", "après"), (r"\bJ\.-C\.", "Jésus-Christ"),
        (r"\b[Aa]v\.", "avenue"), (r"\b[Bb](?:d|ld|oul)\.", "boulevard"), (r"\benv\.", "environ"),
        (r"\b[Mm]ax\.", "maximum"), (r"\b[Mm]in\.(?! *\d)", "minimum"),
        (r"\b[Tt]él\.", "téléphone"),
        (r"\bpp\.(?= ?\d)", "pages"), (r"\bp\.(?= ?\d)", "page"), (r"\bvol\.(?= ?\d)", "volume"),
        (r"\bchap\.(?= ?\d)", "chapitre"), (r"\bart\.(?= ?\d)", "article"),
        (r"\bfig\.(?= ?\d)", "figure"), (r"\bvs\b\.?", "contre"), (r"\bcf\.", "voir"),
        (r"\bex\.(?= ?:)", "exemple"), (r"\b[Éé]d\.", "édition"), (r"\bqqch\.", "quelque chose"),
        (r"\bqqn\.?(?!\w)", "quelqu'un"),
        (r"\bR\.-V\.", "rendez-vous"), (r"\bTTC\b", "toutes taxes comprises"),
        (r"\bjanv\.", "janvier"), (r"\bfévr\.", "février"), (r"\bjuil\.", "juillet"),
        (r"\bsept\.(?= )", "septembre"), (r"\boct\.", "octobre"), (r"\bnov\.", "novembre"),
        (r"\bdéc\.", "décembre"),
    ),
    may_end=frozenset({"et cetera", "Jésus-Christ", "maximum", "minimum"}),
    dialled=r"(?i:\b(?:composez|appelez|faites|téléphonez au)(?: le)?) ",
    paired_phone=True,
)  # fmt: skip
