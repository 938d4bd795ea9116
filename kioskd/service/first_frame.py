# SPDX-License-Identifier: Apache-2.0
"""What is told once kioskd shows its avatar, or waits for a screen to show it on."""

from __future__ import annotations

import logging

from kioskd import systemd_notify
from kioskd.screen.snapshot import DisplaySnapshot

logger = logging.getLogger(__name__)


def tell_first_frame(display: DisplaySnapshot) -> None:
    """Tell the service manager and the log."""
    waiting = display.problem is not None
    status = "waiting for a screen" if waiting else f"showing with {display.driver}"
    systemd_notify.tell_ready("showing a still picture" if display.still else status)
    told = "running, without a screen" if waiting else "the first frame is shown"
    logger.info("%s", told, extra={"code": "ready"})
