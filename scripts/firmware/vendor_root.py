# SPDX-License-Identifier: Apache-2.0
"""Whether a file is a vendor's root file system that can carry the kiosk, and if not, why.

Vendors ship roots in many wrappings. What can be told by its first bytes is named, with the
way to unwrap it; only plain ext4 is changed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from firmware.errors import FirmwareError
from firmware.ext4_image import Ext4Image

SPARSE: Final = "Android-sparse"
OLDEST_SYSTEMD: Final = 247
_SYSTEMD: Final = ("/usr/lib/systemd/systemd", "/lib/systemd/systemd")
_LIBRARY: Final = re.compile(r"libsystemd-shared-(\d+)[^/]*\.so")
_LIBRARY_FOLDERS: Final = (
    "/usr/lib/systemd",
    "/lib/systemd",
    "/usr/lib/aarch64-linux-gnu/systemd",
    "/lib/aarch64-linux-gnu/systemd",
    "/usr/lib64/systemd",
)
# Enabled, they keep the screen for themselves
_DESKTOPS: Final = (
    "/etc/systemd/system/display-manager.service",
    "/etc/systemd/system/multi-user.target.wants/weston.service",
    "/etc/systemd/system/graphical.target.wants/weston.service",
)
_MACHINES: Final = {3: "x86", 40: "32-bit ARM", 62: "x86-64", 183: "arm64", 243: "RISC-V"}
# offset, bytes, what it is, how to get at the file system in it
_WRAPPINGS: Final = (
    (0, "3aff26ed", SPARSE, ""),
    (0, "1f8b", "a gzip file", "unpack it with gunzip"),
    (0, "fd377a585a00", "an xz file", "unpack it with unxz"),
    (0, "28b52ffd", "a zstd file", "unpack it with unzstd"),
    (0, "504b0304", "a zip file", "unpack it with unzip"),
    (0, "524b4657", "a Rockchip update image (RKFW)", "unpack it with the vendor's tool"),
    (0, "524b4146", "a Rockchip update image (RKAF)", "unpack it with the vendor's tool"),
    (0, "68737173", "a squashfs", "a read-only root cannot carry the hook: build the vendor's "
     "image with ext4"),
    (1024, "e2e1f5e0", "an erofs", "a read-only root cannot carry the hook: build the vendor's "
     "image with ext4"),
    (1024, "1020f5f2", "an f2fs", "build the vendor's image with ext4"),
    (0x10040, "5f42485266535f4d", "a btrfs", "build the vendor's image with ext4"),
    (512, "4546492050415254", "a whole disk with partitions", "cut the root partition out: "
     "`sfdisk -d FILE` shows start and size in sectors, then "
     "`dd if=FILE of=root.img bs=512 skip=START count=SIZE`"),
)  # fmt: skip
_EXT4_MAGIC: Final = (1080, b"\x53\xef")


@dataclass(frozen=True, slots=True)
class Userland:
    """What a vendor's root brings.

    `injected` is the list of our files in it, if any; `desktop` what it starts on the screen.
    """

    systemd: int
    injected: tuple[str, ...]
    desktop: str


def wrapping(path: Path) -> str:
    """Empty for a plain ext4, SPARSE for an Android-sparse image; raises for all others."""
    try:
        with path.open("rb") as file:
            head = file.read(0x10048)
    except OSError as error:
        raise FirmwareError(f"{path} cannot be read: {error.strerror}") from None
    at, magic = _EXT4_MAGIC
    if head[at : at + len(magic)] == magic:
        return ""
    for offset, digits, name, mend in _WRAPPINGS:
        known = bytes.fromhex(digits)
        if head[offset : offset + len(known)] == known:
            if name == SPARSE:
                return SPARSE
            raise FirmwareError(f"{path} is {name}, not an ext4 root file system; {mend}")
    raise FirmwareError(f"{path} holds no ext4 file system; BASE= takes the vendor's root image")


def examine(image: Ext4Image, record: str) -> Userland:
    """Raise FirmwareError for a root that cannot run the kiosk.

    `record` is where an older injection left the list of its files.
    """
    name = image.title
    features = image.header().get("Filesystem features", "").split()
    if "shared_blocks" in features:
        raise FirmwareError(
            f"{name} shares blocks between files (Android's deduplication) and cannot be changed; "
            "make it anew without `-E shared_blocks`"
        )
    systemd = next((path for path in _SYSTEMD if image.read(path)), None)
    if systemd is None:
        init = image.inode("/init") or image.inode("/system")
        kind = "an Android root" if init else "no root with systemd"
        raise FirmwareError(f"{name} is {kind}: the kiosk needs systemd and glibc, not Android")
    _check_machine(name, image.read(systemd) or b"")
    version = _systemd_version(image)
    if version and version < OLDEST_SYSTEMD:
        raise FirmwareError(
            f"{name} has systemd {version}; the kiosk needs {OLDEST_SYSTEMD} or newer"
        )
    if image.inode(image.resolve("/usr/bin/openssl")) is None:
        raise FirmwareError(
            f"{name} has no /usr/bin/openssl, with which the hook checks signatures; add the "
            "package to the vendor's image"
        )
    listed = (image.read(record) or b"").decode("utf-8", "replace").splitlines()
    desktop = next((path for path in _DESKTOPS if image.inode(image.resolve(path))), "")
    return Userland(version, tuple(line for line in listed if line), desktop)


def _check_machine(name: str, program: bytes) -> None:
    if program[:4] != b"\x7fELF":
        raise FirmwareError(f"{name}: its systemd is not a program; the image is damaged")
    machine = int.from_bytes(program[18:20], "little")
    if machine != 183 or program[4] != 2:
        known = _MACHINES.get(machine, f"machine {machine}")
        raise FirmwareError(f"{name} is a root for {known}; the kiosk is for arm64")


def _systemd_version(image: Ext4Image) -> int:
    """The version of systemd; 0 where the root does not tell."""
    for folder in _LIBRARY_FOLDERS:
        for found in map(_LIBRARY.match, image.names(folder)):
            if found:
                return int(found[1])
    return 0
