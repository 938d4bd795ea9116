# SPDX-License-Identifier: Apache-2.0
"""Disk images for QEMU, made as an ordinary user: no loop device, no mount.

A root disk is one ext4 file system without a partition table; QEMU gets it as /dev/vda. Runs
write into qcow2 overlays, so that each starts from the same disk.
"""

from __future__ import annotations

import os
import shlex
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from firmware.steps import run

ROOT_SIZE_MB: Final = 1500


def root_disk(tars: Sequence[Path], output: Path) -> None:
    """An ext4 image of tars unpacked one over the other, with their owners and modes."""
    output.unlink(missing_ok=True)
    with tempfile.TemporaryDirectory(dir=output.parent, prefix="tree-") as folder:
        tree = shlex.quote(folder)
        # One shell, because owners are kept for as long as one fakeroot lives
        script = [
            f"tar --extract --keep-directory-symlink --numeric-owner --directory {tree} "
            f"--file {shlex.quote(str(tar.resolve()))}"
            for tar in tars
        ]
        script.append(f"chmod 755 {tree}")
        image = shlex.quote(str(output))
        # All inode tables now: the guest's kernel would write them for hours, which a vendor's
        # first boot has long done, and idle writes are measured
        script.append(
            f"mke2fs -q -t ext4 -E lazy_itable_init=0,lazy_journal_init=0 -L root -d {tree} "
            f"{image} {ROOT_SIZE_MB}M"
        )
        run(["fakeroot", "sh", "-euc", "\n".join(script)], doing="making the root disk")


def overlay(backing: Path, output: Path, backing_format: str = "raw") -> Path:
    """A qcow2 file that takes the writes; `backing` stays as it is."""
    output.unlink(missing_ok=True)
    below = ["-F", backing_format, "-b", os.path.relpath(backing, output.parent)]
    run(
        ["qemu-img", "create", "-q", "-f", "qcow2", *below, str(output)],
        doing="making a disk overlay",
    )
    return output


def files_disk(files: dict[str, Path], output: Path, label: str) -> Path:
    """An ext4 image with these files, as a second disk that carries them into the guest."""
    output.unlink(missing_ok=True)
    with tempfile.TemporaryDirectory(dir=output.parent, prefix="files-") as folder:
        for name, source in files.items():
            os.link(source.resolve(), Path(folder) / name)
        size = 16 + sum(path.stat().st_size for path in files.values()) * 5 // 4 // 2**20
        command = ["mke2fs", "-q", "-t", "ext4", "-m", "0", "-L", label, "-E", "root_owner=0:0"]
        run([*command, "-d", folder, str(output), f"{size}M"], doing="making a disk of files")
    return output


def stick(files: dict[str, bytes], output: Path, label: str) -> Path:
    """A FAT image with these files: what a person's USB stick looks like to the guest."""
    output.unlink(missing_ok=True)
    run(["mkfs.vfat", "-C", "-n", label, str(output), "16384"], doing="making a FAT disk")
    with tempfile.TemporaryDirectory(prefix="stick-") as folder:
        for name, content in files.items():
            path = Path(folder) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        tops = sorted(Path(folder).iterdir())
        if tops:
            run(["mcopy", "-s", "-i", str(output), *map(str, tops), "::/"], doing="filling it")
    return output
