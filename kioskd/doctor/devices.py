# SPDX-License-Identifier: Apache-2.0
"""The board's screen, graphics libraries, sound cards, NPU and watchdog, as they are now."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final

from kioskd.audio.cards import AUTO, SoundCard, choose_device
from kioskd.audio.cards import read_cards as read_sound_cards
from kioskd.audio.settings import AudioSettings
from kioskd.board_facts import BoardFacts
from kioskd.health.display_check import NO_CARD
from kioskd.health.npu_check import LIBRARY, has_library, vendor_parts
from kioskd.health.status import Finding, failed, passed, warned
from splat_gles.drm_cards import choose_card, read_cards

_GL: Final = ("libEGL.so.1", "libGLESv2.so.2", "libgbm.so.1")
_FOLDERS: Final = (
    "usr/lib/*-linux-*",
    "lib/*-linux-*",
    "usr/lib",
    "usr/lib64",
    "lib",
    "usr/local/lib",
    "usr/lib/*-linux-*/mali",
    "usr/lib/*-linux-*/nvidia",
)


@dataclass(frozen=True, slots=True)
class ScreenCheck:
    """Which card has the screen, and whether one is plugged in."""

    name: ClassVar[str] = "screen"
    drivers: Sequence[str] = ()
    root: Path = Path("/")

    def run(self, _now: float) -> Finding:
        """Fails without a card that can show anything; warns without a screen."""
        cards = read_cards(self.root / "sys/class/drm")
        card = choose_card(cards, self.drivers)
        seen = ", ".join(f"card{each.index} {each.driver or '?'}" for each in cards) or "no card"
        if card is None:
            return failed(seen, "no_graphics_card", NO_CARD)
        observed = f"card{card.index} {card.driver or '?'}: "
        if not card.connected:
            text = "no screen is plugged in or switched on; check its cable"
            names = ", ".join(each.name for each in card.connectors)
            return warned(observed + names, "no_screen_connected", text)
        return passed(observed + ", ".join(each.name for each in card.connected))


@dataclass(frozen=True, slots=True)
class GraphicsLibraryCheck:
    """Whether the vendor's or Mesa's GL libraries are on the board; images carry none."""

    name: ClassVar[str] = "graphics libraries"
    root: Path = Path("/")

    def run(self, _now: float) -> Finding:
        """Fails where one is missing."""
        missing = [name for name in _GL if not self._found(name)]
        if missing:
            text = (
                "install the graphics packages of the board's maker, or Mesa's: "
                "libegl1 libgles2 libgbm1 libgl1-mesa-dri"
            )
            return failed(f"missing: {', '.join(missing)}", "no_graphics_library", text)
        return passed(", ".join(_GL))

    def _found(self, name: str) -> bool:
        return any(any(self.root.glob(f"{folder}/{name}")) for folder in _FOLDERS)


@dataclass(frozen=True, slots=True)
class SoundCheck:
    """Which card the voice goes to, of those that there are."""

    name: ClassVar[str] = "sound card"
    settings: AudioSettings
    cards: Callable[[], Sequence[SoundCard]] = read_sound_cards

    def run(self, _now: float) -> Finding:
        """Warns without a card, or where none fits the patterns."""
        cards = self.cards()
        device = choose_device(self.settings.device, self.settings.match, cards)
        names = ", ".join(card.id for card in cards) or "none"
        if not self.settings.enabled:
            return passed("switched off by audio.enabled")
        if not cards:
            text = "no card can play; the kernel lacks its driver (dmesg | grep -i snd)"
            return warned(names, "no_sound_card", text)
        observed = f"{device}; there are {names}"
        if self.settings.device == AUTO and self.settings.match and device == "default":
            text = f"no card fits {', '.join(self.settings.match)}; set audio.match or audio.device"
            return warned(observed, "no_card_fits", text)
        return passed(observed)


@dataclass(frozen=True, slots=True)
class NpuPartsCheck:
    """Device, driver, runtime library and Python package of the NPU."""

    name: ClassVar[str] = "npu parts"
    board: BoardFacts
    root: Path = Path("/")

    def run(self, _now: float) -> Finding:
        """Warns where the board has an NPU and the vendor's library for it is missing."""
        parts = vendor_parts(self.root)
        if self.board.npu == "rknn" and not has_library(self.root):
            text = f"/{LIBRARY} comes with the vendor's system; without it the CPU does the work"
            return warned(parts, "no_npu_library", text)
        return passed(parts)


@dataclass(frozen=True, slots=True)
class WatchdogCheck:
    """The hardware watchdog, which restarts a board that hangs."""

    name: ClassVar[str] = "watchdog"
    board: BoardFacts
    root: Path = Path("/")

    def run(self, _now: float) -> Finding:
        """Warns where the board should have one and the kernel shows none."""
        if not (self.root / "dev/watchdog0").exists():
            if self.board.watchdog:
                text = 'the device tree keeps it `status = "disabled"`; ask the board\'s maker'
                return warned("none", "no_watchdog", text)
            return passed("none")
        state = self._word("state")
        seconds = self._word("timeout")
        observed = self._word("identity") or "watchdog0"
        if state == "inactive":
            text = "nothing feeds it; set `RuntimeWatchdogSec=20` in /etc/systemd/system.conf"
            return warned(observed, "watchdog_off", text)
        return passed(f"{observed}, {seconds or '?'} s" if state == "active" else observed)

    def _word(self, name: str) -> str:
        try:
            return (self.root / "sys/class/watchdog/watchdog0" / name).read_text().strip()
        except OSError:
            return ""
