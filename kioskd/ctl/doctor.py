# SPDX-License-Identifier: Apache-2.0
"""kioskctl doctor: what kioskd says of itself, and what can be seen of the board without it."""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Sequence
from typing import Any

from kioskd.audio.cards import choose_device, read_cards
from kioskd.audio.settings import AudioSettings
from kioskd.board_facts import BoardFacts, read_board_facts
from kioskd.config import Config, ConfigError, load
from kioskd.config.accepted import read_accepted
from kioskd.config.part_settings import audio_settings
from kioskd.ctl.client import ControlError
from kioskd.ctl.local import own_address
from kioskd.ctl.printing import print_check, print_checks, show
from kioskd.ctl.sound_check import ask_kiosk, tell_sound, try_parts
from kioskd.doctor.devices import (
    GraphicsLibraryCheck,
    NpuPartsCheck,
    ScreenCheck,
    SoundCheck,
    WatchdogCheck,
)
from kioskd.doctor.kernel import KernelCheck
from kioskd.doctor.store_checks import (
    ConfigFileCheck,
    IdentityCheck,
    RoomCheck,
    SlotsCheck,
)
from kioskd.doctor.system import GroupsCheck, ServicesCheck
from kioskd.first_boot.identity import find_identity
from kioskd.health.board_checks import ThermalCheck, TimeCheck
from kioskd.health.mixer_check import MixerCheck
from kioskd.health.status import Check, Finding, Status, failed
from kioskd.health.storage_check import StorageCheck
from kioskd.health.update_check import ProvisioningCheck
from kioskd.update.store import Store, store_from


def board_doctor(options: argparse.Namespace) -> int:
    """The kiosk on this board: kioskd's own checks, then those of the board around it.

    What kioskd has told already is not looked at twice. With --sound the loudspeaker alone.
    """
    if options.sound:
        return _sound()
    answer, silence = ask()
    show("kioskd:")
    if answer is None:
        _print("kioskd", failed("does not answer", "kioskd_silent", silence))
    else:
        print_checks(answer["checks"])
    told = set() if answer is None else set(answer["checks"])
    well = answer is not None and answer["status"] == "pass"
    board = read_board_facts(os.environ)
    known = board.describe()
    show(f"board {known}" if known else "board:")
    for check in board_checks(board):
        if check.name not in told:
            finding = check.run(time.monotonic())
            _print(check.name, finding)
            well = well and finding.status is Status.PASS
    return 0 if well else 1


def _sound() -> int:
    answer, silence = ask()
    if answer is None:
        # What follows may fail for that very reason: a kioskd that runs has the cards
        show(f"kioskd is not asked: {silence}")
    if answer is not None and (address := own_address()) is not None:
        client = address.client()
        return tell_sound(lambda: ask_kiosk(client))
    config, board = usable_config(store_from(os.environ)), read_board_facts(os.environ)
    return tell_sound(lambda: try_parts(config, board))


def ask() -> tuple[dict[str, Any] | None, str]:
    """The health answer of the kioskd on this board, or None and why there is none."""
    address = own_address()
    if address is None:
        return None, "its HTTP server is switched off (health.enabled)"
    try:
        return address.client().health(), ""
    except ControlError as error:
        return None, str(error)


def board_checks(board: BoardFacts) -> Sequence[Check]:
    """The checks of the board around kioskd; each is run once."""
    store = store_from(os.environ)
    config = usable_config(store)
    audio: AudioSettings = audio_settings(config, board.audio_match)
    return [
        IdentityCheck(find_identity()),
        ConfigFileCheck(state=store.data),
        ProvisioningCheck(store),
        SlotsCheck(store, os.environ),
        RoomCheck(store),
        StorageCheck(store.root),
        KernelCheck(),
        GroupsCheck(),
        ServicesCheck(),
        WatchdogCheck(board),
        ScreenCheck(board.drm_drivers),
        GraphicsLibraryCheck(),
        SoundCheck(audio),
        MixerCheck(lambda: choose_device(audio.device, audio.match, read_cards())),
        NpuPartsCheck(board),
        ThermalCheck(lambda: config.health.temperature_limit_c),
        TimeCheck(lambda: config.endpoint.url.startswith("wss:")),
    ]


def usable_config(store: Store) -> Config:
    """The configuration, or the defaults where it cannot be used."""
    try:
        return load(accepted=read_accepted(store.data)).config
    except (ConfigError, PermissionError):
        return Config()  # the check of the configuration tells what is wrong with it


def _print(name: str, finding: Finding) -> None:
    lines = [f"{reason.code}: {reason.text}" for reason in finding.reasons]
    print_check(name, finding.status.word, finding.observed, lines)
