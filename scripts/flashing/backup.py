# SPDX-License-Identifier: Apache-2.0
"""Keeping what a partition held, and comparing what was written with what was meant.

A backup is never overwritten: its name carries the time and the partition, and it counts only
when its hash lies beside it, which is written last.
"""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import Final

from flashing.errors import FlashError
from flashing.job import Job, hash_file
from flashing.partition_table import SECTOR

_CHUNK: Final = 1 << 20
_SPARE_BYTES: Final = 256 << 20


def backup_path(job: Job, partition: str) -> Path:
    """A new, empty file for a backup of this partition; its space is not checked.

    Only its owner may read it: a kiosk's partition holds that board's token and TLS key.
    """
    job.folder.mkdir(parents=True, exist_ok=True)
    while True:
        path = job.folder / f"backup-{time.strftime('%Y%m%d-%H%M%S')}-{partition}.img"
        try:
            path.touch(mode=0o600, exist_ok=False)
        except FileExistsError:
            time.sleep(0.2)  # the second of the last one is not over
        else:
            return path


def check_space(job: Job, partition_bytes: int) -> None:
    """Raises FlashError where backup and read-back would fill this computer's disk."""
    job.folder.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(job.folder).free
    needed = partition_bytes * int(job.backup) + job.image.stat().st_size + _SPARE_BYTES
    if free < needed:
        raise FlashError(
            f"{job.folder}: {free >> 20} MiB are free, backup and comparison need {needed >> 20}; "
            "make room, or give OUT= another folder"
        )


def seal_backup(backup: Path, expected_bytes: int | None) -> str:
    """Check the size of a backup and write its hash beside it; returns the hash."""
    size = backup.stat().st_size if backup.is_file() else 0
    if size == 0 or (expected_bytes is not None and size != expected_bytes):
        raise FlashError(
            f"the backup {backup} has {size} bytes instead of {expected_bytes or 'some'}: the "
            "device was not read whole. Nothing was written"
        )
    digest = hash_file(backup)
    note = backup.with_name(backup.name + ".sha256")
    note.write_text(f"{digest}  {backup.name}\n", encoding="utf-8")
    return digest


def check_equal(image: Path, read_back: Path, partition: str) -> None:
    """Raises FlashError unless the read-back begins with the image; says where it differs."""
    position = 0
    with image.open("rb") as meant, read_back.open("rb") as found:
        while expected := meant.read(_CHUNK):
            actual = found.read(len(expected))
            if actual != expected:
                pairs = zip(expected, actual, strict=False)
                at = next((i for i, (a, b) in enumerate(pairs) if a != b), len(actual))
                raise FlashError(
                    f"what was read back from {partition} differs from {image.name} from byte "
                    f"{position + at} (sector {(position + at) // SECTOR} of the partition) on. "
                    "Write it again; if it differs again, the cable or the storage is bad"
                )
            position += len(expected)
