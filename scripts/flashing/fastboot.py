# SPDX-License-Identifier: Apache-2.0
"""Boards whose boot loader speaks fastboot.

What the packages of Debian 12 (29.0.6) and 13 (34.0.5) show, without a board: every command
waits for ever where no device is (so the list is looked at first and queries have an end),
answers come on stderr, a refusal ends with `FAILED (remote: ...)` and status 1. `fetch`, the
only way to read a partition, needs fastboot 31 or newer and a boot loader that has it; where
either lacks, backup and comparison are impossible, and only BACKUP=no goes on.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from flashing.commands import Output, find_tool, query, run
from flashing.errors import FlashError
from flashing.job import Job
from flashing.partition_table import SECTOR, Partition
from flashing.report import Report
from flashing.sequence import write_safely
from flashing.waiting import wait_for_one

INSTALL: Final = "sudo apt install fastboot android-sdk-platform-tools-common"
_DEVICE: Final = re.compile(r"^(\S+)\s+fastbootd?\s*$", re.MULTILINE)


class Fastboot:
    """One board in fastboot; the `Target` of `write_safely`."""

    def __init__(self, serial: str, report: Report, knows_fetch: bool) -> None:
        self._serial = serial
        self._report = report
        self._can_read = knows_fetch and self.getvar("max-fetch-size") is not None

    @property
    def can_read(self) -> bool:
        """Whether this fastboot and this boot loader know `fetch`."""
        return self._can_read

    def argv(self, *words: str) -> list[str]:
        """A command for this board and no other."""
        return ["fastboot", "-s", self._serial, *words]

    def getvar(self, name: str) -> str | None:
        """A variable of the boot loader; None where it has none of that name."""
        output = query(self.argv("getvar", name))
        found = re.search(rf"^{re.escape(name)}:\s*(.*?)\s*$", output.text, re.MULTILINE)
        return found[1] or None if output.status == 0 and found else None

    def read(self, partition: Partition, size: int, file: Path) -> None:
        """Fetch the whole partition: the protocol has no way to read a part by this tool."""
        whole = max(partition.bytes or size, 1)
        argv = self.argv("fetch", partition.name, str(file))
        output = run(
            argv, self._report, lambda: file.stat().st_size / whole if file.exists() else 0.0
        )
        _expect(output, f"{partition.name} could not be read; BACKUP=no goes on without")

    def write(self, partition: Partition, image: Path) -> None:
        """Write by the partition's name."""
        output = run(self.argv("flash", partition.name, str(image)), self._report)
        _expect(output, f"writing {partition.name} failed")

    def restart(self) -> None:
        """Reboot."""
        _expect(run(self.argv("reboot"), self._report), "the board did not restart")


def flash(job: Job, report: Report) -> None:
    """Flash one board in fastboot; raises FlashError."""
    names = job.partition_names
    find_tool("fastboot", INSTALL)
    flash_waiting(job, report, names[0], "in fastboot")


def flash_waiting(job: Job, report: Report, name: str, what: str) -> None:
    """Wait for the board in fastboot, check it and the partition, and write."""
    serial = wait_for_one(job, report, _serials, what)
    knows_fetch = "fetch PARTITION" in query(["fastboot", "help"]).text
    target = Fastboot(serial, report, knows_fetch)
    product = target.getvar("product")
    report.note(f"found {serial}, product {product or 'not given'}")
    wanted = job.board.flash.chip
    if wanted and product and wanted not in product:
        raise FlashError(
            f"the board calls itself {product}, a {job.board.name} is {wanted}: another board is "
            "connected. Nothing was written"
        )
    if target.getvar("unlocked") == "no":
        raise FlashError(
            "the boot loader is locked and would refuse; unlocking erases all data of the board "
            "and is explained by the vendor (often: fastboot flashing unlock). Nothing was written"
        )
    write_safely(job, report, target, _partition(target, name))


def plan(job: Job) -> list[tuple[str, list[str]]]:
    """What would be run, in order, each with its reason."""
    target = Fastboot("SERIAL", Report(), knows_fetch=False)
    name = job.partition_names[0]
    steps = [("exactly one board in fastboot", ["fastboot", "devices"])]
    variables = ("product", "unlocked", f"is-logical:{name}", f"has-slot:{name}")
    steps += [("is it the right one", target.argv("getvar", name)) for name in variables]
    steps.append(("is it large enough", target.argv("getvar", f"partition-size:{name}")))
    if job.backup:
        backup = str(job.folder / f"backup-TIME-{name}.img")
        steps.append(("backup", target.argv("fetch", name, backup)))
    steps.append(("write", target.argv("flash", name, str(job.image))))
    if job.backup:
        read_back = str(job.folder / f"read-back-{name}.img")
        steps.append(("read back, then compare", target.argv("fetch", name, read_back)))
    return [*steps, ("restart", target.argv("reboot"))]


def _serials() -> list[str]:
    return _DEVICE.findall(query(["fastboot", "devices"]).text)


def _partition(target: Fastboot, name: str) -> Partition:
    if target.getvar(f"is-logical:{name}") == "yes":
        raise FlashError(
            f"{name} is a logical partition of Android's super partition; there is no room for a "
            "kiosk in it. Choose another with PARTITION="
        )
    if target.getvar(f"has-slot:{name}") == "yes":
        raise FlashError(
            f"{name} exists twice, for Android's slots a and b; name the one that is meant: "
            f"PARTITION={name}_a"
        )
    size = target.getvar(f"partition-size:{name}")
    try:
        size_bytes = int(size or "", 16)
    except ValueError:
        raise FlashError(
            f"the boot loader gives no size for a partition {name} "
            f"({size or 'no answer'}): there is none of that name, or it cannot say. Choose "
            "another with PARTITION="
        ) from None
    return Partition(name, 0, size_bytes // SECTOR)


def _expect(output: Output, what: str) -> None:
    if output.status != 0 or "FAILED" in output.text:
        lines = [line.strip() for line in output.text.splitlines()]
        reason = next((line for line in lines if "FAILED" in line), output.last_line)
        raise FlashError(f"{what}: `{' '.join(output.argv)}` says: {reason}")
