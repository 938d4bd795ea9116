# SPDX-License-Identifier: Apache-2.0
"""Makes the ext4 partition image that is flashed, without root and the same each time.

An empty file system is made with a fixed UUID, hash seed and time, then `debugfs` writes
the files in order of name and sets owner and times. (`mke2fs -d` would take over the build
machine's inode change times and the order of its folders.)
"""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Final

from firmware.errors import FirmwareError
from firmware.steps import run
from firmware.tree import walk

LABEL: Final = "KIOSK"
_NAMESPACE: Final = uuid.UUID("6a1f0f6e-3f1c-5b8e-9f52-2f3a8f0f7c11")
_MODES: Final = {True: 0o040755, False: 0o100644}


def make_ext4(tree: Path, target: Path, *, size: int, epoch: int, seed: str) -> None:
    """Write an ext4 image of `size` bytes that holds a settled tree; raises FirmwareError.

    `seed` names what the image is of: it gives the UUID.
    """
    clock = {"E2FSPROGS_FAKE_TIME": str(epoch)}
    identity = str(uuid.uuid5(_NAMESPACE, seed))
    partial = target.with_name(target.name + ".new")
    partial.unlink(missing_ok=True)
    with partial.open("wb") as file:
        file.truncate(size)
    run(
        ["mke2fs", "-q", "-t", "ext4", "-L", LABEL, "-U", identity, "-m", "1", "-b", "4096",
         # no 64-bit or checksummed metadata: kernels from 4.x on mount it
         "-O", "^metadata_csum,^64bit,^orphan_file",
         "-E", f"hash_seed={identity},root_owner=0:0,lazy_itable_init=0,lazy_journal_init=0",
         partial],
        doing="making an ext4 file system", environment=clock,
    )  # fmt: skip
    commands = partial.with_name(partial.name + ".commands")
    commands.write_text("".join(f"{line}\n" for line in _script(tree, epoch)), "utf-8")
    told = run(
        ["debugfs", "-w", "-f", commands, partial],
        doing=f"filling {target.name}", environment=clock,
    ).decode("utf-8", "replace")  # fmt: skip
    commands.unlink()
    run(["e2fsck", "-f", "-n", partial], doing=f"checking {target.name}", environment=clock)
    _compare(tree, partial, told)
    partial.replace(target)


def _script(tree: Path, epoch: int) -> list[str]:
    lines = []
    times = ["atime", "ctime", "mtime", "crtime"]
    names = ["/"]
    for path in walk(tree):
        name = "/" + path.relative_to(tree).as_posix()
        if '"' in name or "\n" in name or path.is_symlink():
            raise FirmwareError(f"{path}: cannot be written into the partition image")
        names.append(name)
        if path.is_dir():
            lines.append(f'mkdir "{name}"')
        else:
            lines.append(f'write "{path}" "{name}"')
        mode = _MODES[path.is_dir()] | (path.stat().st_mode & 0o777)
        lines += [f'sif "{name}" mode 0{mode:o}', f'sif "{name}" uid 0', f'sif "{name}" gid 0']
    lines += [f'sif "{name}" {field} @{epoch}' for name in names for field in times]
    return lines


def _compare(tree: Path, image: Path, told: str) -> None:
    """Read every file back: debugfs reports a full file system only in words."""
    for path in walk(tree):
        if path.is_file():
            name = "/" + path.relative_to(tree).as_posix()
            back = run(["debugfs", "-R", f'cat "{name}"', image], doing="reading back")
            if back != path.read_bytes():
                raise FirmwareError(
                    f"{image.name}: {name} did not get in; is the partition too small?\n{told}"
                )
