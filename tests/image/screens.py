# SPDX-License-Identifier: Apache-2.0
"""A screen's cable, pulled and plugged in the guest, and what health says of it."""

from __future__ import annotations

import time
from typing import Any

from image_test.kiosk import Kiosk

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
        codes = [reason["code"] for reason in found.get("reasons", [{"code": "none"}])]
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
