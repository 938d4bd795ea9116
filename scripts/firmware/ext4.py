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
from firmware.ext4_image import Ext4Image
from firmware.steps import run
from firmware.tree import walk

LABEL: Final = "KIOSK"
FEATURES: Final = (
    "dir_index", "dir_nlink", "ext_attr", "extent", "extra_isize", "filetype", "flex_bg",
    "has_journal", "huge_file", "large_file", "resize_inode", "sparse_super",
)  # fmt: skip
"""Named one by one, whatever this machine's mke2fs.conf says: kernels from 4.x on mount it."""
_NAMESPACE: Final = uuid.UUID("6a1f0f6e-3f1c-5b8e-9f52-2f3a8f0f7c11")
_MODES: Final = {True: 0o040755, False: 0o100644}


def make_ext4(tree: Path, target: Path, *, size: int, epoch: int, seed: str) -> None:
    """Write an ext4 image of `size` bytes that holds a settled tree; raises FirmwareError.

    `seed` names what the image is of: it gives the UUID.
    """
    identity = str(uuid.uuid5(_NAMESPACE, seed))
    partial = target.with_name(target.name + ".new")
    partial.unlink(missing_ok=True)
    with partial.open("wb") as file:
        file.truncate(size)
    command = ["mke2fs", "-q", "-t", "ext4", "-L", LABEL, "-U", identity, "-m", "1", "-b", "4096"]
    command += ["-J", "size=4", "-i", "16384", "-I", "256", "-O", f"none,{','.join(FEATURES)}"]
    command += ["-E", f"hash_seed={identity},root_owner=0:0,lazy_itable_init=0,lazy_journal_init=0"]
    run(
        [*command, partial],
        doing="making an ext4 file system",
        environment={"E2FSPROGS_FAKE_TIME": str(epoch)},
    )
    image = Ext4Image(partial, target.name, epoch)
    told = image.change(_script(tree, epoch))
    image.check()
    for path in walk(tree):
        name = "/" + path.relative_to(tree).as_posix()
        if path.is_file() and image.read(name) != path.read_bytes():
            raise FirmwareError(
                f"{target.name}: {name} did not get in; is the partition too small?\n{told}"
            )
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
