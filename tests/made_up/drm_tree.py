# SPDX-License-Identifier: Apache-2.0
"""Graphics cards as the kernel shows them below /sys, for tests to plug screens into."""

from __future__ import annotations

import os
from pathlib import Path


def make_card(sys: Path, index: int, driver: str, **connectors: str) -> None:
    """As the kernel shows it: class/drm/cardN and its connectors link into the devices.

    `connectors` are names, with _ for -, and states; a connected one takes 1920x1080.
    """
    device = sys / f"devices/platform/{index:08x}.device"
    card = device / f"drm/card{index}"
    card.mkdir(parents=True)
    (sys / "bus/platform/drivers" / driver).mkdir(parents=True, exist_ok=True)
    (device / "driver").symlink_to(os.path.relpath(sys / "bus/platform/drivers" / driver, device))
    (card / "device").symlink_to("../..")
    shown = sys / "class/drm"
    shown.mkdir(parents=True, exist_ok=True)
    (shown / f"card{index}").symlink_to(os.path.relpath(card, shown))
    (shown / f"renderD{128 + index}").mkdir()
    for name, status in connectors.items():
        connector = card / f"card{index}-{name.replace('_', '-')}"
        connector.mkdir()
        (shown / connector.name).symlink_to(os.path.relpath(connector, shown))
        plug(sys, connector.name, status, "1920x1080" if status == "connected" else "")


def plug(sys: Path, connector: str, status: str, modes: str = "") -> None:
    """Change what a connector ("card1-HDMI-A-1") tells; `modes` with blanks between them."""
    folder = sys / "class/drm" / connector
    (folder / "status").write_text(f"{status}\n")
    (folder / "modes").write_text("".join(f"{mode}\n" for mode in modes.split()))
