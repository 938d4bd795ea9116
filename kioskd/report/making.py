# SPDX-License-Identifier: Apache-2.0
"""Puts a report together of what was found, and lets out what the form has fields for."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from kioskd import __version__
from kioskd.audio.cards import read_cards
from kioskd.audio.settings import AudioSettings
from kioskd.report import bench, facts, graphics, probe
from kioskd.report.form import FORMAT, REPORT
from kioskd.report.own_words import own_words, without
from kioskd.update.release import read_release

_WORDED_BY_VENDORS: Final = ("machine", "cards", "gl", "bench")
_CLOCK_IS_SET: Final = "2025"
UNKNOWN_BOARD: Final = "unknown"


@dataclass(frozen=True, slots=True)
class Seen:
    """What is known of the kiosk. `checks` are in the form of a health answer's.

    `board` is the one that the image was built for, empty outside of an image; `data` is the folder
    that the benchmark is kept in.
    """

    board: str
    checks: Mapping[str, Any]
    answered: bool
    audio: AudioSettings
    data: Path


def make(seen: Seen, note: Callable[[str], None], root: Path = Path("/")) -> dict[str, Any]:
    """The report of this machine; takes some seconds. `note` hears what is missing, and why."""
    judged = probe.ask(note)
    sounding = root / "sys/class/sound"
    found = {
        "format": FORMAT,
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
        "version": read_release(os.environ).get("version", __version__),
        "board": seen.board or judged.get("board_file") or UNKNOWN_BOARD,
        "machine": facts.machine(root),
        "system": facts.system(root),
        "probe": judged,
        "kioskd": seen.answered,
        "checks": checks_of(seen.checks),
        "cards": facts.screens(root),
        "gl": graphics.ask(note),
        "sound": facts.sound(seen.audio, read_cards(sounding), read_cards(sounding, records=True)),
        "npu": facts.npu(root),
        "watchdog": facts.watchdog(root),
        "bench": bench.read(seen.data, note),
    }
    return let_out(found, own_words(root))


def let_out(found: Mapping[str, Any], own: frozenset[str]) -> dict[str, Any]:
    """What of it may leave the board."""
    told = {name: value for name, value in found.items() if value not in ({}, [], None)}
    if str(told.get("date", "")) < _CLOCK_IS_SET:
        told.pop("date", None)
    for name in _WORDED_BY_VENDORS:
        if name in told:
            told[name] = without(told[name], own)
    let: dict[str, Any] = REPORT.fit(told, "", lambda _problem: None)
    return let


def checks_of(answer: Mapping[str, Any]) -> dict[str, Any]:
    """Status and codes of each check, without what it observed and why in words."""
    return {
        name: {
            "status": check["status"],
            "codes": list(dict.fromkeys(reason["code"] for reason in check["reasons"])),
        }
        for name, check in answer.items()
    }
