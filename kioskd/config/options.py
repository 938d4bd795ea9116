# SPDX-License-Identifier: Apache-2.0
"""One option of the configuration: its type, bounds, default and help, and what a value may be.

`kioskd.config.sections` declares every option once with `option(...)`. Validation, the JSON
schema, the reference page and the effective configuration in the health answer are all
derived from that table (`kioskd.config.table`); nothing else knows an option's bounds.
"""

from __future__ import annotations

import math
import re
from dataclasses import MISSING, Field, dataclass, field, fields
from enum import Enum
from typing import Any, TypeVar
from unicodedata import category

from driving_client.address import HTTP, WEBSOCKET, check_host, check_url, without_secrets
from driving_client.errors import AddressError
from driving_client.link.network import check_proxy

T = TypeVar("T")
Value = bool | int | float | str

_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")
_METADATA_KEY = "kiosk_option"
MAX_TEXT = 1024
AUTO = "auto"
"""What an option of Kind.MEASURED says when the kiosk shall find the number itself."""
_NO_TEXT = ("Cc", "Cs", "Zl", "Zp")
"""Unicode's control characters, surrogates (no encoding takes them), line and paragraph ends."""


class Kind(Enum):
    """What an option's value is; the value is the word used in messages and in the reference."""

    SWITCH = "true or false"
    INTEGER = "a whole number"
    NUMBER = "a number"
    MEASURED = "auto or a number"
    TEXT = "text"
    FILE = "a file name"
    SECRET_FILE = "the name of a file that holds a secret"
    COLOUR = "a colour such as '#ffffff'"
    HTTP_URL = "an http:// or https:// address"
    WEBSOCKET_URL = "a ws:// or wss:// address"
    PROXY = "the http:// address of a proxy"
    HOST = "an IP address or a host name"


_SCHEMES = {Kind.HTTP_URL: HTTP, Kind.WEBSOCKET_URL: WEBSOCKET}


@dataclass(frozen=True, slots=True)
class Rule:
    """What a value must obey. `live`: a changed value applies without a restart."""

    kind: Kind
    text: str
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[Value, ...] = ()
    live: bool = False


@dataclass(frozen=True, slots=True)
class Option:
    """One row of the table; `key` is `section.name`."""

    key: str
    default: Value
    rule: Rule

    @property
    def section(self) -> str:
        """The part of the key before the dot."""
        return self.key.partition(".")[0]

    @property
    def name(self) -> str:
        """The part of the key after the dot."""
        return self.key.partition(".")[2]


def option(
    default: T,
    text: str,
    *,
    kind: Kind | None = None,
    minimum: float | None = None,
    maximum: float | None = None,
    choices: tuple[Value, ...] = (),
    live: bool = False,
) -> T:
    """A field of a section's dataclass with its row of the table; the type is the default's."""
    by_type = {bool: Kind.SWITCH, int: Kind.INTEGER, float: Kind.NUMBER, str: Kind.TEXT}
    rule = Rule(kind or by_type[type(default)], text, minimum, maximum, choices, live)
    return field(default=default, metadata={_METADATA_KEY: rule})


def options_of(section: str, section_type: type[Any]) -> list[Option]:
    """The rows that a section's dataclass declares, in order."""
    rows = []
    declared: tuple[Field[Any], ...] = fields(section_type)
    for each in declared:
        assert each.default is not MISSING
        rows.append(Option(f"{section}.{each.name}", each.default, each.metadata[_METADATA_KEY]))
    return rows


def allowed(rule: Rule) -> str:
    """What the value may be, in words, for messages and for the reference page."""
    if rule.choices:
        return "one of " + ", ".join(str(choice) for choice in rule.choices)
    if rule.minimum is not None and rule.maximum is not None:
        return f"{rule.kind.value} from {rule.minimum:g} to {rule.maximum:g}"
    return rule.kind.value


def check_value(row: Option, value: object) -> Value:
    """The value in the option's own type; raises ValueError saying what is wrong and allowed."""
    rule = row.rule
    wanted = allowed(rule)
    if rule.kind is Kind.SWITCH:
        if not isinstance(value, bool):
            raise ValueError(f"{shown(value)} is not {wanted}")
        return value
    checked: Value
    if rule.kind is Kind.MEASURED and value == AUTO:
        return AUTO
    if rule.kind in (Kind.INTEGER, Kind.NUMBER, Kind.MEASURED):
        checked = _check_number(rule, value, wanted)
    else:
        checked = _check_text(rule, value, wanted)
    if rule.choices and checked not in rule.choices:
        raise ValueError(f"{shown(value)} is not allowed; it must be {wanted}")
    return checked


def _check_number(rule: Rule, value: object, wanted: str) -> int | float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{shown(value)} is not {wanted}")
    # Not asked of whole numbers: those too large for a float raise OverflowError there
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{shown(value)} is not {wanted}")
    if rule.kind is Kind.INTEGER and value != int(value):
        raise ValueError(f"{shown(value)} is not {wanted}")
    if rule.minimum is not None and value < rule.minimum:
        raise ValueError(f"{shown(value)} is too small; it must be {wanted}")
    if rule.maximum is not None and value > rule.maximum:
        raise ValueError(f"{shown(value)} is too large; it must be {wanted}")
    return int(value) if rule.kind is Kind.INTEGER else float(value)


def _check_text(rule: Rule, value: object, wanted: str) -> str:
    if not isinstance(value, str):
        hint = "" if rule.choices else "; put it in quotes if text is meant"
        raise ValueError(f"{shown(value)} is not {wanted}{hint}")
    if len(value) > MAX_TEXT:
        raise ValueError(f"longer than the {MAX_TEXT} characters allowed")
    odd = next((each for each in value if category(each) in _NO_TEXT), "")
    if odd:
        raise ValueError(
            f"contains a control character or a lone surrogate (U+{ord(odd):04X}), which is not "
            "allowed"
        )
    if rule.kind is Kind.COLOUR and not _COLOUR.fullmatch(value):
        raise ValueError(f"{shown(value)} is not {wanted}")
    if rule.kind in _SCHEMES and value:
        try:
            check_url(value, _SCHEMES[rule.kind])
        except AddressError as error:
            raise ValueError(f"'{without_secrets(value)}' is not {wanted}: {error}") from error
    if rule.kind is Kind.PROXY and value:
        try:
            check_proxy(value)
        except AddressError as error:
            raise ValueError(f"'{without_secrets(value)}' is not {wanted}: {error}") from error
    if rule.kind is Kind.HOST:
        try:
            check_host(value)
        except AddressError as error:
            raise ValueError(f"{shown(value)} is not {wanted}: {error}") from error
    return value


def shown(value: object) -> str:
    """A value as messages show it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        # Not rounded to a bound that it is beyond
        return f"{value:g}" if float(f"{value:g}") == value else repr(value)
    if isinstance(value, int):
        # Python writes no more than 4300 decimal digits
        return _cut(hex(value) if value.bit_length() > 14_000 else str(value))
    if isinstance(value, str):
        return f"'{_cut(value)}'"
    if value is None:
        return "an empty value"
    if isinstance(value, list):
        return "a list"
    return "a group of keys" if isinstance(value, dict) else _cut(str(value))


def _cut(text: str) -> str:
    return f"{text[:60]}…" if len(text) > 60 else text
