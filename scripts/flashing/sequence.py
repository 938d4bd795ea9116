# SPDX-License-Identifier: Apache-2.0
"""The order that every tool over USB shares: fits, asked, backed up, written, compared, restarted.

After each step the report knows the state of the board, so that an error or Ctrl-C at any
moment can say whether it starts and how to mend it. Writing the same image again is always
the way on: nothing here depends on how far an earlier run came.
"""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from flashing.backup import backup_path, check_equal, check_space, seal_backup
from flashing.errors import FlashError
from flashing.job import Job
from flashing.partition_table import Partition, check_fits
from flashing.report import Report
from flashing.waiting import confirm


class Target(Protocol):
    """A device in flash mode, driven by one tool."""

    @property
    def can_read(self) -> bool:
        """Whether a partition can be read at all."""

    def read(self, partition: Partition, size: int, file: Path) -> None:
        """Read at least the first `size` bytes of a partition into a new file."""

    def write(self, partition: Partition, image: Path) -> None:
        """Write an image to the beginning of a partition."""

    def restart(self) -> None:
        """Leave flash mode and boot."""


def write_safely(job: Job, report: Report, target: Target, partition: Partition) -> None:
    """Write `job.image` to the partition; raises FlashError at the first step that fails."""
    image_bytes = job.image.stat().st_size
    check_fits(partition, image_bytes)
    partition_bytes = partition.bytes or 0
    if job.backup and not target.can_read:
        raise FlashError(
            "this board's boot loader cannot read partitions: neither a backup nor a comparison "
            "is possible. Give BACKUP=no to write all the same"
        )
    check_space(job, partition_bytes)
    confirm(
        job,
        report,
        f"{job.image.name} ({image_bytes >> 20} MiB) will overwrite the partition "
        f"{partition.name} ({partition_bytes >> 20} MiB) of this {job.board.name}",
    )
    backup = _back_up(job, report, target, partition) if job.backup else None
    _write(job, report, target, partition, backup)
    if target.can_read:
        _compare(job, report, target, partition)
    else:
        report.note("not read back: this boot loader cannot read; the kiosk checks its signed")
        report.note("content by itself at every start")
    report.state = (
        f"{partition.name} is written{' and compared' if target.can_read else ''}; only the "
        "restart is missing: switch the board off and on."
    )
    report.step("Restarting the board")
    target.restart()
    report.state = f"{partition.name} is written and the board was restarted."


def _back_up(job: Job, report: Report, target: Target, partition: Partition) -> Path:
    backup = backup_path(job, partition.name)
    report.step(f"Backing up {partition.name} to {backup}")
    target.read(partition, partition.bytes or 0, backup)
    digest = seal_backup(backup, partition.bytes)
    report.note(f"sha256 {digest}")
    return backup


def _write(
    job: Job, report: Report, target: Target, partition: Partition, backup: Path | None
) -> None:
    way_back = (
        f"What it held before is in {backup}; write it back with\n"
        f"  make flash BOARD={job.board.name} RESTORE={backup}"
        if backup
        else "There is no backup of what it held before."
    )
    report.state = (
        f"Writing {partition.name} was not finished: its content is not usable, and the kiosk on "
        "it does not start. The boot chain and all other partitions are untouched. Run the same "
        f"command again to write it whole.\n{way_back}"
    )
    report.step(f"Writing {job.image.name} to {partition.name}")
    target.write(partition, job.image)
    report.state = (
        f"{partition.name} is written but was not compared. Run the same command again to be "
        f"sure.\n{way_back}"
    )


def _compare(job: Job, report: Report, target: Target, partition: Partition) -> None:
    read_back = job.folder / f"read-back-{partition.name}.img"
    report.step("Reading back and comparing")
    try:
        target.read(partition, job.image.stat().st_size, read_back)
        check_equal(job.image, read_back, partition.name)
    finally:
        read_back.unlink(missing_ok=True)
    report.note("all bytes are as they should be")
