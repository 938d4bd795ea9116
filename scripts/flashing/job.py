# SPDX-License-Identifier: Apache-2.0
"""What is to be flashed where, checked as far as that is possible without a device.

An image must be whole (its hash stands in SHA256SUMS beside it), a plain ext4 file system
(Android-sparse ones are written differently from what can be read back) and hold a kiosk
image for the board that was asked for. A backup is written back only while its hash is right.
"""

from __future__ import annotations

import fnmatch
import hashlib
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from firmware.boards import Board
from firmware.made_for import version_for
from flashing.commands import find_tool
from flashing.errors import FlashError
from flashing.report import Report

OVERLAY: Final = "overlay"
ROOTFS: Final = "rootfs"
RESTORE: Final = "restore"
IMAGE_NAMES: Final = {OVERLAY: "kiosk-overlay.img", ROOTFS: "rootfs.img"}
_SLOT: Final = {OVERLAY: "/slots/a.img", ROOTFS: "/var/lib/kiosk/slots/a.img"}
_MAKE: Final = {OVERLAY: "make overlay BOARD={0}", ROOTFS: "make rootfs BOARD={0} BASE=vendor.img"}
_SPARSE_MAGIC: Final = bytes.fromhex("3aff26ed")
_EXT4_MAGIC: Final = (1080, b"\x53\xef")
BOOT_CHAIN: Final = frozenset(
    {
        "uboot", "trust", "idbloader", "misc", "boot", "recovery", "dtbo", "vbmeta", "kernel",
        "resource", "backup", "security", "preloader", "lk", "tee", "bootloaders", "bootassets",
        "firmware", "mmc0", "mmc0boot0", "mmc0boot1",
    }
)  # fmt: skip
"""Partitions without which a board does not start; a kiosk image is never written there."""


@dataclass(frozen=True, slots=True)
class Job:
    """One flashing. `what` is OVERLAY, ROOTFS or RESTORE; `partition` is empty for the board's
    own choice; `folder` takes backups; `wait_s` is how long to wait for a device."""

    board: Board
    what: str
    image: Path
    folder: Path
    partition: str = ""
    loader: Path | None = None
    vendor: Path | None = None
    wait_s: float = 300.0
    backup: bool = True
    confirmed: bool = False

    @property
    def partition_names(self) -> tuple[str, ...]:
        """Names to look for on the device, the preferred first; never empty."""
        if self.partition:
            names: tuple[str, ...] = (self.partition,)
        elif self.what == RESTORE:
            names = (self.image.stem.rsplit("-", 1)[-1],)
        elif self.what == ROOTFS:
            names = (self.board.flash.rootfs_partition,) * bool(self.board.flash.rootfs_partition)
        else:
            names = self.board.flash.partitions
        if not names:
            raise FlashError(
                f"{self.board.name}: no partition is known that may hold {self.image.name}; name "
                "one with PARTITION=, or install over the network with HOST=root@address"
            )
        if self.what != RESTORE and (bad := BOOT_CHAIN.intersection(names)):
            raise FlashError(
                f"the partition {', '.join(sorted(bad))} belongs to the boot chain: the board "
                "would not start any more. Choose another with PARTITION="
            )
        return names


def check_image(job: Job, report: Report) -> None:
    """Everything that can be wrong with the image file; raises FlashError."""
    image = job.image
    if not image.is_file():
        make = _MAKE.get(job.what, "").format(job.board.name)
        raise FlashError(f"{image} is not there" + (f"; make it with `{make}`" if make else ""))
    if job.what == RESTORE:
        _check_backup(image)
        return
    with image.open("rb") as file:
        head = file.read(_EXT4_MAGIC[0] + 2)
    if head.startswith(_SPARSE_MAGIC):
        raise FlashError(
            f"{image} is an Android-sparse image, which cannot be compared after writing; convert "
            f"it: simg2img {image} {image.with_suffix('.raw.img')} (package "
            "android-sdk-libsparse-utils)"
        )
    if head[_EXT4_MAGIC[0] :] != _EXT4_MAGIC[1]:
        raise FlashError(
            f"{image} holds no ext4 file system: it is not one of this project's images"
        )
    _check_sum(image, report)
    check_holds_kiosk(image, _SLOT[job.what], job.board.name, report)


def check_holds_kiosk(image: Path, inside: str, board: str, report: Report) -> None:
    """Raises FirmwareError unless the ext4 image holds a kiosk image of that board at `inside`."""
    debugfs = find_tool("debugfs", "sudo apt install e2fsprogs")
    with tempfile.TemporaryDirectory(prefix="kiosk-flash-") as folder:
        slot = Path(folder) / "a.img"
        subprocess.run(
            [debugfs, "-R", f"dump {inside} {slot}", str(image)], capture_output=True, check=False
        )
        if not slot.is_file():
            raise FlashError(f"{image} holds no kiosk image at {inside}: not one of this project's")
        version = version_for(board, slot, image)
    report.note(f"{image.name}: version {version} for {board}")


def find_loader(job: Job) -> Path:
    """The vendor's loader file that Maskrom mode needs first."""
    pattern = job.board.flash.loader
    candidates = sorted(p for p in job.folder.glob("*") if fnmatch.fnmatch(p.name, pattern or "-"))
    loader = job.loader or (candidates[-1] if candidates else None)
    if loader is None:
        raise FlashError(
            f"the board is in Maskrom mode and needs the vendor's loader first: get {pattern} "
            f"from the vendor (Rockchip: the rkbin collection), put it into {job.folder} or name "
            "it with LOADER="
        )
    try:
        with loader.open("rb") as file:
            magic = file.read(4)
    except OSError as error:
        raise FlashError(f"the loader {loader} cannot be read: {error.strerror}") from None
    if magic not in (b"BOOT", b"LDR "):
        raise FlashError(
            f"{loader} is not a packed loader (it begins with neither BOOT nor LDR); take the "
            f"vendor's {pattern or 'loader'}, not a part of it"
        )
    return loader


def hash_file(path: Path) -> str:
    """SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _check_sum(image: Path, report: Report) -> None:
    """Compare with SHA256SUMS or NAME.sha256 beside the image, where one names it."""
    for sums in (image.with_name("SHA256SUMS"), image.with_name(image.name + ".sha256")):
        lines = sums.read_text(encoding="utf-8").splitlines() if sums.is_file() else []
        pairs = (line.split("  ", 1) for line in lines)
        digest = next((pair[0] for pair in pairs if pair[1:] == [image.name]), None)
        if digest is None:
            continue
        if digest != hash_file(image):
            raise FlashError(f"{image} is not what {sums} says: damaged, or half made")
        return
    report.note(f"no SHA256SUMS names {image.name}: taken as it is")


def _check_backup(image: Path) -> None:
    note = image.with_name(image.name + ".sha256")
    if not note.is_file():
        raise FlashError(f"{note} is not there: without its hash a backup is not written back")
    if note.read_text(encoding="utf-8").split()[:1] != [hash_file(image)]:
        raise FlashError(f"{image} is not what {note.name} says: the backup is damaged")
