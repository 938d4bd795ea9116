# SPDX-License-Identifier: Apache-2.0
"""Spanish."""

from __future__ import annotations

import re
from typing import Final

from driving_client.speakable.wording import Money, Noun, Scale, Wording

_SMALL: Final = [
    "cero",
    "uno",
    "dos",
    "tres",
    "cuatro",
    "cinco",
    "seis",
    "siete",
    "ocho",
    "nueve",
    "diez",
    "once",
    "doce",
    "trece",
    "catorce",
    "quince",
    "dieciséis",
    "diecisiete",
    "dieciocho",
    "diecinueve",
    "veinte",
    "veintiuno",
    "veintidós",
    "veintitrés",
    "veinticuatro",
    "veinticinco",
    "veintiséis",
    "veintisiete",
    "veintiocho",
    "veintinueve",
]
_TENS: Final = [
    ".",
    ".",
    ".",
    "treinta",
    "cuarenta",
    "cincuenta",
    "sesenta",
    "setenta",
    "ochenta",
    "noventa",
]
_HUNDREDS: Final = [
    ".",
    "ciento",
    "doscientos",
    "trescientos",
    "cuatrocientos",
    "quinientos",
    "seiscientos",
    "setecientos",
    "ochocientos",
    "novecientos",
]
_ORDINALS: Final = [
    ".",
    "primero",
    "segundo",
    "tercero",
    "cuarto",
    "quinto",
    "sexto",
    "séptimo",
    "octavo",
    "noveno",
    "décimo",
    "undécimo",
    "duodécimo",
]
_ORDINAL_TENS: Final = [
    ".",
    "décimo",
    "vigésimo",
    "trigésimo",
    "cuadragésimo",
    "quincuagésimo",
    "sexagésimo",
    "septuagésimo",
    "octogésimo",
    "nonagésimo",
]
MONTHS: Final = (
    "enero", "febrero", "marzo", "abril", "mayo", "junio", "julio", "agosto", "septiembre",
    "octubre", "noviembre", "diciembre",
)  # fmt: skip
_SIGNS: Final = {
    **{name: index for index, name in enumerate(MONTHS, 1)},
    **{name[:3]: index for index, name in enumerate(MONTHS, 1)},
    "sept": 9, "setiembre": 9,
}  # fmt: skip
_MONTH: Final = (
    r"(?P<month>(?i:enero|febrero|marzo|abril|mayo|junio|julio|agosto|sep?tiembre|octubre|noviembre"
    r"|diciembre)\b|(?:ene|feb|mar|abr|may|jun|jul|ago|sept?|oct|nov|dic)\b\.?)"
)


def cardinal(number: int, gender: str = "") -> str:
    """Spanish number words; "un" or "una" before a noun, and doscientas before a feminine one."""
    if number >= 10**6:
        count, rest = divmod(number, 10**6)
        if count >= 10**6:
            billions, count = divmod(count, 10**6)
            said = f"{cardinal(billions, 'm')} {'billón' if billions == 1 else 'billones'}"
            below = number % 10**12
            return f"{said} {cardinal(below, gender)}" if below else said
        said = f"{cardinal(count, 'm')} {'millón' if count == 1 else 'millones'}"
        return f"{said} {cardinal(rest, gender)}" if rest else said
    if number >= 1000:
        count, rest = divmod(number, 1000)
        said = f"{_below_thousand(count, gender or 'm')} mil" if count > 1 else "mil"
        return f"{said} {_below_thousand(rest, gender)}" if rest else said
    return _below_thousand(number, gender)


def _below_thousand(number: int, gender: str) -> str:
    if number >= 100:
        count, rest = divmod(number, 100)
        if number == 100:
            return "cien"
        said = _HUNDREDS[count]
        if gender == "f" and count > 1:
            said = f"{said[:-2]}as"
        return f"{said} {_below_thousand(rest, gender)}" if rest else said
    if number < 30:
        said = _SMALL[number]
    else:
        tens, ones = divmod(number, 10)
        said = f"{_TENS[tens]} y {_SMALL[ones]}" if ones else _TENS[tens]
    if gender and said.endswith("uno"):
        if gender == "f":
            return f"{said[:-1]}a"
        return "veintiún" if said == "veintiuno" else said[:-1]
    return said


def ordinal(number: int, ending: str) -> str:
    """Primero, tercera, primer; from a hundred on the cardinal, as is said."""
    if number < 13:
        said = _ORDINALS[number]
    elif number < 100:
        tens, ones = divmod(number, 10)
        said = f"{_ORDINAL_TENS[tens]} {_ORDINALS[ones]}" if ones else _ORDINAL_TENS[tens]
    else:
        return cardinal(number)
    if ending == "a":
        return re.sub(r"o\b", "a", said)
    return said[:-1] if ending == "er" and said.endswith(("primero", "tercero")) else said


