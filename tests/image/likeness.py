# SPDX-License-Identifier: Apache-2.0
"""Whether the avatar is on a machine's screen: its picture against one that is drawn here."""

from __future__ import annotations

import time

from image_test import pictures
from image_test.kiosk import Kiosk
from image_test.machine import SCREEN
from image_test.prepare import Prepared


def best_likeness(kiosk: Kiosk, prepared: Prepared, name: str, enough_db: float) -> float:
    """The best of some screenshots against a render at the resolution that the kiosk tells."""
    best = 0.0
    for _ in range(12):
        scale = kiosk.metric("kiosk_render_scale")
        reference = pictures.render(prepared.avatar, SCREEN, scale)
        picture = pictures.load(kiosk.machine.screenshot(name))
        # A machine that has just gone on may show the whole buffer, not the screen
        if picture.shape[:2] == SCREEN[::-1]:
            best = max(best, pictures.masked_psnr(picture, reference))
        if best >= enough_db:
            break
        time.sleep(3)
    return best
