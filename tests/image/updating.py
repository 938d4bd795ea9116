# SPDX-License-Identifier: Apache-2.0
"""What the tests of updates share: the disk with images, and looks at the slots."""

from __future__ import annotations

from typing import Final

from image_test.kiosk import Kiosk
from image_test.prepare import IMAGES_LABEL

IMAGES: Final = "/run/images"
INSTALL_S: Final = 600.0
"""Python, two checks of 37 MB and a write, emulated on a busy host; seconds on a board."""
TRIAL_S: Final = 1200.0
"""A restart, and then the healthy minute or the failures, likewise."""


def plug_in(kiosk: Kiosk) -> None:
    """Mount the disk with images to update to."""
    kiosk.machine.shell(
        f"mkdir -p {IMAGES} && mount -o ro /dev/disk/by-label/{IMAGES_LABEL} {IMAGES}"
    )


def install(kiosk: Kiosk, image: str) -> str:
    """`kioskctl install`; what it prints."""
    return kiosk.machine.shell(f"kioskctl install {IMAGES}/{image}", INSTALL_S)


def state(kiosk: Kiosk) -> dict[str, str]:
    """The state file of the slots."""
    lines = kiosk.machine.shell("cat /var/lib/kiosk/state/slots").splitlines()
    return dict(line.split("=", 1) for line in lines)


def config_sum(kiosk: Kiosk) -> str:
    """A hash over the whole configuration."""
    return kiosk.machine.shell(
        "cd /var/lib/kiosk; find config -type f -exec sha256sum {} + | sort | sha256sum"
    ).split()[0]
