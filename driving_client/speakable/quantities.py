# SPDX-License-Identifier: Apache-2.0
"""Prices and what is measured: a number with a sign before or behind it, as it is said."""

from __future__ import annotations

import re
from typing import Final

from driving_client.speakable.figures import (
    LEFT,
    Rule,
    amount,
    counted,
    is_one,
    number_pattern,
    split_number,
)
from driving_client.speakable.wording import Money, Noun, Scale, Wording

_CODES: Final = {"USD": "$", "EUR": "€", "GBP": "£", "JPY": "¥", "INR": "₹", "CHF": "CHF"}
_COUNTRIES: Final = r"(?:US|CA|AU|NZ|HK|[AC])"
_NAMED: Final = {
    "US": "US", "CA": "Canadian", "C": "Canadian", "AU": "Australian", "A": "Australian",
    "NZ": "New Zealand", "HK": "Hong Kong",
}  # fmt: skip
"""Whose dollar it is, told in English only."""
_SIGNS: Final = rf"(?:{_COUNTRIES}?\$|[€£¥₹]|\b(?:{'|'.join(_CODES)})\b)"


def money(wording: Wording) -> list[Rule]:
    """Prices: $5, 5,50 €, US$2.5 million, EUR 3, €5–10."""
    number = number_pattern(wording)
    scales = {sign: scale for scale in wording.scales for sign in scale.signs}
    ordered = "|".join(re.escape(sign) for sign in sorted(scales, key=len, reverse=True))
    scale = rf"(?: ?(?P<scale>{ordered})(?![\w²³]))?"
    to = re.escape(wording.words["to"])
    low = rf"(?:(?P<low>{number})(?: {to} |-)(?:{_SIGNS} ?)?)?"

    def said(found: re.Match[str]) -> str:
        coin = found["sign"]
        known = wording.currencies[_CODES.get(coin, coin[-1])]
        if wording.code == "en" and coin[:-1] in _NAMED:
            known = Money(
                Noun(f"{_NAMED[coin[:-1]]} dollar", f"{_NAMED[coin[:-1]]} dollars"), known.cents
            )
        word = _price(found["number"], scales.get(found["scale"] or ""), known, wording)
        if found["low"]:
            return f"{amount(found['low'], wording)} {wording.words['to']} {word}"
        return word

    tail = r"(?![^\W_])(?![.,]\d)"
    return [
        (re.compile(r"(?<=\d),[-–—]+(?= ?€)|(?<=\d),[–—](?!\w)"), lambda _: ""),
        (re.compile(rf"(?<![\w$€£¥₹])(?P<sign>{_SIGNS}) ?{low}(?P<number>{number}){scale}{tail}"),
         said),
        (re.compile(rf"{LEFT}(?P<low>)(?P<number>{number}){scale} ?(?P<sign>{_SIGNS})(?![\w])"),
         said),
    ]  # fmt: skip


def _price(written: str, scale: Scale | None, known: Money, wording: Wording) -> str:
    coin, cents = known.coin, known.cents
    if scale is not None:
        counting = counted(written, scale.noun, wording)
        if wording.code == "es" and written == "1" and scale.noun.one == "mil":
            counting = "mil"
        large = f"{wording.of} " if wording.of and scale.noun.one not in ("mille", "mil") else ""
        if large == "de " and wording.code == "fr" and coin.many[0] in "aeiouy":
            large = "d'"
        return f"{counting} {large}{coin.many}"
    before, after = split_number(written, wording)
    if len(after) != 2 or not cents.one:
        return counted(written, coin, wording)
    whole = counted(before, coin, wording)
    if not int(after):
        return whole
    word = f" {cents.one if int(after) == 1 else cents.many}"
    if not int(before):
        return wording.cardinal(int(after), cents.gender) + word
    gender = cents.gender if wording.says_cents else ""
    said = wording.cardinal(int(after), gender)
    return whole + wording.with_cents + said + (word if wording.says_cents else "")


def units(wording: Wording) -> list[Rule]:
    """Numbers with a unit: 5 km/h, 20 °C, 3 GB, 50%."""
    number = number_pattern(wording)
    signs = "|".join(re.escape(sign) for sign in sorted(wording.units, key=len, reverse=True))
    to = re.escape(wording.words["to"])

    def said(found: re.Match[str]) -> str:
        noun = wording.units[found["unit"]]
        word = counted(found["number"], noun, wording)
        if found["low"]:
            return f"{amount(found['low'], wording)} {wording.words['to']} {word}"
        return word

    def scaled(found: re.Match[str]) -> str:
        scale = next(scale for scale in wording.scales if found["scale"] in scale.signs)
        word = scale.noun.one if is_one(found["number"], wording) else scale.noun.many
        return f"{amount(found['number'], wording, scale.noun.gender)} {word}"

    large = "|".join(
        re.escape(sign)
        for scale in wording.scales[1:]
        for sign in sorted(scale.signs, key=len, reverse=True)
        if len(sign) > 2
    )
    return [
        (re.compile(r"[º°] ?(?=[CF]\b)"), lambda _: "°"),
        (re.compile("℃"), lambda _: "°C"),
        (re.compile("℉"), lambda _: "°F"),
        (re.compile("(?<=m)\\^?2(?![\\w.])(?<=\\d [ck]m2|.\\d m2)|(?<=\\dm)2\\b"), lambda _: "²"),
        (re.compile(rf"{LEFT}(?:(?P<low>{number}) ?{to} )?(?P<number>{number})[ -]?"
                    rf"(?P<unit>{signs})(?![\w²³/])"), said),
        (re.compile(rf"{LEFT}(?P<number>{number}) (?P<scale>{large})(?!\w)"), scaled),
    ]  # fmt: skip
