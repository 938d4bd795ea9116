# SPDX-License-Identifier: Apache-2.0
"""The commands that make a board somebody's: first configuration, and back to none."""

from __future__ import annotations

import argparse
import os
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Final

from kioskd.ctl.printing import show, show_error
from kioskd.durable_files import DiskFiles, replace
from kioskd.errors import KioskError
from kioskd.first_boot.config_store import good_folder
from kioskd.first_boot.identity import find_identity
from kioskd.first_boot.permissions import give_to_group
from kioskd.first_boot.result import read_provisioning
from kioskd.first_boot.run import RESET_FLAG
from kioskd.first_boot.run import first_boot as make_ready
from kioskd.first_boot.stick import FIRST_WAIT_S, LABEL, find_stick, mounted
from kioskd.log import set_up_logging
from kioskd.update.release import payload_root
from kioskd.update.store import Store, board_store, locked

EXIT_REFUSED: Final = 1


class FirstBootError(KioskError):
    """The store cannot be prepared."""


def first_boot(options: argparse.Namespace) -> int:
    """Make the board ready before kioskd starts; takes a configuration from a stick, if any.

    Run by the system at every start. Exit status 1 when a stick was refused.
    """
    store = board_store(os.environ)
    set_up_logging("info")
    try:
        with locked(store):
            told = make_ready(
                store,
                DiskFiles(),
                find_identity(),
                _stick(options.folder, store),
                payload_root(os.environ),
            )
        for folder in (store.config, good_folder(store)):
            give_to_group(folder, store.data)
    except OSError as error:
        raise FirstBootError(
            f"{store.root} cannot be prepared: {error}; run this as root, and check whether its "
            "file system has gone read-only (dmesg)"
        ) from error
    for problem in told.problems:
        show_error(problem)
    show(f"configuration: {told.result}")
    return EXIT_REFUSED if told.problems else 0


def factory_reset(options: argparse.Namespace) -> int:
    """Forget configuration, token and avatars at the next start; the images stay."""
    store = board_store(os.environ)
    if not options.yes:
        raise FirstBootError("this erases configuration, token and avatars; give --yes to do it")
    try:
        with locked(store):
            replace(DiskFiles(), store.state / RESET_FLAG, b"1\n")
    except OSError as error:
        raise FirstBootError(f"{store.state} cannot be written: {error.strerror}") from error
    show("the next start of the board erases configuration, token and avatars")
    return 0


def _stick(folder: Path | None, store: Store) -> AbstractContextManager[Path] | None:
    if folder is not None:
        if not folder.is_dir():
            raise FirstBootError(f"--folder {folder} is not a folder")
        return nullcontext(folder)
    first = read_provisioning(store) is None
    device = find_stick(FIRST_WAIT_S if first else 0.0)
    return None if device is None else mounted(device, store.run / LABEL.lower())
