# SPDX-License-Identifier: Apache-2.0
"""What of a kept benchmark goes into a report.

Avatars of your own have names of your own, and a sound device may be called anything: neither is
passed on.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from kioskd.benchmark.result import FORMAT, Part, ResultError
from kioskd.benchmark.result import read as read_kept
from kioskd.report.form import OTHER, SHIPPED_AVATARS


def read(folder: Path, note: Callable[[str], None]) -> dict[str, Any]:
    """Empty where nothing was measured or is readable, and `note` hears why."""
    try:
        kept = read_kept(folder)
    except ResultError as error:
        note(str(error))
        return {}
    if kept is None:
        note("nothing was measured on this board yet: `kioskctl bench` takes three minutes")
        return {}
    return {
        "format": FORMAT,
        "date": kept.measured_at[:10],
        "version": kept.version,
        "seconds": kept.seconds,
        **{name: _told(name, part) for name, part in kept.parts.items()},
    }


def _told(name: str, part: Part) -> dict[str, Any]:
    figures: dict[str, Any] = {"status": part.status, **part.figures}
    if name == "avatars":
        figures["avatars"] = [
            each | {"name": each["name"] if each["name"] in SHIPPED_AVATARS else OTHER}
            for each in figures.get("avatars", [])
        ]
    if name == "soak":
        degrees = [each["celsius"] for each in figures.get("samples", [])]
        figures["hottest_celsius"] = max(
            (each for each in degrees if each is not None), default=None
        )
    return dict(_measured(figures))


def _measured(value: Any) -> Any:
    """Without what was not measured."""
    if isinstance(value, dict):
        return {name: _measured(each) for name, each in value.items() if each is not None}
    return [_measured(each) for each in value] if isinstance(value, list) else value
