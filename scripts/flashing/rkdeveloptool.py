# SPDX-License-Identifier: Apache-2.0
"""Rockchip boards over USB with the open rkdeveloptool.

What its source and the packages of Debian 12 and 13 show, without a board:

* it writes whatever size to wherever a partition begins, checks nothing and reads nothing
  back: both are done here, from the device's own GPT;
* Debian 13 ships a fork with other words, whose `read` counts bytes, not sectors;
* after `db` the device may still call itself Maskrom, so that a readable partition table, not
  that word, says that the loader runs;
* `rci` answers the chip's name backwards, "6753" for an RK3576;
* every failure is exit status 1 with its reason on stdout.

Android-sparse images are refused earlier: the tool would expand them, and reading back
could not be compared.
"""

from __future__ import annotations

import re
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from flashing.commands import Output, find_tool, query, run
from flashing.errors import FlashError
from flashing.job import Job, find_loader
from flashing.partition_table import (
    GPT_SECTORS,
    SECTOR,
    Partition,
    find_partition,
    parse_gpt,
    parse_listing,
)
from flashing.report import Report
from flashing.sequence import write_safely
from flashing.waiting import POLL_S, wait_for_one

INSTALL: Final = "sudo apt install rkdeveloptool (Debian 12 or newer)"
LOADER_START_S: Final = 20.0
_DEVICE: Final = re.compile(
    r"DevNo=\d+\tVid=0x([0-9a-f]+),Pid=0x([0-9a-f]+),LocationID=([0-9a-f]+)\s+(\S+)"
)
_CHIP: Final = re.compile(r"Chip Info: ((?:[0-9A-F]{2} ?)+)")
_NO_ACCESS: Final = "Creating Comm Object failed"


