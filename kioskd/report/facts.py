# SPDX-License-Identifier: Apache-2.0
"""What files of the kernel and the system tell: machine, system, screens, sound, NPU, watchdog.

Found is more than may be told; `form` decides what goes on.
"""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import alsaaudio

from kioskd.audio.cards import SoundCard, choose_device
from kioskd.audio.mixer import card_number
from kioskd.audio.settings import AudioSettings
from kioskd.health.npu_check import has_library, vendor_parts
from kioskd.report.form import CONTROLS, KERNEL_WORDS, OTHER, PACKAGES, SOUND_WORDS, SYSTEMS
from splat_gles.drm_cards import Connector, read_cards

_MOST_BYTES: Final = 1 << 16
_ARCHITECTURES: Final = ("aarch64", "armv7l", "x86_64")
_EDID_SIZE: Final = slice(21, 23)
"""The picture's width and height in centimetres; serial number and name stand elsewhere."""


def machine(root: Path = Path("/"), arch: str = "") -> dict[str, Any]:
    """Model, chip, processor and memory."""
    kind = arch or os.uname().machine
    memory = re.search(r"^MemTotal: *(\d+) kB", text(root / "proc/meminfo"), re.MULTILINE)
    compatible = text(root / "proc/device-tree/compatible").lower().split("\0")
    return _told(
        model=text(root / "proc/device-tree/model").strip("\0\n "),
        compatible=[each for each in compatible if each],
        arch=kind if kind in _ARCHITECTURES else OTHER,
        cores=os.cpu_count(),
        memory_mib=int(memory[1]) // 1024 if memory else None,
    )


def system(root: Path = Path("/"), release: str = "") -> dict[str, Any]:
    """Distribution, kernel, C library, Python and the packages that matter."""
    kernel = release or os.uname().release
    number = re.match(r"\d+\.\d+(\.\d+)?", kernel)
    told = dict(
        re.findall(r'^(ID|VERSION_ID)="?([^"\n]*)"?$', text(root / "etc/os-release"), re.MULTILINE)
    )
    return _told(
        os=told.get("ID") if told.get("ID") in SYSTEMS else OTHER,
        os_version=told.get("VERSION_ID"),
        kernel=number[0] if number else None,
        kernel_words=words_in(kernel, KERNEL_WORDS),
        libc=platform.libc_ver()[1],
        python=platform.python_version(),
        packages={name: version for name in PACKAGES if (version := _package(name))},
    )


def screens(root: Path = Path("/")) -> list[dict[str, Any]]:
    """The graphics cards, where screens can be plugged in, and what these take."""
    folder = root / "sys/class/drm"
    return [
        _told(
            driver=card.driver.lower(),
            outlets=[
                _outlet(folder / f"card{card.index}-{each.name}", each) for each in card.connectors
            ],
        )
        for card in read_cards(folder)
    ]


def sound(
    settings: AudioSettings, cards: Sequence[SoundCard], recording: Sequence[SoundCard]
) -> dict[str, Any]:
    """The cards that play and those that record by the known words in their names, and the mixer
    of the one that is played on."""
    device = choose_device(settings.device, settings.match, cards)
    chosen = [card for card in cards if card.pcm == device]
    number = card_number(device)
    return _told(
        cards=[_card_words(card) for card in cards],
        chosen=_card_words(chosen[0]) if chosen else None,
        microphones=[_card_words(card) for card in recording],
        mixer={} if number is None else _mixer(number),
    )


def npu(root: Path = Path("/")) -> dict[str, Any]:
    """The vendor's parts."""
    found = re.search(r"device (?!none)[^,]*, driver [^,]*?(\d+\.\d+\.\d+)?,", vendor_parts(root))
    return _told(
        device=found is not None, library=has_library(root), driver=found[1] if found else None
    )


def watchdog(root: Path = Path("/")) -> dict[str, Any]:
    """Whether there is one, and after how many seconds it restarts the board."""
    timeout = text(root / "sys/class/watchdog/watchdog0/timeout").strip()
    return _told(
        there=(root / "dev/watchdog0").exists(),
        timeout_s=int(timeout) if re.fullmatch(r"\d{1,6}", timeout) else None,
    )


def words_in(name: str, known: Sequence[str]) -> list[str]:
    """Those of the known words that a name holds."""
    return [word for word in known if word in name.lower()]


def text(path: Path) -> str:
    """What a small file says, empty where there is none."""
    try:
        with path.open("rb") as file:
            return file.read(_MOST_BYTES).decode("utf-8", "replace")
    except OSError:
        return ""


def _told(**found: Any) -> dict[str, Any]:
    return {name: value for name, value in found.items() if value not in (None, "")}


def _package(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return ""


def _outlet(folder: Path, connector: Connector) -> dict[str, Any]:
    try:
        with (folder / "edid").open("rb") as file:
            size = file.read(_EDID_SIZE.stop)[_EDID_SIZE]
    except OSError:
        size = b""
    width, height = size if len(size) == 2 and all(size) else (None, None)
    return _told(
        name=connector.name,
        status=connector.status,
        modes=list(dict.fromkeys(connector.modes)),
        width_cm=width,
        height_cm=height,
    )


def _card_words(card: SoundCard) -> list[str]:
    """A USB device's name is its maker's or its owner's; that it is one is all that is told."""
    path = card.names[-1].lower()
    if "/usb" in path or any("usb" in name.lower() for name in card.names):
        return ["usb"]
    return words_in(" ".join(card.names[:-1]), SOUND_WORDS)


def _mixer(number: int) -> dict[str, Any]:
    found: dict[str, Any] = {}
    try:
        for name in alsaaudio.mixers(cardindex=number):
            if name in CONTROLS:
                found[name] = _control(alsaaudio.Mixer(name, cardindex=number))
    except alsaaudio.ALSAAudioError:
        pass  # no mixer, or no right to it: the check of the mixer says so
    return found


def _control(control: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, ask in (("muted", control.getmute), ("volume_percent", control.getvolume)):
        try:
            values = ask()
        except alsaaudio.ALSAAudioError:
            continue  # it has no switch, or no volume
        if values:
            found[key] = all(values) if key == "muted" else max(values)
    return found
