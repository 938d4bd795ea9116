# SPDX-License-Identifier: Apache-2.0
"""The commands that change or read the board itself: they work without a running kioskd."""

from __future__ import annotations

import argparse
import os

from kioskd.config.documents import reference
from kioskd.ctl.client import ControlError
from kioskd.ctl.local import own_address
from kioskd.ctl.printing import show, show_error
from kioskd.durable_files import DiskFiles
from kioskd.update.errors import UpdateError
from kioskd.update.install import install as install_image
from kioskd.update.last_result import ACTIVE_DAMAGED, read_result
from kioskd.update.release import trust_from
from kioskd.update.service_process import ServiceProcess
from kioskd.update.slot_state import TRIES, read_state
from kioskd.update.slots import look_into
from kioskd.update.store import SLOTS, board_store
from kioskd.update.trial import mark_good as mark
from kioskd.update.trial import on_trial
from kioskd.update.trial import rollback as go_back
from kioskd.update.trial_watch import HEALTHY_S, Ask, Look, look_at_health, wait_until_healthy
from splat_gles.cli.progress import ProgressBar

EXIT_NOT_HEALTHY = 3
_ASK_TIMEOUT_S = 5.0
_MIB = 1 << 20


def install(options: argparse.Namespace) -> int:
    """Verify a signed image, write it to the inactive slot and put it on trial.

    An image that is older than the one in force, or the same, is refused without
    --allow-downgrade.
    """
    bars: dict[str, ProgressBar] = {}

    def tell(doing: str, done: int, total: int) -> None:
        if doing not in bars:
            for bar in bars.values():
                bar.__exit__(None, None, None)
            bars.clear()
            bars[doing] = ProgressBar(f"{doing:>12}, MiB")
        bars[doing].show(-(-done // _MIB), -(-total // _MIB))

    try:
        done = install_image(
            options.image,
            board_store(os.environ),
            trust_from(os.environ),
            DiskFiles(),
            tell,
            allow_downgrade=options.allow_downgrade,
        )
    finally:
        for bar in bars.values():
            bar.__exit__(None, None, None)
    show(
        f"{done.manifest.version} is in slot {done.slot}, read back and verified. The board tries "
        f"it at its next start, {TRIES} times at most, and keeps it after {HEALTHY_S:.0f} "
        "healthy seconds"
    )
    return 0


def slots(_options: argparse.Namespace) -> int:
    """Show both slots; exit status 1 unless an image in one of them can start."""
    store, trust = board_store(os.environ), trust_from(os.environ)
    state, running = read_state(store), store.running()
    usable = 0
    for slot in SLOTS:
        content = look_into(store, slot, trust)
        marks = []
        if running == slot:
            marks.append("running")
        if state is not None and state.active == slot:
            marks.append("active")
        if state is not None and state.pending == slot:
            marks.append(f"on trial, {state.tries} tries left")
        usable += content.manifest is not None
        told = content.problem if content.manifest is None else content.manifest.version
        show(f"{slot}  {told}" + (f"  ({', '.join(marks)})" if marks else ""))
    if state is None:
        show("no intact state file: the next start takes what verifies, a before b")
    elif state.failures:
        show(f"images in a row that failed their trial: {state.failures}")
    result = read_result(store)
    if result is not None:
        words = (result.result, result.version, f"slot {result.slot}", result.reason)
        kind = "image in force was damaged" if result.reason == ACTIVE_DAMAGED else "last update"
        show(f"{kind}: {', '.join(word for word in words if word)}")
    return 0 if usable else 1


def rollback(_options: argparse.Namespace) -> int:
    """Give up the image on trial, or put the other slot's image on trial."""
    show(go_back(board_store(os.environ), trust_from(os.environ), DiskFiles()))
    return 0


def mark_good(options: argparse.Namespace) -> int:
    """Keep the image that runs; with --wait only once it has been healthy for a minute.

    Exit status 3 when it has not been, and the hook goes back to the old image.
    """
    store = board_store(os.environ)
    if options.wait and on_trial(store):
        show(f"waiting until kioskd has been healthy for {HEALTHY_S:.0f} s")
        try:
            wait_until_healthy(_ask_kioskd())
        except UpdateError as error:
            show_error(str(error))
            return EXIT_NOT_HEALTHY
    show(mark(store, DiskFiles()))
    return 0


def options(_options: argparse.Namespace) -> int:
    """Print every key of kiosk.yaml with its default, what is allowed, and what it does."""
    print(reference(), end="")
    return 0


def bench(options: argparse.Namespace) -> int:
    """Measure this board on its own screen, for some three minutes: GPU, every avatar and which
    scale holds 25, 30 and 60 frames a second, lip-sync net, sound (silence is played) and
    storage. On a board kioskd does it in place of showing the avatar, which comes back by itself,
    also after Ctrl-C or when this is killed. The result is kept: health shows it, the picture's
    quality starts from it, `splat-gles estimate --measured` uses it. Elsewhere it lies in
    benchmark.json of the current folder. Exit status 1 when a part could not be measured.
    """
    # Not at the top: it loads much that install and mark-good must not depend on
    from kioskd.ctl.bench_command import measure_board

    return measure_board(options.soak)


def avtest(options: argparse.Namespace) -> int:
    """Show a flash and play a click each second, to film with a phone: the true lip-sync error.

    They go the ways of lips and voice, so that the film shows what amplifier and panel add. How to
    read the film: board/first_hour.md, Lip sync. On a board (as root) kioskd does it in place of
    showing the avatar, for three minutes or until Ctrl-C; then the avatar comes back. Elsewhere it
    is a kioskd of its own, in a window or on the console page. Exit status 2 (elsewhere 1)
    when no screen or no sound card is there.
    """
    # Not at the top: it loads much that install and mark-good must not depend on
    from kioskd.ctl.avtest_command import film_sync

    return film_sync(options)


def report(options: argparse.Namespace) -> int:
    """Tell what this board is and how it does, as one JSON to send to those who have none like it.

    It has what doctor and board/probe.sh see, what bench has measured, OpenGL ES, screens, mixer,
    kernel and versions. It has no serial number, address, token, name of yours, word or picture:
    fields that could hold any are not in its form. What is missing is told on standard error; run
    it as root to see most. Send the file to the project, where `make verified REPORT=FILE` takes
    it.
    """
    # Not at the top: it loads much that install and mark-good must not depend on
    from kioskd.ctl.report import board_report

    return board_report(options)


def _ask_kioskd() -> Ask:
    address = own_address()
    if address is None:
        return ServiceProcess().look

    def ask() -> Look:
        try:
            return look_at_health(address.client(_ASK_TIMEOUT_S).health())
        except ControlError:
            return look_at_health(None)

    return ask
