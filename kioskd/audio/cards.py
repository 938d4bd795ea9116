# SPDX-License-Identifier: Apache-2.0
"""Finds the sound card by what it is, never by its number: numbers change with every start.

A board's list of patterns is tried in order against each card's id, its names and its path
in /sys. All three are needed: the names change between kernels (one board's codec was
"realtek,rt5616-codec" in 6.18 and "Onboard Analog RT5616" in 7.2), the path changes with the
device tree, the id with both.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final

import alsaaudio

AUTO: Final = "auto"
DEFAULT: Final = "default"
"""ALSA's own choice, for machines about which nothing is known."""
_CARD: Final = re.compile(r"card(\d+)")


@dataclass(frozen=True, slots=True)
class SoundCard:
    """A card that can play, or one that can record: `names` is all that it is called, `device` its
    first output or input."""

    id: str
    names: tuple[str, ...]
    device: int
    records: bool = False

    @property
    def pcm(self) -> str:
        """ALSA's name of it. What is played is converted on the way. What is recorded comes as the
        card has it: ALSA's own converter bends rates by straight lines and mixes channels."""
        return f"{'hw' if self.records else 'plughw'}:CARD={self.id},DEV={self.device}"


def read_cards(
    folder: Path = Path("/sys/class/sound"),
    names_of: Callable[[int], Sequence[str]] = lambda index: _names(index),
    *,
    records: bool = False,
) -> list[SoundCard]:
    """The cards that can play, or record, by id. `names_of` gives a card's names by its number."""
    pcm = re.compile(r"pcmC\d+D(\d+)" + ("c" if records else "p"))
    cards = []
    for card in folder.glob("card*"):
        number = _CARD.fullmatch(card.name)
        names_there = [path.name for path in card.glob("pcmC*")]
        found = [int(match[1]) for name in names_there if (match := pcm.fullmatch(name))]
        if number is None or not found:
            continue
        try:
            identifier = (card / "id").read_text("utf-8", "replace").strip()
        except OSError:
            continue  # unplugged just now
        names = (identifier, *names_of(int(number[1])), str(card.resolve()))
        cards.append(SoundCard(identifier, names, min(found), records))
    return sorted(cards, key=lambda card: card.id)


def choose_device(device: str, patterns: Sequence[str], cards: Sequence[SoundCard]) -> str:
    """ALSA's name of the device to open: `device` itself, or what "auto" resolves to.

    The first pattern that fits a card decides; `*` and `?` as in file names, in either case.
    Where none fits it is ALSA's default.
    """
    if device != AUTO:
        return device
    for pattern in patterns:
        for card in cards:
            if any(fnmatchcase(name.lower(), pattern.lower()) for name in card.names):
                return card.pcm
    return DEFAULT


def _names(index: int) -> Sequence[str]:
    try:
        return tuple(alsaaudio.card_name(index))
    except alsaaudio.ALSAAudioError:
        return ()  # no right to its control device; id and path remain
