# SPDX-License-Identifier: Apache-2.0
"""Puts rootfs-overlay.tar into a copy of a vendor's root image, as if it had been unpacked there.

For a factory: the vendor's image goes onto the board with the kiosk in it, and no first
contact is needed. The same base and archive give the same image, byte for byte. An image that
carries an older kiosk is brought up to date: what the older one brought and this one does not
is removed, and its second slot and state are cleared.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from firmware.errors import FirmwareError
from firmware.ext4_image import Ext4Image, convert_sparse
from firmware.root_archive import Entry, read_archive
from firmware.steps import Progress, run
from firmware.vendor_root import SPARSE, examine, wrapping

RECORD: Final = "usr/lib/kiosk/injected"
_STALE: Final = ("var/lib/kiosk/slots/b.img", "var/lib/kiosk/slots/b.img.new")
_SPARE_BYTES: Final = 8 << 20
_STEP_BYTES: Final = 16 << 20


@dataclass(frozen=True, slots=True)
class Injected:
    """What was made. `grown` is by how many bytes the image had to grow."""

    version: str
    files: int
    updated: bool
    grown: int


def inject(
    base: Path,
    archive: Path,
    target: Path,
    board: str,
    progress: Progress,
    max_bytes: int | None = None,
) -> Injected:
    """Write `target`: the root image `base` with `archive` in it. Raises FirmwareError.

    `max_bytes` is the size of the partition that it is for, where known.
    """
    wrapped = wrapping(base)
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="kiosk-inject-", dir=target.parent) as folder:
        work = Path(folder)
        read = read_archive(archive, work, board)
        entries = list(read.entries)
        image = Ext4Image(work / "root.img", base.name, read.clock)
        with progress.step(f"copying {base.name}"):
            _copy(base, image.path, wrapped == SPARSE)
        if image.repair():
            progress.say("  its file system was not unmounted cleanly; repaired")
        userland = examine(image, f"/{RECORD}")
        progress.say(f"  a root with systemd {userland.systemd or 'of unknown version'}")
        if userland.desktop:
            progress.say(
                f"  note: it starts a desktop ({userland.desktop}); the kiosk stops it at every "
                "start, to have the screen"
            )
        entries.append(_record(entries, work))
        _clear(image, entries, userland.injected)
        grown = _make_room(image, entries, max_bytes, progress)
        with progress.step(f"writing {len(entries)} entries"):
            told = image.change(_commands(image, entries))
        with progress.step("checking"):
            image.check()
            _compare(image, entries, told)
        image.path.replace(target)
    _write_sum(target)
    return Injected(read.version, len(entries) - 1, bool(userland.injected), grown)


def _copy(base: Path, target: Path, sparse: bool) -> None:
    if not sparse:
        run(["cp", "--sparse=always", "--reflink=auto", base, target], doing=f"copying {base}")
        return
    tool = shutil.which("simg2img")
    if tool is None:
        raise FirmwareError(
            f"{base} is an Android-sparse image and simg2img is not installed: sudo apt install "
            f"android-sdk-libsparse-utils, or convert it elsewhere: simg2img {base} root.img"
        )
    convert_sparse(base, target, tool)
    if wrapping(target):
        raise FirmwareError(f"{base} is sparse within sparse: not a root image")


def _record(entries: list[Entry], work: Path) -> Entry:
    """The list of our files, for the next time."""
    source = work / "record"
    names = sorted(entry.name for entry in entries if entry.kind != "directory")
    source.write_text("".join(f"{name}\n" for name in names), "utf-8")
    return Entry(RECORD, "regular", 0o644, source=source)


def _clear(image: Ext4Image, entries: list[Entry], injected: tuple[str, ...]) -> None:
    """Remove what is replaced, and what an older kiosk left that this one does not have."""
    gone = [entry.name for entry in entries if entry.kind != "directory"]
    gone += [name for name in (*injected, *_STALE) if name not in gone]
    commands = []
    for name in gone:
        place = _place(image, name)
        found = image.inode(place)
        if found is not None and found.kind == "directory":
            raise FirmwareError(f"{image.title}: /{name} is a folder there; it should be a file")
        if found is not None:
            commands.append(f'rm "{place}"')
    if commands:
        image.change(commands)


def _make_room(
    image: Ext4Image, entries: list[Entry], max_bytes: int | None, progress: Progress
) -> int:
    """Enlarge the file system where the entries do not fit; returns by how many bytes."""
    header = image.header()
    block = int(header["Block size"])
    free = int(header["Free blocks"]) * block
    size = int(header["Block count"]) * block
    needed = sum(-(-max(entry.size, 1) // block) * block for entry in entries) + _SPARE_BYTES
    if needed <= free:
        return 0
    grown = -(-(needed - free) * 105 // 100 // _STEP_BYTES) * _STEP_BYTES
    if max_bytes is not None and size + grown > max_bytes:
        raise FirmwareError(
            f"{image.title}: {needed >> 20} MiB are needed and {free >> 20} free; a root of "
            f"{(size + grown) >> 20} MiB does not fit the partition of {max_bytes >> 20} MiB"
        )
    with progress.step(f"enlarging by {grown >> 20} MiB to {(size + grown) >> 20} MiB"):
        image.resize(size + grown)
    return grown


def _place(image: Ext4Image, name: str) -> str:
    """Where an entry really goes: links among its folders are followed, as tar does."""
    parent, _, last = f"/{name}".rpartition("/")
    return f"{image.resolve(parent or '/').rstrip('/')}/{last}"


def _commands(image: Ext4Image, entries: list[Entry]) -> list[str]:
    commands: list[str] = []
    made: set[str] = set()

    def folder(place: str, mode: int | None) -> None:
        found = image.inode(place)
        if found is not None and found.kind != "directory":
            raise FirmwareError(f"{image.title}: {place} is there and is not a folder")
        if place != "/" and found is None and place not in made:
            folder(place.rpartition("/")[0] or "/", None)
            commands.append(f'mkdir "{place}"')
            commands.extend(_owner(place, 0o040000 | (mode if mode is not None else 0o755)))
            made.add(place)

    for entry in sorted(entries, key=lambda entry: entry.name):
        place = _place(image, entry.name)
        if entry.kind == "directory":
            folder(image.resolve(place), entry.mode)
            continue
        folder(place.rpartition("/")[0] or "/", None)
        if entry.kind == "symlink":
            commands.append(f'symlink "{place}" "{entry.link}"')
            commands.extend(_owner(place, 0o120777))
        else:
            commands.append(f'write "{entry.source}" "{place}"')
            commands.extend(_owner(place, 0o100000 | entry.mode))
    return commands


def _owner(place: str, mode: int) -> list[str]:
    return [f'sif "{place}" mode 0{mode:o}', f'sif "{place}" uid 0', f'sif "{place}" gid 0']


def _compare(image: Ext4Image, entries: list[Entry], told: str) -> None:
    """Read everything back: debugfs tells a failure only in words."""
    for entry in entries:
        place = _place(image, entry.name)
        found = image.inode(image.resolve(place) if entry.kind == "directory" else place)
        right = found is not None and found.kind == entry.kind
        if right and found is not None and entry.kind != "directory":
            right = found.mode == entry.mode and found.owner == (0, 0) and found.link == entry.link
        if right and entry.source is not None:
            right = image.read(place) == entry.source.read_bytes()
        if not right:
            raise FirmwareError(
                f"{image.title}: /{entry.name} was not written as it should be; debugfs said:\n"
                + "\n".join(told.strip().splitlines()[-5:])
            )


def _write_sum(target: Path) -> None:
    with target.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    note = target.with_name(target.name + ".sha256")
    note.write_text(f"{digest}  {target.name}\n", "utf-8")
