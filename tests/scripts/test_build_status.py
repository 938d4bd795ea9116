# SPDX-License-Identifier: Apache-2.0
"""How a command that builds ends: what can go wrong is a line and a status, never a traceback."""

from __future__ import annotations

import errno

import pytest

from firmware.errors import FirmwareError
from firmware.steps import exit_status
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
