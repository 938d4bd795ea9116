# SPDX-License-Identifier: Apache-2.0
"""Whether a card's mixer lets the voice through: many cards start muted, with volume 0.

A desktop's alsa-utils set that right at the start; a small root has none, and then all is
well but the sound. Only the controls that every voice passes are looked at: an output that
nobody uses may well be muted. Nothing is changed here, loudness belongs to the owner.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, Protocol

import alsaaudio

_MAIN: Final = ("Master", "PCM", "Digital", "DAC", "HDMI")
_CARD: Final = re.compile(r"CARD=([^,]+)")


class Control(Protocol):
    """What is asked of one of alsaaudio's mixer controls."""

    def getmute(self) -> list[int]:
        """1 for each muted channel; raises ALSAAudioError where there is no switch."""

    def getvolume(self) -> list[int]:
        """Per cent for each channel; raises ALSAAudioError where there is no volume."""


def card_number(device: str, folder: Path = Path("/sys/class/sound")) -> int | None:
    """The present number of the card that an ALSA name like plughw:CARD=HDMI,DEV=0 names."""
    found = _CARD.search(device)
    if found is None:
        return None
    for path in folder.glob("card*/id"):
        try:
            if path.read_text("utf-8", "replace").strip() == found[1]:
                return int(path.parent.name.removeprefix("card"))
        except (OSError, ValueError):
            continue
    return None


def silent_controls(number: int) -> list[str]:
    """The controls of a card that keep every voice from being heard, with what is wrong."""
    try:
        names = [name for name in alsaaudio.mixers(cardindex=number) if name in _MAIN]
        controls = [(name, alsaaudio.Mixer(name, cardindex=number)) for name in names]
    except alsaaudio.ALSAAudioError:
        return []  # no mixer, or no right to it
    return faults(controls)


def faults(controls: Sequence[tuple[str, Control]]) -> list[str]:
    """What is wrong with each, such as "Master is muted"."""
    wrong = []
    for name, control in controls:
        if _all(control.getmute, 1):
            wrong.append(f"{name} is muted")
        elif _all(control.getvolume, 0):
            wrong.append(f"{name} is at volume 0")
    return wrong


def _all(ask: Callable[[], list[int]], value: int) -> bool:
    try:
        values = ask()
    except alsaaudio.ALSAAudioError:
        return False
    return bool(values) and all(each == value for each in values)
