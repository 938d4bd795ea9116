# SPDX-License-Identifier: Apache-2.0
"""Makes the payload's file system: squashfs, bit by bit the same for the same tree.

Measured with squashfs-tools 4.5.1: SOURCE_DATE_EPOCH alone gave other images when input
times differed; with the times on the command line, number of threads, umask and the order
of the folder made no difference. Blocks of 256 KiB: larger ones cost start-up time, because
a block is decompressed whole.
"""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import Final

from firmware.errors import FirmwareError
from firmware.steps import run

MAX_PAYLOAD_BYTES: Final = 48_000_000
"""Two payloads, configuration and state must fit a partition of 128 MiB with room left."""
BLOCK: Final = "256K"


def recipe() -> str:
    """A hash of how file systems are made here; another one makes others of the same tree."""
    return sha256(Path(__file__).read_bytes()).hexdigest()


def make_squashfs(tree: Path, target: Path, *, compression: str, epoch: int) -> None:
    """Write `target` from a tree; raises FirmwareError, also when it is too large."""
    partial = target.with_name(target.name + ".new")
    partial.unlink(missing_ok=True)
    command: list[str | Path] = ["mksquashfs", tree, partial, "-comp", compression]
    command += ["-b", BLOCK, "-noappend", "-all-root", "-no-xattrs"]
    command += ["-all-time", str(epoch), "-mkfs-time", str(epoch)]
    run([*command, "-no-progress", "-quiet"], doing="compressing the payload")
    if (size := partial.stat().st_size) > MAX_PAYLOAD_BYTES:
        partial.unlink()
        raise FirmwareError(
            f"the payload has {size / 1e6:.1f} MB, more than {MAX_PAYLOAD_BYTES / 1e6:.0f}; "
            "see what grew with `du` in out/cache, and leave it out in firmware/packages.py"
        )
    partial.replace(target)
