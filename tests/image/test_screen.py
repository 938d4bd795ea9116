# SPDX-License-Identifier: Apache-2.0
"""A screen that is off at the start, comes, and goes, on the kernel's own KMS and SDL's.

The connector is switched as its cable would do it, through its file in /sys. The times printed are
those of an emulated processor, for which opening a display is a hundred times the work.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from likeness import best_likeness
from machines import Bench
from screens import LIKE_DB, MOVE_S, assert_waiting, switch, wait_for_display

from image_test.kiosk import Kiosk
from image_test.prepare import Prepared


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
