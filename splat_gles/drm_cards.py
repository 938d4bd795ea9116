# SPDX-License-Identifier: Apache-2.0
"""Finds the graphics card that has the screen: by driver and connector, never by number.

On RK3576 boards card0 is the NPU or the GPU, which have no connectors, and card1 the display;
SDL takes the first card whose resources it likes, so it is told the number. What is not
looked at: anything that needs opening the device, which would make this process its master.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

CARDS: Final = Path("/sys/class/drm")
_CARD: Final = re.compile(r"card(\d+)")


@dataclass(frozen=True, slots=True)
class DrmCard:
    """One /dev/dri/cardN: its kernel driver, connectors by name and whether a screen is there."""

    index: int
    driver: str
    connectors: tuple[str, ...]
    connected: tuple[str, ...]


def read_cards(folder: Path = CARDS) -> list[DrmCard]:
    """All cards, by number."""
    cards = []
    for card in folder.glob("card*"):
        number = _CARD.fullmatch(card.name)
        if number is None:
            continue  # a connector: card0-HDMI-A-1
        status = {path.parent.name: _text(path) for path in folder.glob(f"{card.name}-*/status")}
        prefix = f"{card.name}-"
        cards.append(
            DrmCard(
                index=int(number[1]),
                driver=_driver(card),
                connectors=tuple(sorted(name.removeprefix(prefix) for name in status)),
                connected=tuple(
                    sorted(
                        name.removeprefix(prefix)
                        for name, word in status.items()
                        if word == "connected"
                    )
                ),
            )
        )
    return sorted(cards, key=lambda card: card.index)


def choose_card(cards: Sequence[DrmCard], drivers: Sequence[str] = ()) -> DrmCard | None:
    """The card to draw on, None where no card has a connector.

    A connected screen counts most; among several, or where none is connected, the order of
    `drivers` decides, whose words are what a driver's name begins with ("rockchip" for
    rockchip-drm).
    """
    able = [card for card in cards if card.connectors]
    return min(able, key=lambda card: (not card.connected, _rank(card, drivers)), default=None)


def _rank(card: DrmCard, drivers: Sequence[str]) -> int:
    name = _plain(card.driver)
    ranks = (rank for rank, word in enumerate(drivers) if name.startswith(_plain(word)))
    return next(ranks, len(drivers))


def _plain(name: str) -> str:
    return name.lower().replace("-", "_")


def _driver(card: Path) -> str:
    try:
        return (card / "device/driver").readlink().name
    except OSError:
        return ""


def _text(path: Path) -> str:
    try:
        return path.read_text("ascii", "replace").strip()
    except OSError:
        return ""
