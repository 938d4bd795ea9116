# SPDX-License-Identifier: Apache-2.0
"""Which USB devices are plugged into this computer, from sysfs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

SYSFS = Path("/sys/bus/usb/devices")


def find_usb(ids: Sequence[str]) -> list[str]:
    """Places (such as 1-2.3) of the devices with one of these ids, each `vendor:product`."""
    found = []
    for vendor in sorted(SYSFS.glob("*/idVendor")):
        try:
            product = vendor.with_name("idProduct").read_text(encoding="ascii").strip()
            usb_id = f"{vendor.read_text(encoding='ascii').strip()}:{product}"
        except OSError:  # it was unplugged in between
            continue
        if usb_id in ids:
            found.append(vendor.parent.name)
    return found