def _date(day: int, month: int, of_year: int, _before: str) -> str:
    said = f"{'primero' if day == 1 else cardinal(day)} de {MONTHS[month - 1]}"
    return f"{said} de {cardinal(of_year)}" if of_year else said


def _clock(hour: int, minute: int, suffix: str) -> str:
    said = cardinal(hour, "f")
    if minute:
        said += f" y {cardinal(minute)}"
    elif not suffix.startswith(("a", "p")):
        said += " en punto" if 0 < hour < 13 else " horas"
    half = {"a": " de la mañana", "p": " de la tarde"}
    return said + half.get(suffix[:1].lower(), "")


def _ordinal_of(number: str, _before: str, ending: str) -> str:
    kind = {"ª": "a", "a": "a", "er": "er"}.get(ending.lstrip("."), "o")
    return ordinal(int(number), kind) if int(number) else "cero"


def _countable(word: str) -> str:
    if not re.match(r"[^\W\d_]{3}", word) or word in ("por", "para", "pero", "con", "una", "era"):
        return ""
    return "f" if re.search(r"(?:as?|ión|iones|dad|dades)$", word) else "m"


def _unit(word: str, gender: str = "m", many: str = "") -> Noun:
    return Noun(word, many or f"{word}s", gender)


WORDING: Final = Wording(
    code="es",
    cardinal=cardinal,
    year=cardinal,
    date=_date,
    clock=_clock,
    months=MONTHS,
    month_signs=_SIGNS,
    dates=(
        rf"(?<![\d.,])(?P<day>\d{{1,2}})(?:º|\.º)?(?: de)? {_MONTH}"
        r"(?:(?: de| del)? (?P<year>\d{4})\b)?",
    ),
    times=(
        r"(?P<hour>\d{1,2}):(?P<minute>\d\d)(?:\s?(?P<suffix>[ap]\.?\s?m\b(?:\.(?!\s+[A-ZÁ-Ú]|\s*$))?|hs?\b))?",
        r"(?P<hour>\d{1,2})\s?(?P<suffix>[ap]\.?\s?m\b(?:\.(?!\s+[A-ZÁ-Ú]|\s*$))?)",
    ),
    ordinals=((r"(?P<number>\d+)(?P<ending>\.?(?:º|ª|er\b|o\b|a\b)|°(?= ))", _ordinal_of),),
    thousands=".",
    decimal=",",
    point="coma",
    joined_fraction=True,
    units={
        "km": _unit("kilómetro"), "m": _unit("metro"), "dm": _unit("decímetro"),
        "cm": _unit("centímetro"), "mm": _unit("milímetro"), "µm": _unit("micrómetro"),
        "nm": _unit("nanómetro"), "m²": _unit("metro cuadrado", many="metros cuadrados"),
        "km²": _unit("kilómetro cuadrado", many="kilómetros cuadrados"),
        "cm²": _unit("centímetro cuadrado", many="centímetros cuadrados"),
        "m³": _unit("metro cúbico", many="metros cúbicos"),
        "cm³": _unit("centímetro cúbico", many="centímetros cúbicos"),
        "km/h": _unit("kilómetro por hora", many="kilómetros por hora"),
        "m/s": _unit("metro por segundo", many="metros por segundo"), "kg": _unit("kilogramo"),
        "g": _unit("gramo"), "mg": _unit("miligramo"), "t": _unit("tonelada", "f"),
        "l": _unit("litro"), "L": _unit("litro"), "ml": _unit("mililitro"),
        "ha": _unit("hectárea", "f"),
        "°C": _unit("grado Celsius", many="grados Celsius"),
        "°F": _unit("grado Fahrenheit", many="grados Fahrenheit"), "°": _unit("grado"),
        "%": Noun("por ciento", "por ciento", ""), "‰": Noun("por mil", "por mil", ""),
        "kB": _unit("kilobyte"), "KB": _unit("kilobyte"), "MB": _unit("megabyte"),
        "GB": _unit("gigabyte"), "TB": _unit("terabyte"),
        "Mbit/s": _unit("megabit por segundo", many="megabits por segundo"),
        "MB/s": _unit("megabyte por segundo", many="megabytes por segundo"),
        "Hz": _unit("hercio"), "kHz": _unit("kilohercio"), "MHz": _unit("megahercio"),
        "GHz": _unit("gigahercio"), "W": _unit("vatio"), "kW": _unit("kilovatio"),
        "MW": _unit("megavatio"), "V": _unit("voltio"),
        "kWh": _unit("kilovatio hora", many="kilovatios hora"),
        "dB": _unit("decibelio"), "h": _unit("hora", "f"), "min": _unit("minuto"),
        "s": _unit("segundo"), "ms": _unit("milisegundo"), "kcal": _unit("kilocaloría", "f"),
        "px": Noun("píxel", "píxeles"),
    },
    currencies={
        "€": Money(_unit("euro"), _unit("céntimo")),
        "$": Money(Noun("dólar", "dólares"), _unit("centavo")),
        "£": Money(_unit("libra", "f"), Noun("penique", "peniques")),
        "¥": Money(Noun("yen", "yenes")), "₹": Money(_unit("rupia", "f")),
        "CHF": Money(_unit("franco suizo", many="francos suizos"), _unit("céntimo")),
    },
    scales=(
        Scale(Noun("mil", "mil"), ("mil", "k")),
        Scale(Noun("millón", "millones"), ("millones", "millón", "M")),
        Scale(Noun("mil millones", "mil millones", ""), ("mil millones",)),
    ),
    of="de",
    with_cents=" con ",
    says_cents=False,
    fractions={
        "1/2": ("un medio", "y medio"), "1/4": ("un cuarto", "y cuarto"),
        "3/4": ("tres cuartos", "y tres cuartos"), "1/3": ("un tercio", "y un tercio"),
        "2/3": ("dos tercios", "y dos tercios"), "1/8": ("un octavo", "y un octavo"),
    },
    words={
        "to": "a", "against": "a", "minus": "menos", "plus": "más", "times": "por",
        "over": "entre", "equals": "igual a", "about": "aproximadamente", "number": "número",
        "and": "y", "at": "arroba", "dot": "punto", "less": "menor que", "more": "mayor que",
        "slash": "barra", "dash": "guion", "underscore": "guion bajo", "link": "enlace",
        "section": "artículo", "squared": "al cuadrado", "not": "distinto de",
    },
    abbreviations=(
        (r"\bSres\.", "Señores"), (r"\bSra\.", "Señora"), (r"\bSrta\.", "Señorita"),
        (r"\bSr\.", "Señor"), (r"\bDra\.", "Doctora"), (r"\bDr\.", "Doctor"),
        (r"\bProfa?\.", "Profesor"), (r"\bD\.(?= [A-ZÁ-Ú])", "Don"),
        (r"\bD(?:ña|ª)\.?(?= )", "Doña"),
        (r"\bUds\.", "ustedes"), (r"\bUd\.", "usted"), (r"\bVds?\.", "usted"),
        (r"\bp\.\s?ej\.", "por ejemplo"), (r"\bes decir\b", "es decir"), (r"\betc\.", "etcétera"),
        (r"\bEE\.?\s?UU\.?(?!\w)", "Estados Unidos"), (r"\ba\.\s?C\.", "antes de Cristo"),
        (r"\bd\.\s?C\.", "después de Cristo"), (r"\bn\.?[ºo°]\s?(?=\d)", "número "),
        (r"\b[Nn]úm\.", "número"), (r"\b[Pp]ágs\.", "páginas"), (r"\b[Pp]ág\.", "página"),
        (r"\b[Pp]\.(?= ?\d)", "página"), (r"\b[Aa]vda?\.", "avenida"), (r"\b[Aa]v\.", "avenida"),
        (r"\b[Cc]/(?= ?[A-ZÁ-Ú])", "calle "), (r"\b[Tt]el\.", "teléfono"),
        (r"\b[Tt]fno\.", "teléfono"),
        (r"\b[Aa]prox\.", "aproximadamente"), (r"\b[Mm]áx\.", "máximo"), (r"\b[Mm]ín\.", "mínimo"),
        (r"\b[Cc]ap\.(?= ?\d)", "capítulo"), (r"\b[Aa]rt\.(?= ?\d)", "artículo"),
        (r"\b[Ff]ig\.(?= ?\d)", "figura"), (r"\b[Vv]ol\.(?= ?\d)", "volumen"),
        (r"\bvs\b\.?", "contra"), (r"\bSto\.(?= )", "Santo"), (r"\bSta\.(?= )", "Santa"),
        (r"\bdpto\.", "departamento"), (r"\bCía\.", "compañía"), (r"\b[Ii]ncl\.", "incluido"),
        (r"\bene\.", "enero"), (r"\bfeb\.", "febrero"), (r"\bsept?\.", "septiembre"),
        (r"\boct\.", "octubre"), (r"\bnov\.", "noviembre"), (r"\bdic\.", "diciembre"),
    ),
    may_end=frozenset({
        "etcétera", "Estados Unidos", "antes de Cristo", "después de Cristo", "máximo", "mínimo",
    }),
    dialled=r"(?i:\b(?:llame|llama|marque|marca|llamen)(?: al| el)?) ",
    countable=_countable,
)  # fmt: skip
