# SPDX-License-Identifier: Apache-2.0
"""MediaTek Genio boards over USB, with the programs that genio-flash itself calls.

genio-flash 1.7.1 (PyPI `genio-tools`) starts the vendor's `lk.bin` through the boot ROM
(`genio-bootrom`), then calls `fastboot erase`, `flash` and `reboot`. It erases by default,
never asks for a partition's size, and its exit status is 0 whatever happens (tried without a
board: a missing file and an unknown option are both 0). So the same two programs are called
here, with the checks between them. For a whole vendor image, the first time, use genio-flash.

A board in download mode is in its boot ROM, which tells the chip (`hw_code[0x...]`) but not
the board; that number is shown, not judged, because it is not published for this family.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from flashing import fastboot
from flashing.commands import find_tool, run
from flashing.errors import FlashError
from flashing.job import Job
from flashing.report import Report
from flashing.usb import find_usb
from flashing.waiting import wait_for_one

INSTALL: Final = "pip install 'genio-tools>=1.7' (in a virtual environment that is active)"
BOOT_ROM: Final = ("0e8d:0003",)
STARTED: Final = "Jumping to bootstrap"
_HARDWARE: Final = re.compile(r"hw_code\[(0x[0-9a-fA-F]+)\]")


def flash(job: Job, report: Report) -> None:
    """Flash one Genio board; raises FlashError."""
    name = job.partition_names[0]
    argv = bootstrap_argv(_loader(job))
    find_tool("genio-bootrom", INSTALL)
    find_tool("fastboot", fastboot.INSTALL)
    place = wait_for_one(
        job, report, lambda: find_usb(BOOT_ROM), "MediaTek in download mode, USB 0e8d:0003"
    )
    report.step(f"Starting the vendor's loader on the board at USB {place}")
    output = run(argv, report)
    if STARTED not in output.text:
        raise FlashError(
            f"the loader did not start: {output.last_line}. Bring the board into download mode "
            "again; on Linux the user needs access to 0e8d:0003 "
            "(board/8189/70-kiosk-genio.rules)"
        )
    if found := _HARDWARE.search(output.text):
        report.note(f"the chip calls itself {found[1]}")
    fastboot.flash_waiting(job, report, name, "the vendor's loader, in fastboot")


def bootstrap_argv(loader: Path) -> list[str]:
    """Start a loader through the boot ROM; empty -s and -t keep authentication files away."""
    argv = ["genio-bootrom", "--bootstrap", str(loader), "--bootstrap-addr", "0x0"]
    return [*argv, "--bootstrap-mode", "aarch64", "-s", "", "-t", ""]


def plan(job: Job) -> list[tuple[str, list[str]]]:
    """What would be run, in order, each with its reason."""
    loader = job.loader or (job.vendor or Path("VENDOR")) / "lk.bin"
    return [("start the vendor's loader", bootstrap_argv(loader)), *fastboot.plan(job)]


def _loader(job: Job) -> Path:
    loader = job.loader or (job.vendor / "lk.bin" if job.vendor else None)
    if loader is None or not loader.is_file():
        raise FlashError(
            f"{loader or 'the loader lk.bin'} is not there: unpack the vendor's image of this "
            "board and name its folder with VENDOR= (or the file with LOADER=)"
        )
    return loader
