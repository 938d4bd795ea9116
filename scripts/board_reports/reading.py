# SPDX-License-Identifier: Apache-2.0
"""Reads a report that a stranger wrote; what is wrong with it is told, all at once."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any, Final

from driving_client.regular_file import read_regular
from driving_client.texts import excerpt
from firmware.errors import FirmwareError
from kioskd.report.form import FORMAT, REPORT

MAX_BYTES: Final = 256 * 1024
"""A real one has some 20 KiB."""
_MOST_LINES: Final = 20
_AGAIN: Final = "make it anew on the board with `kioskctl report -o report.json`"


class ReportError(FirmwareError):
    """The report is not taken; the text says why, a line for each problem."""


def read_report(path: Path) -> dict[str, Any]:
    """The report, exactly of the form; raises ReportError."""
    try:
        raw = read_regular(path, MAX_BYTES)
    except OSError as error:
        raise ReportError(f"{path}: cannot be read ({error.strerror})") from error
    try:
        told = json.loads(raw.decode("utf-8"), object_pairs_hook=_once, parse_constant=_no_constant)
    except RecursionError:
        raise ReportError(f"{path}: is nested too deeply to be a report; {_AGAIN}") from None
    except ValueError as error:  # also UnicodeDecodeError, and numbers without end
        raise ReportError(f"{path}: is not JSON: {excerpt(str(error))}; {_AGAIN}") from error
    if not isinstance(told, dict):
        raise ReportError(f"{path}: is not a report; {_AGAIN}")
    if told.get("format") != FORMAT:
        told_format = excerpt(repr(told.get("format")), 20)
        raise ReportError(
            f"{path}: format {told_format}, this checkout reads {FORMAT}: use the checkout of the "
            "kiosk's version, or make the report anew with an image of this checkout"
        )
    problems: list[str] = []
    fitted: dict[str, Any] = REPORT.fit(told, "", problems.append)
    if problems:
        more = len(problems) - _MOST_LINES
        lines = problems[:_MOST_LINES] + ([f"and {more} more"] if more > 0 else [])
        raise ReportError("\n".join(f"{path}: {line}" for line in lines) + f"\n{path}: {_AGAIN}")
    return fitted


def fingerprint(report: dict[str, Any]) -> str:
    """The beginning of its SHA-256, the same however the file was written."""
    text = json.dumps(report, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise ValueError(f"{excerpt(name, 40)!r} is given twice")
        found[name] = value
    return found


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no number of JSON")
