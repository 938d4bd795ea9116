# SPDX-License-Identifier: Apache-2.0
"""A screen that is off at the start, comes, and goes, on the kernel's own KMS and SDL's.

The connector is switched as its cable would do it, through its file in /sys. The times printed are
those of an emulated processor, for which opening a display is a hundred times the work.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from likeness import best_likeness
from machines import Bench

from image_test.kiosk import Kiosk
from image_test.prepare import Prepared

MOVE_S = 300.0
"""For seeing the change, closing one display and opening another, all emulated."""
LIKE_DB = 35.0


def switch(kiosk: Kiosk, word: str) -> None:
    """off, or detect, which is what a plug makes the kernel do."""
    kiosk.machine.shell(
        f"for each in /sys/class/drm/card*-Virtual-1/status; do echo {word} > $each; done"
    )


def wait_for_display(kiosk: Kiosk, code: str) -> dict[str, Any]:
    """Wait until the check passes (no code) or has this reason; prints how long it took."""
    began = time.monotonic()

    def as_wanted() -> dict[str, Any] | None:
        try:
            checks = kiosk.health()["checks"]
        except OSError:
            return None
        found: dict[str, Any] = checks.get("display", {})
        codes = [reason["code"] for reason in found.get("reasons", ["none"])]
        return found if codes == ([code] if code else []) else None

    found = kiosk.machine.until(f"display: {code or 'pass'}", as_wanted, MOVE_S)
    print(f" [display: {code or 'pass'} after {time.monotonic() - began:.0f} s]", end="")
    return found


def assert_waiting(kiosk: Kiosk) -> None:
    found = wait_for_display(kiosk, "no_screen_connected")
    assert found["status"] == "warn"
    assert "Virtual-1 disconnected" in found["observed"]
    # The first frame in the buffer may take an emulated processor longer than /livez allows
    kiosk.machine.until("frames", kiosk.reachable, MOVE_S)
    assert kiosk.state() == "active"


def assert_shown(kiosk: Kiosk, prepared: Prepared, name: str) -> None:
    found = wait_for_display(kiosk, "")
    assert found["observed"].startswith("kmsdrm"), found
    assert best_likeness(kiosk, prepared, name, LIKE_DB) >= LIKE_DB


def test_a_screen_goes_and_comes_after_a_start_without_it(kiosk: Kiosk, prepared: Prepared) -> None:
    switch(kiosk, "off")
    assert_waiting(kiosk)
    assert kiosk.show("NRestarts") == "0", "the process that drew on it waits for it"
    kiosk.machine.shell("systemctl restart kioskd", MOVE_S)
    assert_waiting(kiosk)
    switch(kiosk, "detect")
    assert_shown(kiosk, prepared, "plugged-in")
    assert kiosk.show("NRestarts") == "0"


@pytest.mark.slow("boots once more")
def test_a_board_boots_without_a_screen(first_boot: Path, bench: Bench, prepared: Prepared) -> None:
    kiosk = bench.start(first_boot, words="video=Virtual-1:d")
    kiosk.machine.wait_booted()
    kiosk.wait_started()
    kiosk.machine.until("the health port", kiosk.reachable, MOVE_S)
    assert_waiting(kiosk)
    switch(kiosk, "detect")
    assert_shown(kiosk, prepared, "plugged-in")
    switch(kiosk, "off")
    assert_waiting(kiosk)
    assert kiosk.show("NRestarts") == "0"
