# SPDX-License-Identifier: Apache-2.0
"""How a command that builds ends: what can go wrong is a line and a status, never a traceback."""

from __future__ import annotations

import errno
import time

import pytest

from firmware.errors import FirmwareError
from firmware.steps import Progress, exit_status
from kioskd.errors import KioskError


@pytest.mark.parametrize(
    ("fault", "status", "told"),
    [
        (FirmwareError("no such board"), 1, "error: no such board\n"),
        (KioskError("the key is damaged"), 1, "error: the key is damaged\n"),
        (OSError(errno.ENOSPC, "full", "out/x"), 1, "error: the disk is full (out/x); free some"),
        (KeyboardInterrupt(), 130, "error: stopped\n"),
    ],
)
def test_what_goes_wrong_is_told_in_a_line(
    fault: BaseException, status: int, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    def work() -> int:
        raise fault

    assert exit_status(work, KioskError) == status
    assert capsys.readouterr().err.startswith(told)


def test_a_fault_that_nobody_expects_stays_one() -> None:
    def work() -> int:
        raise KioskError

    with pytest.raises(KioskError):
        exit_status(work)


def test_a_long_step_says_that_it_goes_on() -> None:
    told: list[str] = []

    class Told(Progress):
        def say(self, text: str) -> None:
            told.append(text)

    with Told(alive_every_s=0.01).step("Compress the payload"):
        deadline = time.monotonic() + 60
        while len(told) < 3 and time.monotonic() < deadline:
            time.sleep(0.01)
    assert told[0] == "Compress the payload"
    assert set(told[1:3]) == {"  … compress the payload: still at it"}
    count = len(told)
    time.sleep(0.05)
    assert len(told) == count, "and nothing after its end"
