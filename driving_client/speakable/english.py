# SPDX-License-Identifier: Apache-2.0
"""English."""

from __future__ import annotations

from typing import Final

from driving_client.speakable.wording import Money, Noun, Scale, Wording

_SMALL: Final = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
]
_TENS: Final = [
    ".",
    ".",
    "twenty",
    "thirty",
    "forty",
    "fifty",
    "sixty",
    "seventy",
    "eighty",
    "ninety",
]
_LARGE: Final = ((10**12, "trillion"), (10**9, "billion"), (10**6, "million"), (1000, "thousand"))
_FIRST: Final = {
    "one": "first", "two": "second", "three": "third", "five": "fifth", "eight": "eighth",
    "nine": "ninth", "twelve": "twelfth",
}  # fmt: skip
MONTHS: Final = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September",
    "October", "November", "December",
)  # fmt: skip
_SIGNS: Final = {
    **{name.lower(): index for index, name in enumerate(MONTHS, 1)},
    **{name[:3].lower(): index for index, name in enumerate(MONTHS, 1)},
    "sept": 9,
}
_MONTH: Final = (
    r"(?P<month>January|February|March|April|May|June|July|August|September|October|November"
    r"|December|(?:Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec)\b\.?)"
)


def cardinal(number: int, _gender: str = "") -> str:
    """English number words: one hundred and twenty-three."""
    if number < 20:
        return _SMALL[number]
    if number < 100:
        ones = number % 10
        return _TENS[number // 10] + (f"-{_SMALL[ones]}" if ones else "")
    if number < 1000:
        rest = number % 100
        said = f"{_SMALL[number // 100]} hundred"
        return f"{said} and {cardinal(rest)}" if rest else said
    size, name = next(scale for scale in _LARGE if number >= scale[0])
    rest = number % size
    said = f"{cardinal(number // size)} {name}"
    if not rest:
        return said
    return f"{said} and {cardinal(rest)}" if rest < 100 else f"{said} {cardinal(rest)}"


def ordinal(number: int) -> str:
    """English ordinals: twenty-first."""
    said = cardinal(number)
    cut = max(said.rfind(" "), said.rfind("-")) + 1
    last = said[cut:]
    if last in _FIRST:
        return said[:cut] + _FIRST[last]
    return said[:-1] + "ieth" if last.endswith("y") else said + "th"


def year(number: int) -> str:
    """Nineteen eighty-four, two thousand and five, twenty twenty-six."""
    if not 1100 <= number < 2100 or number // 10 == 200:
        return cardinal(number)
    century, rest = divmod(number, 100)
    if not rest:
        return f"{cardinal(century)} hundred"
    return f"{cardinal(century)} {'oh ' if rest < 10 else ''}{cardinal(rest)}"


def _date(day: int, month: int, of_year: int, _before: str) -> str:
    said = f"{MONTHS[month - 1]} {ordinal(day)}"
    return f"{said}, {year(of_year)}" if of_year else said


def _clock(hour: int, minute: int, suffix: str) -> str:
    half = suffix.replace(".", "").strip().upper()
    if not half and (hour > 12 or hour == 0):
        half = "PM" if hour > 12 else "AM"
    said = cardinal(hour % 12 or 12)
    if minute:
        said += f" {'oh ' if minute < 10 else ''}{cardinal(minute)}"
    elif not half:
        said += " o'clock"
    return f"{said} {half}" if half in ("AM", "PM") else said


def _decade(number: str, _before: str, _ending: str) -> str:
    said = year(int(number)) if len(number) == 4 else cardinal(int(number))
    return f"{said[:-1]}ies" if said.endswith("y") else f"{said}s"


def _unit(one: str, many: str = "") -> Noun:
    return Noun(one, many or f"{one}s")


_METRES: Final = {"km": "kilo", "m": "", "dm": "deci", "cm": "centi", "mm": "milli", "nm": "nano"}

WORDING: Final = Wording(
    code="en",
    cardinal=cardinal,
    year=year,
    date=_date,
    clock=_clock,
    months=MONTHS,
    month_signs=_SIGNS,
    dates=(
        rf"\b{_MONTH} (?P<day>\d{{1,2}})(?:st|nd|rd|th)?\b(?:,? (?P<year>\d{{4}})\b)?(?![.,:/]\d)",
        rf"\b(?P<day>\d{{1,2}})(?:st|nd|rd|th)?(?: of)? {_MONTH}(?:,? (?P<year>\d{{4}})\b)?",
    ),
    times=(
        r"(?P<hour>\d{1,2}):(?P<minute>\d\d)(?:\s?(?P<suffix>[AaPp](?:\.[Mm](?:\.(?!\s+[A-Z]|\s*$))?|[Mm]\b)))?",
        r"(?P<hour>\d{1,2})\s?(?P<suffix>[AaPp](?:\.[Mm](?:\.(?!\s+[A-Z]|\s*$))?|[Mm]\b))",
    ),
    ordinals=(
        (r"(?P<number>\d+)(?:st|nd|rd|th)\b", lambda number, *_: ordinal(int(number))),
        (r"(?P<number>(?:1\d|20)\d0)s\b", _decade),
        (r"(?:(?<=the )|['’])(?P<number>\d0)s\b", _decade),
    ),
    thousands=",",
    decimal=".",
    point="point",
    joined_fraction=False,
    units={
        **{sign: _unit(f"{name}metre") for sign, name in _METRES.items()},
        "µm": _unit("micrometre"),
        "m²": _unit("square metre"), "km²": _unit("square kilometre"), "m³": _unit("cubic metre"),
        "cm²": _unit("square centimetre"), "cm³": _unit("cubic centimetre"),
        "km/h": _unit("kilometre per hour", "kilometres per hour"),
        "m/s": _unit("metre per second", "metres per second"),
        "mph": _unit("mile per hour", "miles per hour"), "mi": _unit("mile"),
        "ft": _unit("foot", "feet"), "lb": _unit("pound"), "lbs": _unit("pound"),
        "oz": _unit("ounce"), "kg": _unit("kilogram"), "g": _unit("gram"), "mg": _unit("milligram"),
        "l": _unit("litre"), "L": _unit("litre"), "ml": _unit("millilitre"),
        "ha": _unit("hectare"),
        "°C": _unit("degree Celsius", "degrees Celsius"),
        "°F": _unit("degree Fahrenheit", "degrees Fahrenheit"), "°": _unit("degree"),
        "%": Noun("percent", "percent"), "‰": Noun("per mille", "per mille"),
        "kB": _unit("kilobyte"), "KB": _unit("kilobyte"), "MB": _unit("megabyte"),
        "GB": _unit("gigabyte"), "TB": _unit("terabyte"),
        "Mbit/s": _unit("megabit per second", "megabits per second"),
        "MB/s": _unit("megabyte per second", "megabytes per second"),
        "Hz": Noun("hertz", "hertz"), "kHz": Noun("kilohertz", "kilohertz"),
        "MHz": Noun("megahertz", "megahertz"), "GHz": Noun("gigahertz", "gigahertz"),
        "W": _unit("watt"), "kW": _unit("kilowatt"), "MW": _unit("megawatt"), "V": _unit("volt"),
        "kWh": _unit("kilowatt hour"), "mAh": _unit("milliamp hour"), "dB": _unit("decibel"),
        "h": _unit("hour"), "hrs": _unit("hour"), "hr": _unit("hour"), "min": _unit("minute"),
        "mins": _unit("minute"), "s": _unit("second"), "sec": _unit("second"),
        "ms": _unit("millisecond"), "kcal": _unit("kilocalorie"), "px": _unit("pixel"),
    },
    currencies={
        "$": Money(_unit("dollar"), _unit("cent")), "€": Money(_unit("euro"), _unit("cent")),
        "£": Money(_unit("pound"), Noun("penny", "pence")), "¥": Money(Noun("yen", "yen")),
        "₹": Money(_unit("rupee"), Noun("paisa", "paise")),
        "CHF": Money(_unit("Swiss franc"), _unit("centime")),
    },
    scales=(
        Scale(Noun("thousand", "thousand"), ("thousand", "k", "K")),
        Scale(Noun("million", "million"), ("million", "mn", "m", "M")),
        Scale(Noun("billion", "billion"), ("billion", "bn", "b", "B")),
        Scale(Noun("trillion", "trillion"), ("trillion", "tn")),
        Scale(Noun("hundred", "hundred"), ("hundred",)),
    ),
    of="",
    with_cents=" and ",
    says_cents=True,
    fractions={
        "1/2": ("one half", "and a half"), "1/4": ("one quarter", "and a quarter"),
        "3/4": ("three quarters", "and three quarters"), "1/3": ("one third", "and a third"),
        "2/3": ("two thirds", "and two thirds"), "1/8": ("one eighth", "and an eighth"),
        "24/7": ("twenty-four seven", "twenty-four seven"),
    },
    words={
        "to": "to", "against": "to", "minus": "minus", "plus": "plus", "times": "times",
        "over": "over", "equals": "equals", "about": "about", "number": "number", "and": "and",
        "at": "at", "dot": "dot", "less": "less than", "more": "greater than", "slash": "slash",
        "dash": "dash", "underscore": "underscore", "link": "link", "section": "section",
        "squared": "squared", "not": "is not",
    },
    abbreviations=(
        (r"(?<=[a-z] )Dr\.(?=\s*(?:$|[,;]))", "Drive"),
        (r"\bDr\.(?= [^\W\d_])", "Doctor"), (r"\bDr(?= [A-Z])", "Doctor"),
        (r"\bDrs\.(?= )", "Doctors"),
        (r"\bMr\b\.?(?= [A-Z])", "Mister"), (r"\bMrs\b\.?(?= [A-Z])", "Missus"),
        (r"\bMs\b\.?(?= [A-Z])", "Miz"), (r"\bProf\.", "Professor"),
        (r"(?<=[a-z] )St\.(?!\s+[A-Z])", "Street"), (r"\bSt\.(?= [A-Z])", "Saint"),
        (r"(?<=\w )(?:Ave)\.", "Avenue"), (r"(?<=\w )Blvd\.?(?!\w)", "Boulevard"),
        (r"(?<=[a-z] )Rd\.", "Road"), (r"\bMt\.(?= [A-Z])", "Mount"), (r"\bFt\.(?= [A-Z])", "Fort"),
        (r"(?<=\w )Jr\.", "Junior"), (r"(?<=\w )Sr\.", "Senior"),
        (r"\be\.\s?g\.", "for example"), (r"\bi\.\s?e\.", "that is"), (r"\betc\.", "et cetera"),
        (r"\bvs?\.(?= )|\bvs\b", "versus"), (r"\bapprox\.", "approximately"),
        (r"\bcf\.", "compare"), (r"\bincl\.", "including"), (r"\bet al\.", "and others"),
        (r"\bca?\.(?= ?\d)", "about"), (r"\b[Dd]ept\.", "department"),
        (r"\bInc\.", "Incorporated"), (r"\bLtd\.", "Limited"), (r"\bCorp\.", "Corporation"),
        (r"\bCo\.", "Company"), (r"\bGov\.(?= [A-Z])", "Governor"),
        (r"\bSen\.(?= [A-Z])", "Senator"), (r"\bGen\.(?= [A-Z])", "General"),
        (r"\bCapt\.(?= [A-Z])", "Captain"), (r"\bLt\.(?= [A-Z])", "Lieutenant"),
        (r"\bw/o(?= )", "without"),
        (r"\bw/(?= )", "with"),
        (r"\b[Ss]ec\.(?= ?\d)", "section"),
        (r"\b[Nn]os\.(?= ?\d)", "numbers"), (r"\b[Nn]o\.(?= ?\d)", "number"),
        (r"\b[Ff]ig\.(?= ?\d)", "figure"), (r"\b[Vv]ol\.(?= ?\d)", "volume"),
        (r"\b[Cc]h\.(?= ?\d)", "chapter"), (r"\bpp\.(?= ?\d)", "pages"), (r"\bp\.(?= ?\d)", "page"),
        (r"\b[Mm]ax\.", "maximum"), (r"\b[Mm]in\.(?! *\d)", "minimum"),
        (r"\b[Tt]el\.", "telephone"),
        (r"\b[Ee]xt\.(?= ?\d)", "extension"), (r"\ba\.m\.", "AM"), (r"\bp\.m\.", "PM"),
        (r"\bU\.S\.A\.", "USA"), (r"\bU\.S\.", "US"), (r"\bU\.K\.", "UK"), (r"\bPh\.\s?D\.", "PhD"),
        (r"\bMon\.", "Monday"), (r"\bTues?\.", "Tuesday"), (r"\bWed\.", "Wednesday"),
        (r"\bThur?s?\.", "Thursday"), (r"\bFri\.", "Friday"), (r"\bJan\.", "January"),
        (r"\bFeb\.", "February"), (r"\bAug\.", "August"), (r"\bSept?\.", "September"),
        (r"\bOct\.", "October"), (r"\bNov\.", "November"), (r"\bDec\.", "December"),
    ),
    may_end=frozenset({
        "et cetera", "AM", "PM", "US", "UK", "USA", "Incorporated", "Limited", "Corporation",
        "Company", "Street", "Avenue", "Road", "Drive", "Junior", "Senior", "and others", "PhD",
        "maximum", "minimum",
    }),
    dialled=r"(?i:\b(?:call|dial|ring|phone|text)(?: us)?(?: (?:at|on))?) ",
    month_first=True,
)  # fmt: skip
