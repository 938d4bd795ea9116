# SPDX-License-Identifier: Apache-2.0
"""Installs an image: into the inactive slot, durably, and only then on trial.

The order of the steps is what makes a power cut harmless; the slot that is known to be good
is never written, and the state file names the new image only when it lies there whole and
has been read back from the medium. A partition of 128 MiB does not hold three images: where
space is short the old image in the inactive slot goes first.
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from driving_client.regular_file import open_regular
from kioskd.durable_files import Files
from kioskd.update.errors import UpdateError
from kioskd.update.image_format import verify
from kioskd.update.last_result import write_result
from kioskd.update.manifest import Manifest
from kioskd.update.release import Trust
from kioskd.update.slot_state import TRIES, SlotState, write_state
from kioskd.update.slots import look_into, true_state
from kioskd.update.store import SLOTS, Slot, Store, locked, other
from kioskd.update.version_order import refusal

RESERVE_BYTES: Final = 1 << 20
"""Left free for the state and the configuration."""
INSTALL_WAIT_S: Final = 5.0
"""Two people who install at once are told so."""
_CHUNK: Final = 1 << 20

Tell = Callable[[str, int, int], None]
"""Told which of the three works is done ("checking", "writing", "reading back"), and how far."""


@dataclass(frozen=True, slots=True)
class Installed:
    """Where an image went."""

    slot: Slot
    manifest: Manifest


def install(
    image: Path,
    store: Store,
    trust: Trust,
    files: Files,
    tell: Tell = lambda *_: None,
    allow_downgrade: bool = False,
) -> Installed:
    """Install `image`; the next boot tries it. Raises UpdateError with everything as it was.

    An image that is older than the active slot's, or the same one, needs `allow_downgrade`.

    "As it was" means the active slot and the configuration; an older image in the inactive slot
    may be gone, and is then not on trial any more.
    """
    manifest = verify(image, trust.keys, trust.board, lambda *far: tell("checking", *far))
    if manifest.min_hook > trust.hook_format:
        raise UpdateError(
            "hook_too_old",
            f"{image} needs a hook of format {manifest.min_hook}, this board's has "
            f"{trust.hook_format}; install the hook of that version first (rootfs-overlay.tar)",
        )
    with locked(store, INSTALL_WAIT_S):
        state = true_state(store, trust)
        slot = other(state.active)
        if store.running() == slot:
            raise UpdateError(
                "on_trial",
                f"slot {slot} is running on trial; wait a minute until it counts as good, or "
                "go back with `kioskctl rollback` and restart",
            )
        if not allow_downgrade:
            _check_is_update(image, manifest, store, state.active, trust)
        try:
            _make_room(image, store, slot, state, files)
            _write(image, manifest, store, slot, trust, files, tell)
            write_state(store, replace(state, pending=slot, tries=TRIES), files)
            write_result(store, files, "installed", slot, manifest.version)
        except OSError as error:
            raise _told(error, store) from error
        finally:
            with contextlib.suppress(OSError):
                files.remove(_fresh(store, slot))
    return Installed(slot, manifest)


def _check_is_update(
    image: Path, manifest: Manifest, store: Store, active: Slot, trust: Trust
) -> None:
    installed = look_into(store, active, trust).manifest
    why = "" if installed is None else refusal(manifest, installed)
    if why:
        raise UpdateError(
            "no_update",
            f"{image} holds {manifest.version}, which {why} in slot {active}; give "
            "--allow-downgrade to install it all the same",
        )


def _make_room(image: Path, store: Store, slot: Slot, state: SlotState, files: Files) -> None:
    files.make_folder(store.slots)
    leftovers = [_fresh(store, each) for each in SLOTS]
    needed = image.stat().st_size + RESERVE_BYTES
    free = _free(store.slots) + sum(map(_size, leftovers))
    old = store.image(slot)
    if needed > free + _size(old):
        raise UpdateError(
            "no_space",
            f"{image} needs {needed >> 20} MiB at {store.slots}, where {free >> 20} MiB are free "
            f"and the old image gives {_size(old) >> 20}; make room there",
        )
    if state.pending is not None:
        # What is replaced must not be on trial meanwhile
        write_state(store, replace(state, pending=None, tries=0), files)
    for path in leftovers:
        files.remove(path)
    if needed > free:
        files.remove(old)
    files.sync_folder(store.slots)


def _write(
    image: Path,
    manifest: Manifest,
    store: Store,
    slot: Slot,
    trust: Trust,
    files: Files,
    tell: Tell,
) -> None:
    fresh = _fresh(store, slot)
    files.write(fresh, _chunks(image, tell), 0o644)
    files.sync(fresh)
    back = verify(fresh, trust.keys, trust.board, lambda *far: tell("reading back", *far))
    if back != manifest:
        raise UpdateError("write_failed", f"{image} was changed while it was installed; try again")
    files.rename(fresh, store.image(slot))
    files.sync_folder(store.slots)


def _chunks(image: Path, tell: Tell) -> Iterator[bytes]:
    total, done = image.stat().st_size, 0
    with open_regular(image) as file:
        while chunk := file.read(_CHUNK):
            yield chunk
            done += len(chunk)
            tell("writing", done, total)


def _fresh(store: Store, slot: Slot) -> Path:
    image = store.image(slot)
    return image.with_name(image.name + ".new")


def _free(folder: Path) -> int:
    usage = os.statvfs(folder)
    return usage.f_bavail * usage.f_frsize


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _told(error: OSError, store: Store) -> UpdateError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return UpdateError("no_space", f"{store.root} is full; make room there")
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return UpdateError(
            "not_writable",
            f"{store.root} cannot be written ({error.strerror}); run this as root, and check "
            "whether its file system has gone read-only (dmesg)",
        )
    return UpdateError(
        "write_failed", f"{store.root} cannot be written ({error.strerror}): replace the storage"
    )
