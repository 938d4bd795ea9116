# SPDX-License-Identifier: Apache-2.0
"""kioskctl bench: has the board measured on its own screen, and says what was found."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from kioskd.about import about
from kioskd.benchmark import request as asking
from kioskd.benchmark.parts import PART_WORDS
from kioskd.benchmark.result import Result, keep, read
from kioskd.benchmark.words import lines
from kioskd.board_facts import read_board_facts
from kioskd.config import load
from kioskd.config.accepted import read_accepted
from kioskd.ctl.client import ControlError
from kioskd.ctl.printing import show, show_error
from kioskd.durable_files import DiskFiles
from kioskd.update.store import Store, store_from
from kioskd.update.trial import on_trial

EXIT_FAILED: Final = 1
_TAKEN_WITHIN_S: Final = 45.0
_LOOK_S: Final = 0.3


def measure_board(soak: bool) -> int:
    """See `board_commands.bench`; raises KioskError."""
    # A board is where the hook's kioskctl runs
    if os.environ.get("KIOSK_HOOK_FORMAT"):
        result = _by_kioskd(store_from(os.environ), soak)
    else:
        result = _measure_here(soak)
    for line in lines(result):
        show(line)
    for name in result.failed:
        show_error(f"{PART_WORDS[name]}: not measured: {result.parts[name].problem}")
    return EXIT_FAILED if result.failed else 0


def _measure_here(soak: bool) -> Result:
    """Without a service: in this process's children, until Ctrl-C."""
    # Not at the top: on a board this process is not kioskd and may lack what drawing needs
    from kioskd.benchmark.plan import plan_for
    from kioskd.benchmark.run import measure

    store, board = store_from(os.environ), read_board_facts(os.environ)
    named = bool(os.environ.get("KIOSK_STORE"))
    folder = store.data if named else Path.cwd()
    config = load(accepted=read_accepted(store.data)).config
    result = measure(
        plan_for(config, board, folder, soak), about(store, board).version, board.name, show
    )
    show(f"kept in {keep(DiskFiles(), folder, result)}")
    return result


def _by_kioskd(store: Store, soak: bool) -> Result:
    by_kioskd(
        store,
        lambda: asking.ask(DiskFiles(), store, soak),
        "to measure",
        "nothing of this benchmark is kept",
    )
    result = read(store.data)
    if result is None:
        raise ControlError(f"kioskd kept no benchmark in {store.data}; see `journalctl -u kioskd`")
    return result


def by_kioskd(store: Store, ask: Callable[[], asking.Request], what: str, given_up: str) -> None:
    """Have kioskd do what `ask` asks of its next start, and follow it; raises ControlError.

    The texts say what for, and what Ctrl-C means.
    """
    if on_trial(store):
        raise ControlError(
            "the image is on trial and must show that it is healthy first; try again when "
            "`kioskctl slots` no longer says so"
        )
    try:
        wanted = ask()
    except OSError as error:
        raise ControlError(
            f"{store.run} cannot be written ({error.strerror}); run this as root on the board"
        ) from error
    try:
        show(f"kioskd is restarted {what}; the avatar comes back when it is done")
        restart_kioskd()
        follow(store, wanted)
    except KeyboardInterrupt:
        asking.withdraw(DiskFiles(), store)
        restart_kioskd()
        show(f"kioskd shows the avatar again; {given_up}")
        raise


def restart_kioskd() -> None:
    """Have systemd start the service anew; raises ControlError.

    Starts that a person asked for must not count as those of a kioskd that keeps failing: six of
    them in ten minutes would bring the other image.
    """
    try:
        for words in (["reset-failed"], ["restart"]):
            command = ["systemctl", *words, "kioskd.service"]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        raise ControlError(f"systemctl cannot be run ({error.strerror})") from error
    if done.returncode:
        raise ControlError(
            f"kioskd cannot be restarted: {done.stderr.strip()}; see `journalctl -u kioskd`"
        )


def follow(
    store: Store,
    wanted: asking.Request,
    tell: Callable[[str], None] = show,
    lives: Callable[[int], bool] = lambda process: Path(f"/proc/{process}").exists(),
    taken_within_s: float = _TAKEN_WITHIN_S,
) -> None:
    """Tell the lines of what was asked for, until it ends; raises ControlError."""
    began, told = time.monotonic(), 0
    while True:
        # Looked at before the file is read: who has gone since then has told its end
        now = asking.read_progress(store)
        running = now is not None and lives(now.process)
        now = asking.read_progress(store)
        if now is None or now.request != wanted.at:
            if time.monotonic() - began > taken_within_s:
                raise ControlError("kioskd has not begun with it; see `journalctl -u kioskd`")
        else:
            for line in now.lines[told:]:
                tell(line)
            told = len(now.lines)
            if now.problem:
                raise ControlError(now.problem)
            if now.problem is not None:
                return
            if not running:
                raise ControlError(
                    "kioskd ended before it was done, and nothing is kept: see "
                    "`journalctl -u kioskd`; systemd starts it again"
                )
        time.sleep(_LOOK_S)
