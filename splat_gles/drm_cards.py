# SPDX-License-Identifier: Apache-2.0
"""Finds the graphics card that has the screen: by driver and connector, never by number.

On RK3576 boards card0 is the NPU or the GPU, which have no connectors, and card1 the display;
SDL takes the first card whose resources it likes, so it is told the number. What is not
looked at: anything that needs opening the device, which would make this process its master;
so a connector's state is the one that the kernel knew last, from a plug's interrupt, its own
polling, or whoever opened the card before. Reading it costs a tenth of a millisecond a card.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

CARDS: Final = Path("/sys/class/drm")
_CARD: Final = re.compile(r"card(\d+)")
_NO_OUTLET: Final = "Writeback"
"""Writes pictures back into memory: listed as a connector, in the state "unknown" for ever."""


@dataclass(frozen=True, slots=True)
class Connector:
    """Where a screen may be plugged in.

    `status` is the kernel's word: connected, disconnected, or unknown where it cannot tell or
    nobody has made it look yet. `modes` are the sizes that the screen takes ("1920x1080"), the
    best first.
    """

    name: str
    status: str
    modes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DrmCard:
    """One /dev/dri/cardN: its kernel driver, and its connectors by name."""

    index: int
    driver: str
    connectors: tuple[Connector, ...]

    @property
    def connected(self) -> tuple[Connector, ...]:
        """Those with a screen."""
        return tuple(each for each in self.connectors if each.status == "connected")

    @property
    def promising(self) -> bool:
        """Whether opening the card may find a screen: one is there, or nobody knows."""
        return any(each.status in ("connected", "unknown") for each in self.connectors)

    def describe(self) -> str:
        """The card and its connectors in a line."""
        states = ", ".join(f"{each.name} {each.status}" for each in self.connectors)
        return f"card{self.index} {self.driver or '?'}: {states or 'no connector'}"


def read_cards(folder: Path = CARDS) -> list[DrmCard]:
    """All cards, by number; what goes away while it is read is not there."""
    try:
        names = sorted(path.name for path in folder.iterdir())
    except OSError:
        return []
    cards = []
    for card in names:
        number = _CARD.fullmatch(card)
        if number is None:
            continue  # a connector: card0-HDMI-A-1
        outlets = [name for name in names if name.startswith(f"{card}-")]
        connectors = tuple(
            Connector(
                name=name.removeprefix(f"{card}-"),
                status=_text(folder / name / "status"),
                modes=tuple(_text(folder / name / "modes").split()),
            )
            for name in outlets
            if not name.startswith(f"{card}-{_NO_OUTLET}")
        )
        cards.append(DrmCard(int(number[1]), _driver(folder / card), connectors))
    return sorted(cards, key=lambda card: card.index)


def choose_card(cards: Sequence[DrmCard], drivers: Sequence[str] = ()) -> DrmCard | None:
    """The card to draw on, None where no card has a connector.

    A connected screen counts most, then one that may be; among several, or where none is
    connected, the order of `drivers` decides, whose words are what a driver's name begins with
    ("rockchip" for rockchip-drm).
    """

    def order(card: DrmCard) -> tuple[bool, bool, int]:
        return not card.connected, not card.promising, _rank(card, drivers)

    return min((card for card in cards if card.connectors), key=order, default=None)


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
