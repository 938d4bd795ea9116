# SPDX-License-Identifier: Apache-2.0
"""The end of a trial: the running image is good, or a person wants the other one back."""

from __future__ import annotations

from dataclasses import replace

from kioskd.durable_files import Files
from kioskd.update.errors import ImageError, UpdateError
from kioskd.update.image_format import read_manifest
from kioskd.update.last_result import write_result
from kioskd.update.release import Trust
from kioskd.update.slot_state import TRIES, SlotState, read_state, write_state
from kioskd.update.slots import look_into, true_state
from kioskd.update.store import Slot, Store, locked, other


def on_trial(store: Store) -> bool:
    """Whether the image that runs is the one that has to prove itself."""
    state = read_state(store)
    return state is not None and state.pending is not None and store.running() == state.pending


def mark_good(store: Store, files: Files) -> str:
    """The running image is healthy: keep it. Says what was done; writes nothing without need."""
    running = store.running()
    state = read_state(store)
    if state is None or running is None:
        return "nothing to mark: no slot was started by the hook"
    if state.pending != running and not state.failures:
        return f"slot {running} is known to be good"
    with locked(store):
        state = read_state(store) or state
        try:
            if state.pending == running:
                write_state(store, SlotState(running), files)
                write_result(store, files, "good", running, _version(store, running))
                return f"slot {running} is good and stays"
            if state.active == running and state.failures:
                write_state(store, replace(state, failures=0), files)
                return f"slot {running} is good again"
        except OSError as error:
            raise _not_written(store, error) from error
    return f"slot {running} is known to be good"


def rollback(store: Store, trust: Trust, files: Files) -> str:
    """Give up an image on trial, or put the other slot's on trial; says what comes next.

    The other slot's is put on trial, not chosen at once: it may be one that once failed, and
    then the board comes back to the one that runs now. Raises UpdateError.
    """
    with locked(store):
        state = true_state(store, trust)
        try:
            if state.pending is not None:
                write_state(store, replace(state, pending=None, tries=0), files)
                write_result(store, files, "rollback", state.active, _version(store, state.active))
                return f"slot {state.pending} is given up; slot {state.active} starts next"
            slot = other(state.active)
            content = look_into(store, slot, trust)
            if content.manifest is None:
                raise UpdateError(
                    "nothing_to_go_back_to", f"slot {slot} has no usable image: {content.problem}"
                )
            write_state(store, replace(state, pending=slot, tries=TRIES), files)
            version = content.manifest.version
            write_result(store, files, "rollback", slot, version)
        except OSError as error:
            raise _not_written(store, error) from error
    return f"slot {slot} ({version}) starts next, on trial"


def _version(store: Store, slot: Slot) -> str:
    try:
        return read_manifest(store.image(slot)).version
    except ImageError:
        return ""


def _not_written(store: Store, error: OSError) -> UpdateError:
    return UpdateError("write_failed", f"{store.state} cannot be written: {error.strerror}")
