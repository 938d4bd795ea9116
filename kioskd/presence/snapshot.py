# SPDX-License-Identifier: Apache-2.0
"""What the watch over presence tells about itself: an immutable value, replaced whole."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PresenceSnapshot:
    """`watched` are the names of the devices that are open, `missing` the patterns that fit none,
    `denied` the device files that may not be read."""

    watched: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    denied: tuple[str, ...] = ()
