# SPDX-License-Identifier: Apache-2.0
"""What a value may be. One description makes the JSON schema, lets values through, and refuses.

`fit` keeps what is as described and drops the rest, telling of each: whoever makes a report ignores
what it tells, whoever is sent one refuses the report for it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

from driving_client.texts import excerpt

DROPPED: Final = object()
"""What is left of a value that is not as described."""
Tell = Callable[[str], None]


class Shape(Protocol):
    """What a value may be."""

    def fit(self, value: object, where: str, tell: Tell) -> Any:
        """The value, or what of it is as described, or DROPPED; `tell` hears of all else."""

    def schema(self) -> dict[str, Any]:
        """The same as a JSON schema."""


@dataclass(frozen=True, slots=True)
class Number:
    """A number within bounds; `whole` takes no fractions."""

    low: float
    high: float
    text: str = ""
    whole: bool = True

    def fit(self, value: object, where: str, tell: Tell) -> Any:
        """Booleans are no numbers, nor are NaN and the infinities."""
        right = isinstance(value, int) or (isinstance(value, float) and not self.whole)
        if isinstance(value, bool) or not right:
            tell(f"{where}: must be a {'whole ' if self.whole else ''}number")
            return DROPPED
        # Compared before anything is made of it: a whole number may be larger than any float
        if not self.low <= value <= self.high or math.isnan(value):  # type: ignore[operator,arg-type]
            tell(f"{where}: must be from {self.low:g} to {self.high:g}")
            return DROPPED
        return value

    def schema(self) -> dict[str, Any]:
        """With its bounds."""
        kind = "integer" if self.whole else "number"
        return _described(self.text, type=kind, minimum=self.low, maximum=self.high)


@dataclass(frozen=True, slots=True)
class Switch:
    """True or false."""

    text: str = ""

    def fit(self, value: object, where: str, tell: Tell) -> Any:
        """Nothing else is one of them."""
        if isinstance(value, bool):
            return value
        tell(f"{where}: must be true or false")
        return DROPPED

    def schema(self) -> dict[str, Any]:
        """A boolean."""
        return _described(self.text, type="boolean")


@dataclass(frozen=True, slots=True)
class Word:
    """One of some words."""

    words: tuple[str, ...]
    text: str = ""

    def fit(self, value: object, where: str, tell: Tell) -> Any:
        """As it is written."""
        if isinstance(value, str) and value in self.words:
            return value
        told = excerpt(value, 40) if isinstance(value, str) else "that"
        tell(f"{where}: '{told}' is not one of {', '.join(self.words)}")
        return DROPPED

    def schema(self) -> dict[str, Any]:
        """The words."""
        return _described(self.text, type="string", enum=list(self.words))


@dataclass(frozen=True, slots=True)
class Text:
    """A text that a pattern holds whole; the pattern bounds its length, too."""

    pattern: str
    text: str = ""

    def fit(self, value: object, where: str, tell: Tell) -> Any:
        """In ASCII alone: a pattern's \\d and \\w are meant so."""
        if isinstance(value, str) and re.fullmatch(self.pattern, value, re.ASCII):
            return value
        told = excerpt(value, 40) if isinstance(value, str) else "that"
        tell(f"{where}: '{told}' is not of the form {self.pattern}")
        return DROPPED

    def schema(self) -> dict[str, Any]:
        """With the pattern."""
        return _described(self.text, type="string", pattern=f"^(?:{self.pattern})$")


@dataclass(frozen=True, slots=True)
class Listing:
    """Up to `most` values of one kind."""

    item: Shape
    most: int
    text: str = ""

    def fit(self, value: object, where: str, tell: Tell) -> Any:
        """Those of them that are as described."""
        if not isinstance(value, list):
            tell(f"{where}: must be a list")
            return DROPPED
        if len(value) > self.most:
            tell(f"{where}: has more than {self.most} entries")
        fitted = (
            self.item.fit(each, f"{where}[{number}]", tell)
            for number, each in enumerate(value[: self.most])
        )
        return [each for each in fitted if each is not DROPPED]

    def schema(self) -> dict[str, Any]:
        """An array."""
        return _described(self.text, type="array", maxItems=self.most, items=self.item.schema())


@dataclass(frozen=True, slots=True)
class Record:
    """Named values; without those that are `needed` it is none."""

    fields: Mapping[str, Shape]
    needed: tuple[str, ...] = ()
    text: str = ""

    def fit(self, value: object, where: str, tell: Tell) -> Any:
        """Its known fields, in the order of the description."""
        if not isinstance(value, dict):
            tell(f"{where or 'the report'}: must hold fields")
            return DROPPED
        begin = f"{where}." if where else ""
        for name in value:
            if name not in self.fields:
                tell(f"{begin}{excerpt(str(name), 40)}: unknown field")
        fitted = {
            name: shape.fit(value[name], begin + name, tell)
            for name, shape in self.fields.items()
            if name in value
        }
        kept = {name: each for name, each in fitted.items() if each is not DROPPED}
        for name in self.needed:
            if name not in value:
                tell(f"{begin}{name}: missing")
        return kept if all(name in kept for name in self.needed) else DROPPED

    def schema(self) -> dict[str, Any]:
        """An object that takes no other field."""
        return _described(
            self.text,
            type="object",
            additionalProperties=False,
            required=list(self.needed),
            properties={name: shape.schema() for name, shape in self.fields.items()},
        )


def table(names: tuple[str, ...], shape: Shape, text: str = "") -> Record:
    """A record all of whose fields are alike."""
    return Record(dict.fromkeys(names, shape), text=text)


def _described(text: str, **keys: Any) -> dict[str, Any]:
    return ({"description": text} if text else {}) | keys
