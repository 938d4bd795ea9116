# SPDX-License-Identifier: Apache-2.0
"""What a person reads of kioskctl: checks with what to do below them, and lines.

Texts come from the kiosk that was asked, its endpoint and its files: every line is made printable,
so that none of them repaints the terminal or feigns another line.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any, Final

from driving_client.texts import printable

_MARKS: Final = {"pass": "ok  ", "warn": "WARN", "fail": "FAIL"}
_WIDTH: Final = 18


def show(line: str) -> None:
    """One line on standard output."""
    print(printable(line))


def show_error(problem: str) -> None:
    """What is wrong, on standard error."""
    print(f"error: {printable(problem)}", file=sys.stderr)


def print_check(name: str, status: str, observed: str, lines: Iterable[str]) -> None:
    """One check; `status` is pass, warn or fail."""
    show(f"{_MARKS[status]} {name:<{_WIDTH}}  {observed}")
    for line in lines:
        show(f"     {'':<{_WIDTH}}  {line}")


def print_checks(checks: dict[str, Any]) -> None:
    """The checks of a health answer."""
    for name, check in checks.items():
        lines = [f"{reason['code']}: {reason['text']}" for reason in check["reasons"]]
        if lines:
            lines.append(f"since {check['since']}")
        print_check(name, check["status"], check["observed"], lines)
