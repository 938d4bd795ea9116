# SPDX-License-Identifier: Apache-2.0
"""Addresses of mail and hosts, and telephone numbers."""

from __future__ import annotations

import re
from typing import Final

from driving_client.speakable.figures import Rule, digits
from driving_client.speakable.wording import Wording

_ENDINGS: Final = (
    "ai|app|at|be|biz|ca|ch|cn|co|com|cz|de|dev|dk|edu|es|eu|fi|fr|gov|ie|info|int|io|it|jp|me|mil"
    "|mx|name|net|nl|no|online|org|pl|pt|ru|se|shop|tv|uk|us|xyz"
)
"""Two words with a point between are an address only with one of these."""
_HOST: Final = rf"(?:[A-Za-z0-9](?:[A-Za-z0-9-]{{0,62}})\.){{1,8}}(?:{_ENDINGS})(?![\w@-])(?!\.\w)"


def addresses(wording: Wording) -> list[Rule]:
    """somebody@example.com, example.org/menu."""
    words = wording.words

    def named(name: str) -> str:
        for sign, word in ((".", "dot"), ("-", "dash"), ("_", "underscore"), ("+", "plus")):
            name = name.replace(sign, f" {words[word]} ")
        return name

    def mail(found: re.Match[str]) -> str:
        return f"{named(found[1])} {words['at']} {named(found[2])}"

    def host(found: re.Match[str]) -> str:
        return named(found[1])

    return [
        (re.compile(r"\b(?:mailto:)?([\w.+-]{1,64})@([\w-]+(?:\.[\w-]+)+)"), mail),
        (re.compile(rf"(?<![\w@./-])({_HOST})(?:/[^\s<>\"()]*[\w/])?", re.IGNORECASE), host),
    ]


def telephones(wording: Wording) -> list[Rule]:
    """+49 30 123456, (555) 010-4477, 0171/1234567, 01 23 45 67 89, and "call 911"."""

    def group(written: str) -> str:
        if wording.paired_phone and len(written) == 2:
            zero = f"{wording.cardinal(0, '')} " if written[0] == "0" else ""
            return zero + wording.cardinal(int(written), "")
        return digits(written, wording)

    def said(found: re.Match[str]) -> str:
        count = len(re.findall(r"\d", found[0]))
        if not 7 <= count <= 15:
            return found[0]
        groups = re.findall(r"\d+", found[0].replace("(0)", ""))
        plus = f"{wording.words['plus']} " if found[0].startswith("+") else ""
        return plus + ", ".join(group(part) for part in groups)

    def dialled(found: re.Match[str]) -> str:
        return found[1] + digits(found[2], wording)

    left, right = r"(?<![\w.,+/-])", r"(?![\w/-])(?![.,]\d)"
    kinds = [
        rf"{left}\+\d{{1,3}}(?:[ ./-]?\(?\d{{1,5}}\)?){{2,6}}",
        rf"{left}(?:1-)?(?:\(\d{{3}}\) ?|\d{{3}}[-.])\d{{3}}[-.]\d{{4}}",
        rf"{left}\d{{3}}-\d{{4}}",
        rf"{left}0\d{{1,5}}(?: ?[/-] ?| )\d{{2,8}}(?:[ -]\d{{1,6}}){{0,4}}",
        rf"{left}\d{{3}} \d{{3}} \d{{4}}",
    ]
    if wording.code == "es":
        kinds.append(rf"{left}[6-9]\d\d \d{{3}} \d{{3}}|{left}[6-9]\d\d(?: \d\d){{3}}")
    return [
        *((re.compile(kind + right), said) for kind in kinds),
        (re.compile(rf"({wording.dialled})(\d{{3,6}}){right}(?! ?[%€$°])"), dialled),
    ]
