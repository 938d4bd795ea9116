# SPDX-License-Identifier: Apache-2.0
"""The check of the card's mixer: a voice that is played into a muted card is heard by nobody."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Final

from kioskd.audio.mixer import card_number, silent_controls
from kioskd.health.status import Finding, passed, warned

EVERY_S: Final = 10.0
"""Asking opens the card's control device; nobody turns a knob every second."""


@dataclass(slots=True)
class MixerCheck:
    """`device` gives ALSA's name of the device in use, as the audio snapshot has it."""

    name: ClassVar[str] = "mixer"
    device: Callable[[], str]
    number_of: Callable[[str], int | None] = card_number
    faults_of: Callable[[int], list[str]] = silent_controls
    _next: float = 0.0
    _last: Finding | None = None

    def run(self, now: float) -> Finding:
        """Warns where the main controls let nothing through."""
        if self._last is None or now >= self._next:
            self._next = now + EVERY_S
            self._last = self._look()
        return self._last

    def _look(self) -> Finding:
        device = self.device()
        number = self.number_of(device)
        if number is None:
            return passed(f"not known for device {device or 'none'}")
        wrong = self.faults_of(number)
        if not wrong:
            return passed(f"card {number} lets sound through")
        controls = ", ".join(wrong)
        text = (
            f"{controls}: nothing can be heard. `alsactl init {number}` or `alsamixer -c {number}` "
            "mends it until the next start, `alsactl store` for good (package alsa-utils)"
        )
        return warned(controls, "audio_muted", text)
