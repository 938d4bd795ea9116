# SPDX-License-Identifier: Apache-2.0
"""What a health check finds, and the one list of checks behind health answer, metrics, doctor.

A check is one class with a name and a `run`. The monitor runs all of them once a second on
the io thread and keeps the outcome as an immutable report; requests only read that report,
so that an answer costs no I/O and cannot disturb the picture.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import IntEnum
from typing import Protocol

from kioskd.metrics import Metrics

logger = logging.getLogger(__name__)


class Status(IntEnum):
    """How well something is; the larger value is the worse one."""

    PASS = 0
    WARN = 1
    FAIL = 2

    @property
    def word(self) -> str:
        """The status as it is written in answers: pass, warn or fail."""
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a check does not pass: a stable code, and what to do about it in words."""

    code: str
    text: str


@dataclass(frozen=True, slots=True)
class Finding:
    """One check's outcome; `observed` says what was seen, also when all is well."""

    status: Status
    observed: str
    reasons: tuple[Reason, ...] = ()


class Check(Protocol):
    """Looks at one part of the kiosk. Must return at once and not raise."""

    @property
    def name(self) -> str:
        """The check's name in answers and metrics."""

    def run(self, now: float) -> Finding:
        """Look; `now` is time.monotonic()."""


@dataclass(frozen=True, slots=True)
class CheckResult:
    """A finding, since when the check has had its status (UTC), and how often it began to fail.

    `failures` counts from kioskd's start: what failed between two looks of somebody is seen by it.
    """

    name: str
    finding: Finding
    since: str
    failures: int = 0


@dataclass(frozen=True, slots=True)
class Report:
    """All checks at one moment; `status` is the worst of them."""

    results: tuple[CheckResult, ...]

    @property
    def status(self) -> Status:
        """The worst status of all checks; a warning before any has run."""
        return max((result.finding.status for result in self.results), default=Status.WARN)

    def result(self, name: str) -> CheckResult | None:
        """The named check's result."""
        return next((each for each in self.results if each.name == name), None)


def passed(observed: str) -> Finding:
    """All is well."""
    return Finding(Status.PASS, observed)


def warned(observed: str, code: str, text: str) -> Finding:
    """Something is wrong that the kiosk works around."""
    return Finding(Status.WARN, observed, (Reason(code, text),))


def failed(observed: str, code: str, text: str) -> Finding:
    """Something is wrong that people in front of the kiosk notice."""
    return Finding(Status.FAIL, observed, (Reason(code, text),))


class Monitor:
    """Runs the checks and publishes their report."""

    def __init__(self, checks: Sequence[Check], metrics: Metrics) -> None:
        self._checks = checks
        self._metrics = metrics
        self.report = Report(())

    def update(self, now: float) -> Report:
        """Run every check; log each change of status; publish and return the new report."""
        before = {result.name: result for result in self.report.results}
        results = []
        for check in self._checks:
            finding = _run(check, now)
            old = before.get(check.name)
            failures = 0 if old is None else old.failures
            if old is not None and old.finding.status is finding.status:
                since = old.since
            else:
                since = datetime.now(UTC).isoformat(timespec="seconds")
                failures += finding.status is Status.FAIL
                _log_change(check.name, old, finding)
            self._metrics.check_state.labels(check=check.name).set(int(finding.status))
            results.append(CheckResult(check.name, finding, since, failures))
        self.report = Report(tuple(results))
        return self.report


def _run(check: Check, now: float) -> Finding:
    try:
        return check.run(now)
    except Exception as error:  # a broken check must not take health down with it
        logger.exception("health check %s broke", check.name, extra={"code": "check_broken"})
        return failed("the check itself broke", "check_broken", f"{type(error).__name__}: {error}")


def _log_change(name: str, old: CheckResult | None, finding: Finding) -> None:
    if old is None and finding.status is Status.PASS:
        return
    text = "; ".join(f"{reason.code}: {reason.text}" for reason in finding.reasons)
    level = (logging.INFO, logging.WARNING, logging.ERROR)[finding.status]
    logger.log(
        level,
        "check %s: %s (%s)%s",
        name,
        finding.status.word,
        finding.observed,
        f" {text}" if text else "",
        extra={"code": f"check_{finding.status.word}"},
    )