@dataclass(frozen=True, slots=True)
class Words:
    """The commands of one edition of the tool; `unit` is what its read command counts, bytes."""

    program: str = "rkdeveloptool"
    devices: str = "ld"
    boot: str = "db"
    chip: str = "rci"
    table: str = "ppt"
    read: str = "rl"
    unit: int = SECTOR
    write: str = "wlx"
    restart: str = "rd"

    def read_argv(self, first: int, sectors: int, file: Path) -> list[str]:
        """Read sectors into a file."""
        return [self.program, self.read, str(first), str(sectors * SECTOR // self.unit), str(file)]


FORK: Final = Words(
    devices="list",
    boot="boot",
    chip="read-chip-info",
    table="list-partitions",
    read="read",
    unit=1,
    write="write-partition",
    restart="reboot",
)


@dataclass(frozen=True, slots=True)
class Device:
    """One line of the device list. `mode` is Loader or Maskrom; `usb_id` as 2207:350e."""

    usb_id: str
    location: str
    mode: str


def parse_devices(text: str) -> list[Device]:
    """What `rkdeveloptool ld` prints."""
    return [
        Device(f"{int(vendor, 16):04x}:{int(product, 16):04x}", location, mode)
        for vendor, product, location, mode in _DEVICE.findall(text)
    ]


def parse_chip(text: str) -> str:
    """The chip's name from `rci`, such as 3576; empty where it does not tell."""
    found = _CHIP.search(text)
    name = bytes.fromhex(found[1].replace(" ", ""))[:4][::-1] if found else b""
    return name.decode("ascii", "ignore") if name.isalnum() else ""


class Rockusb:
    """A board in loader mode; the `Target` of `write_safely`."""

    can_read = True

    def __init__(self, words: Words, report: Report) -> None:
        self._words = words
        self._report = report

    def read(self, partition: Partition, size: int, file: Path) -> None:
        """Read whole sectors."""
        sectors = -(-size // SECTOR)
        argv = self._words.read_argv(partition.first, sectors, file)
        _expect(run(argv, self._report), f"{partition.name} could not be read")

    def write(self, partition: Partition, image: Path) -> None:
        """Write by the partition's name."""
        argv = [self._words.program, self._words.write, partition.name, str(image)]
        _expect(run(argv, self._report), f"writing {partition.name} failed")

    def restart(self) -> None:
        """Reset the board."""
        argv = [self._words.program, self._words.restart]
        _expect(run(argv, self._report), "the board did not restart")


def flash(job: Job, report: Report) -> None:
    """Flash one Rockchip board; raises FlashError."""
    names = job.partition_names
    words = choose_words()
    device = _wait(job, report, words)
    report.note(f"found {device.usb_id} at {device.location}, in {device.mode} mode")
    _check_usb_id(job, device)
    if device.mode == "Maskrom":
        _load_loader(job, report, words)
    _check_chip(job, report, words)
    table = read_table(words, report)
    mend = (
        "Write the root file system instead (WHAT=rootfs), name another partition "
        "(PARTITION=), or install over the network (HOST=root@address)"
    )
    partition = find_partition(table, names, mend)
    report.note(f"{partition.name}: from sector {partition.first}, {partition.sectors} sectors")
    write_safely(job, report, Rockusb(words, report), partition)


def choose_words() -> Words:
    """Which edition is installed; raises FlashError when none is."""
    program = find_tool("rkdeveloptool", INSTALL)
    return FORK if "write-partition" in query([program, "-h"]).text else Words()


def read_table(words: Words, report: Report) -> list[Partition]:
    """The device's partitions: its GPT, which must agree with what the tool itself lists."""
    listed = parse_listing(_expect(query([words.program, words.table]), "no partition table").text)
    with tempfile.TemporaryDirectory(prefix="kiosk-flash-") as folder:
        file = Path(folder) / "gpt.img"
        argv = words.read_argv(0, GPT_SECTORS, file)
        report.command(argv)
        _expect(query(argv), "the partition table could not be read")
        table = parse_gpt(file.read_bytes() if file.is_file() else b"")
    if table is None:
        report.note("no GPT: sizes are the distances from one partition to the next")
        return listed
    starts = {(partition.name, partition.first) for partition in table}
    strange = [each.name for each in listed if (each.name, each.first) not in starts]
    if strange or not listed:
        raise FlashError(
            f"the partition table on the device and what `{words.program} {words.table}` lists "
            f"differ ({', '.join(strange) or 'it lists none'}): nothing is written by name"
        )
    return table


def plan(job: Job, partition: Partition | None) -> list[tuple[str, list[str]]]:
    """What would be run, in order, each with its reason; without a partition its place is named."""
    words = Words()
    name = partition.name if partition else job.partition_names[0]
    first, sectors = (partition.first, partition.sectors) if partition else (None, None)
    image_sectors = -(-job.image.stat().st_size // SECTOR) if job.image.is_file() else None
    loader = str(job.loader or job.folder / (job.board.flash.loader or "LOADER"))

    def reading(count: int | None, file: str) -> list[str]:
        place = "FIRST_SECTOR" if first is None else str(first)
        return [words.program, words.read, place, "SECTORS" if count is None else str(count), file]

    backup = str(job.folder / f"backup-TIME-{name}.img")
    steps = [
        ("exactly one board in flash mode", [words.program, words.devices]),
        ("in Maskrom mode only: the vendor's loader", [words.program, words.boot, loader]),
        ("is it the right chip", [words.program, words.chip]),
        ("the partitions as the tool sees them", [words.program, words.table]),
        ("their sizes, from the GPT", words.read_argv(0, GPT_SECTORS, Path("gpt.img"))),
    ]
    if job.backup:
        steps.append(("backup", reading(sectors, backup)))
    read_back = str(job.folder / f"read-back-{name}.img")
    return [
        *steps,
        ("write", [words.program, words.write, name, str(job.image)]),
        ("read back, then compare", reading(image_sectors, read_back)),
        ("restart", [words.program, words.restart]),
    ]


def _wait(job: Job, report: Report, words: Words) -> Device:
    return wait_for_one(
        job,
        report,
        lambda: parse_devices(query([words.program, words.devices]).text),
        "Rockchip in loader or Maskrom mode",
    )


def _check_usb_id(job: Job, device: Device) -> None:
    allowed = job.board.flash.usb_ids
    if allowed and device.usb_id not in allowed:
        raise FlashError(
            f"the device is {device.usb_id}, a {job.board.name} is {' or '.join(allowed)}: "
            "another board is connected. Nothing was written"
        )


def _check_chip(job: Job, report: Report, words: Words) -> None:
    wanted = job.board.flash.chip
    chip = parse_chip(query([words.program, words.chip]).text)
    if wanted and chip and chip != wanted:
        raise FlashError(
            f"the chip calls itself {chip}, a {job.board.name} is {wanted}: another board is "
            "connected. Nothing was written"
        )
    report.note(f"chip {chip}" if chip else "the chip does not say its name")


def _load_loader(job: Job, report: Report, words: Words) -> None:
    """Start the vendor's loader in the chip's memory and wait until it reads the storage."""
    loader = find_loader(job)
    report.step("Starting the vendor's loader")
    _expect(run([words.program, words.boot, str(loader)], report), "the loader did not start")
    deadline = time.monotonic() + LOADER_START_S
    while not parse_listing((answer := query([words.program, words.table])).text):
        if time.monotonic() > deadline:
            raise FlashError(
                f"the loader {loader.name} was sent but the storage cannot be read "
                f"({answer.last_line}): it may be for another board. Switch the board off, bring "
                "it into Maskrom mode again, and try the loader of this board's vendor"
            )
        time.sleep(POLL_S)


def _expect(output: Output, what: str) -> Output:
    if output.status == 0:
        return output
    mend = ""
    if _NO_ACCESS in output.text:
        mend = (
            ". This user may not use the USB device: sudo cp "
            "board/rk3576/70-kiosk-rockusb.rules /etc/udev/rules.d/ && sudo udevadm control "
            "--reload, then plug the board in again"
        )
    raise FlashError(f"{what}: `{' '.join(output.argv)}` says: {output.last_line}{mend}")
