# SPDX-License-Identifier: Apache-2.0
"""What a health answer must hold before any command reads it.

`--url` may name anything that speaks HTTP, and a kiosk may be of another version: what is read
here is checked here once, so that the commands need not.
"""

from __future__ import annotations

from typing import Any, Final

_WORDS: Final = ("pass", "warn", "fail")
_LONGEST_S: Final = 1e10
"""Three hundred years."""


def is_health(told: dict[str, Any]) -> bool:
    """Whether an answer has status, version, uptime and checks in the form that we give them."""
    checks = told.get("checks")
    return (
        told.get("status") in _WORDS
        and isinstance(told.get("version"), str)
        and _is_duration(told.get("uptime_s"))
        and isinstance(told.get("figures", {}), dict)
        and isinstance(checks, dict)
        and all(_is_check(check) for check in checks.values())
    )


def _is_duration(value: object) -> bool:
    # Compared before anything is made of it: a number of JSON may be larger than any float
    return isinstance(value, int | float) and 0 <= value < _LONGEST_S


def _is_check(check: object) -> bool:
    return (
        isinstance(check, dict)
        and check.get("status") in _WORDS
        and isinstance(check.get("observed"), str)
        and "since" in check
        and isinstance(check.get("reasons"), list)
        and all(_is_reason(reason) for reason in check["reasons"])
    )


def _is_reason(reason: object) -> bool:
    return isinstance(reason, dict) and all(
        isinstance(reason.get(key), str) for key in ("code", "text")
    )
