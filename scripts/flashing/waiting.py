# SPDX-License-Identifier: Apache-2.0
"""Waiting for exactly one board in flash mode, and asking before anything is overwritten."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from typing import Final, TypeVar

from flashing.errors import FlashError
from flashing.job import Job
from flashing.report import Report

POLL_S: Final = 0.5
Device = TypeVar("Device")


def wait_for_one(
    job: Job, report: Report, look: Callable[[], Sequence[Device]], what: str
) -> Device:
    """The one device that `look` finds; tells the buttons while there is none.

    Raises FlashError for two devices (which one is meant?) and after `job.wait_s`.
    """
    deadline = time.monotonic() + job.wait_s
    told = False
    while True:
        devices = look()
        if len(devices) > 1:
            raise FlashError(
                f"{len(devices)} devices are connected ({what}); unplug all but the one to flash. "
                "Nothing was written"
            )
        if devices:
            return devices[0]
        if not told:
            report.step(f"Waiting for a board ({what})")
            report.note(job.board.flash.buttons)
            told = True
        if time.monotonic() > deadline:
            raise FlashError(
                f"no board showed up in {job.wait_s:.0f} s ({what}). Check that the cable carries "
                "data and sits in the board's OTG port, and bring the board into flash mode:\n"
                + job.board.flash.buttons.strip()
            )
        time.sleep(POLL_S)


def confirm(job: Job, report: Report, text: str) -> None:
    """Ask on the terminal; without one, YES=1 must have been given. Raises FlashError on no."""
    report.step(text)
    if job.confirmed:
        return
    if not sys.stdin.isatty():
        raise FlashError(
            "there is no terminal to ask on; give YES=1 (--yes) to go on without a question"
        )
    if input("         Type yes to go on: ").strip().lower() != "yes":
        raise FlashError("not confirmed. Nothing was written")
