# SPDX-License-Identifier: Apache-2.0
"""How checks are shown to a person: a line each, and below it what to do."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

_MARKS: Final = {"pass": "ok  ", "warn": "WARN", "fail": "FAIL"}
_WIDTH: Final = 18


def print_check(name: str, status: str, observed: str, lines: Iterable[str]) -> None:
    """One check; `status` is pass, warn or fail."""
    print(f"{_MARKS[status]} {name:<{_WIDTH}}  {observed}")
    for line in lines:
        print(f"     {'':<{_WIDTH}}  {line}")


def print_checks(checks: dict[str, Any]) -> None:
    """The checks of a health answer."""
    for name, check in checks.items():
        lines = [f"{reason['code']}: {reason['text']}" for reason in check["reasons"]]
        if lines:
            lines.append(f"since {check['since']}")
        print_check(name, check["status"], check["observed"], lines)
