# SPDX-License-Identifier: Apache-2.0
"""Readiness: whether the kiosk can speak just now, and if not, why."""

from __future__ import annotations

import pytest

from kioskd.health.status import CheckResult, Finding, Reason, Report, Status
from kioskd.http.answers import not_ready


def report(name: str, status: Status, code: str = "") -> Report:
    reasons = (Reason(code, "in words"),) if code else ()
    result = CheckResult(name, Finding(status, "seen", reasons), "2026-01-01T00:00:00+00:00")
    return Report((result,))


def test_without_any_check_made_it_is_still_starting() -> None:
    assert [reason["code"] for reason in not_ready(Report(()))] == ["starting"]


@pytest.mark.parametrize(
    ("name", "status", "code"),
    [
        ("render_loop", Status.WARN, "starting"),
        ("link", Status.WARN, "link_down"),
        ("storage", Status.FAIL, "storage_full"),
        ("render_loop", Status.FAIL, "slow_frames"),
    ],
)
def test_what_hinders_speech_is_named(name: str, status: Status, code: str) -> None:
    assert [reason["code"] for reason in not_ready(report(name, status, code))] == [code]


@pytest.mark.parametrize(
    ("name", "status", "code"),
    [
        ("render_loop", Status.WARN, "slow_frames"),
        ("audio", Status.WARN, "audio_no_device"),
        ("link", Status.PASS, ""),
    ],
)
def test_what_speech_can_bear_leaves_it_ready(name: str, status: Status, code: str) -> None:
    assert not_ready(report(name, status, code)) == []
