# SPDX-License-Identifier: Apache-2.0
"""Makes from one image what people flash, unpack or inject: partition, archive, checksums."""

from __future__ import annotations

import shutil
import tarfile
from hashlib import sha256
from pathlib import Path
from typing import Final

from firmware.boards import Board
from firmware.ext4 import make_ext4
from firmware.signing import SigningKey
from firmware.tree import settle_modes, walk
from firmware.version import project_files
from kioskd.update.slot_state import SlotState

STORE: Final = "var/lib/kiosk"
KEYS: Final = "usr/lib/kiosk/keys.d"
BOARD_NAME: Final = "usr/lib/kiosk/board"
"""Tells the hook which board it is on: only that board's images start."""
HOOK_MAX_BYTES: Final = 32 * 1024
PARTITION_IMAGE: Final = "kiosk-overlay.img"
ROOT_ARCHIVE: Final = "rootfs-overlay.tar"
CHECKSUMS: Final = "SHA256SUMS"


def store_tree(image: Path, target: Path) -> None:
    """The store as it is when a board is new: slot a, its state, and empty folders."""
    for folder in ("slots", "state", "config", "data"):
        (target / folder).mkdir(parents=True)
    shutil.copyfile(image, target / "slots/a.img")
    (target / "state/slots").write_bytes(SlotState("a").to_bytes())
    settle_modes(target)


def hook_tree(root: Path, board: Board, key: SigningKey, target: Path) -> int:
    """The hook: rootfs_overlay/, then the board's own, its name and the public key.

    Returns the size of all its files in bytes.
    """
    target.mkdir(parents=True)
    for overlay in (root / "rootfs_overlay", board.folder / "rootfs_overlay"):
        for path in project_files(root, overlay.relative_to(root).as_posix()):
            name = path.relative_to(overlay)
            if name.name == "README.md" and len(name.parts) == 1:
                continue
            copy = target / name
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.unlink(missing_ok=True)
            if path.is_symlink():
                copy.symlink_to(path.readlink())
                continue
            shutil.copyfile(path, copy)
            copy.chmod(0o755 if path.stat().st_mode & 0o100 else 0o644)
    (target / KEYS).mkdir(parents=True, exist_ok=True)
    (target / BOARD_NAME).write_text(f"{board.name}\n", "utf-8")
    shutil.copyfile(key.public_path, target / KEYS / f"{key.id}.pem")
    settle_modes(target)
    return sum(path.lstat().st_size for path in walk(target) if not path.is_dir())


def make_partition(store: Path, board: Board, version: str, epoch: int, target: Path) -> None:
    """The partition image `kiosk-overlay.img` from the store's tree."""
    seed = f"{board.name} {version}"
    make_ext4(store, target, size=board.flash.max_bytes, epoch=epoch, seed=seed)


def make_root_archive(hook: Path, store: Path, epoch: int, target: Path) -> None:
    """`rootfs-overlay.tar`: hook and store, to unpack over a root with `tar -x -C /`.

    Folders that are not ours alone are left out, so that unpacking does not change their modes.
    """
    entries = {path.relative_to(hook).as_posix(): path for path in walk(hook)}
    entries[STORE] = store
    entries |= {f"{STORE}/{path.relative_to(store).as_posix()}": path for path in walk(store)}
    partial = target.with_name(target.name + ".new")
    with tarfile.open(partial, "w", format=tarfile.GNU_FORMAT) as archive:
        for name, path in sorted(entries.items()):
            if path.is_dir() and not path.is_symlink() and "kiosk" not in name:
                continue
            _add(archive, path, name, epoch)
    partial.replace(target)


def _add(archive: tarfile.TarFile, path: Path, name: str, epoch: int) -> None:
    info = archive.gettarinfo(path, name)
    info.uid = info.gid = 0
    info.uname = info.gname = "root"
    info.mtime = epoch
    info.mode = info.mode & 0o777
    if info.isreg():
        with path.open("rb") as file:
            archive.addfile(info, file)
    else:
        archive.addfile(info)


def write_checksums(folder: Path, names: list[str], key: SigningKey) -> None:
    """SHA256SUMS (as sha256sum writes it) of a folder's files, and its signature."""
    lines = []
    for name in sorted(names):
        with (folder / name).open("rb") as file:
            hasher = sha256()
            while chunk := file.read(1 << 20):
                hasher.update(chunk)
        lines.append(f"{hasher.hexdigest()}  {name}\n")
    content = "".join(lines).encode()
    (folder / CHECKSUMS).write_bytes(content)
    (folder / f"{CHECKSUMS}.sig").write_bytes(key.sign(content))
