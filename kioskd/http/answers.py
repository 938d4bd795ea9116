# SPDX-License-Identifier: Apache-2.0
"""The health answer as JSON, in the style of the draft "health+json"."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit, urlunsplit

from kioskd.about import About
from kioskd.config.options import Kind
from kioskd.config.table import OPTIONS, Config, flatten
from kioskd.health.status import CheckResult, Report, Status

NEEDED_FOR_READY = ("render_loop", "link")
BEARABLE = ("slow_frames",)
"""Reasons that a warning of a needed check may have while the kiosk can speak all the same."""


def health_answer(
    report: Report, config: Config, uptime_s: float, figures: dict[str, Any], about: About
) -> dict[str, Any]:
    """Everything that a person or a fleet's server wants to see at once; holds no secret."""
    return {
        "status": report.status.word,
        "version": about.version,
        "host": about.host,
        "serial": about.serial,
        "board": about.board,
        "slot": about.slot,
        "uptime_s": round(uptime_s, 1),
        "checks": {result.name: _check(result) for result in report.results},
        "figures": figures,
        "config": effective(config),
    }


def console_answer(health: dict[str, Any], report: Report) -> dict[str, Any]:
    """The health answer for the page: the worst checks first, and what `/readyz` says."""
    names = sorted(report.results, key=lambda result: -result.finding.status)
    hindered = not_ready(report)
    return health | {
        "checks": {result.name: health["checks"][result.name] for result in names},
        "ready": not hindered,
        "not_ready": hindered,
    }


def not_ready(report: Report) -> list[dict[str, str]]:
    """Why the kiosk cannot speak just now: no frame yet, no endpoint, or a check that fails."""
    hindered = []
    if not report.results:
        hindered.append({"check": "render_loop", "code": "starting", "text": "still starting"})
    for result in report.results:
        status = result.finding.status
        if status is Status.FAIL or (status is Status.WARN and result.name in NEEDED_FOR_READY):
            hindered += [
                {"check": result.name, "code": reason.code, "text": reason.text}
                for reason in result.finding.reasons
                if status is Status.FAIL or reason.code not in BEARABLE
            ]
    return hindered


def effective(config: Config) -> dict[str, dict[str, Any]]:
    """The configuration in force by section; addresses without their query, where keys lie."""
    sections: dict[str, dict[str, Any]] = {}
    for key, value in flatten(config).items():
        row = OPTIONS[key]
        shown: Any = value
        if row.rule.kind in (Kind.HTTP_URL, Kind.WEBSOCKET_URL):
            parts = urlsplit(str(value))
            shown = urlunsplit(parts._replace(query="…" if parts.query else "", fragment=""))
        sections.setdefault(row.section, {})[row.name] = shown
    return sections


def _check(result: CheckResult) -> dict[str, Any]:
    finding = result.finding
    return {
        "status": finding.status.word,
        "observed": finding.observed,
        "since": result.since,
        "failures": result.failures,
        "reasons": [{"code": reason.code, "text": reason.text} for reason in finding.reasons],
    }
