# SPDX-License-Identifier: Apache-2.0
"""Where things lie on a board, and the lock that keeps two changes apart.

The store is the one writable tree of the kiosk. Keys are not in it: a program that can write the
store must not be able to say whom to trust.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, get_args

from driving_client.regular_file import read_regular
from kioskd.update.errors import UpdateError

Slot = Literal["a", "b"]
SLOTS: Final[tuple[Slot, ...]] = get_args(Slot)
LOCK_WAIT_S: Final = 60.0
"""Longer than what runs at the start of a slow board; a person who waits sees why."""
_POLL_S: Final = 0.1
_KEY_FOLDERS: Final = (Path("/run/kiosk/keys.d"), Path("/usr/lib/kiosk/keys.d"))


@dataclass(frozen=True, slots=True)
class Store:
    """One store. `root` is /var/lib/kiosk on a board, `run` what lasts until the next boot."""

    root: Path
    run: Path = Path("/run/kiosk")

    def image(self, slot: Slot) -> Path:
        """The image in a slot."""
        return self.slots / f"{slot}.img"

    @property
    def slots(self) -> Path:
        """The folder of the two images."""
        return self.root / "slots"

    @property
    def state(self) -> Path:
        """The folder of the small state files."""
        return self.root / "state"

    @property
    def data(self) -> Path:
        """The state directory of the service, which may write there and nowhere else."""
        return self.root / "data"

    @property
    def config(self) -> Path:
        """/etc/kiosk of the service."""
        return self.root / "config"

    def running(self) -> Slot | None:
        """The slot that the hook mounted at this boot, None where no hook did."""
        word = self._told("slot")
        return next((slot for slot in SLOTS if slot == word), None)

    def version(self) -> str:
        """The version of the image that it mounted, empty where it did not."""
        return self._told("version")

    def _told(self, name: str) -> str:
        try:
            return read_regular(self.run / name, 128).decode("ascii").strip()
        except (OSError, UnicodeDecodeError):
            return ""


def other(slot: Slot) -> Slot:
    """The other slot."""
    return "b" if slot == "a" else "a"


def store_from(environment: Mapping[str, str]) -> Store:
    """KIOSK_STORE and KIOSK_RUN, which the hook sets, or where they lie on a board."""
    return Store(
        Path(environment.get("KIOSK_STORE") or "/var/lib/kiosk"),
        Path(environment.get("KIOSK_RUN") or "/run/kiosk"),
    )


def board_store(environment: Mapping[str, str]) -> Store:
    """The store that a command of the board works on; raises UpdateError where there is none.

    A board is where the hook's kioskctl runs, which tells its format; elsewhere KIOSK_STORE must
    name the store. The folder being there says nothing: one try on a workstation would make it.
    """
    if not environment.get("KIOSK_STORE") and not environment.get("KIOSK_HOOK_FORMAT"):
        raise UpdateError(
            "no_board",
            "this is not a board: only the kioskctl that the hook installs there "
            "(/usr/bin/kioskctl) may change /var/lib/kiosk; run that one on the board, or name a "
            "store to work on here: KIOSK_STORE=FOLDER",
        )
    return store_from(environment)


def keys_folder(environment: Mapping[str, str]) -> Path:
    """KIOSK_KEYS, or the folder into which the hook binds its keys, or the hook's own."""
    named = environment.get("KIOSK_KEYS")
    if named:
        return Path(named)
    return next((folder for folder in _KEY_FOLDERS if folder.is_dir()), _KEY_FOLDERS[-1])


@contextmanager
def locked(store: Store, wait_s: float = LOCK_WAIT_S) -> Iterator[None]:
    """Hold the store for one change; raises UpdateError where another one takes that long."""
    try:
        store.state.mkdir(parents=True, exist_ok=True)
        handle = os.open(store.state / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise UpdateError(
            "not_writable",
            f"{store.state} cannot be written ({error.strerror}); run this as root on the board",
        ) from error
    try:
        until = time.monotonic() + wait_s
        while not _lock(handle):
            if time.monotonic() >= until:
                raise UpdateError("busy", "another update is under way; wait until it is done")
            time.sleep(_POLL_S)
        yield
    finally:
        os.close(handle)


def _lock(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
