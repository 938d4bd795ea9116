# SPDX-License-Identifier: Apache-2.0
"""The machines of one test, and how they are started."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Final

from image_test.kiosk import Kiosk
from image_test.machine import Machine, MachineSettings
from image_test.prepare import Prepared

RUNNING: Final = "running"
"""The snapshot of the first boot's end: the face is on the screen."""


def settings(
    prepared: Prepared,
    disk_file: Path,
    folder: str,
    snapshot: str = "",
    words: str = "",
    partition: Path | None = None,
    *,
    bare: bool = False,
) -> MachineSettings:
    return MachineSettings(
        kernel=prepared.base.kernel,
        initramfs=prepared.base.initramfs,
        disk=disk_file,
        folder=prepared.results / folder,
        read_only_disks=(prepared.stick, prepared.images),
        snapshot=snapshot,
        command_line=words,
        partition=partition,
        bare=bare,
    )


class Bench:
    """The machines of one test, on one disk file of its own; see `start`."""

    def __init__(self, prepared: Prepared, name: str) -> None:
        self.prepared = prepared
        self.name = name
        self.disk = prepared.results / f"{name}.qcow2"
        self._machines: list[Machine] = []

    def start(self, source: Path | None = None, snapshot: str = "", words: str = "") -> Kiosk:
        """A machine on a copy of `source`, or else on the disk as it is now."""
        if source is not None:
            shutil.copyfile(source, self.disk)
        chosen = settings(self.prepared, self.disk, self.name, snapshot, words)
        self._machines.append(Machine(chosen))
        return Kiosk(self._machines[-1], self.prepared.owner)

    def close(self) -> float:
        """End the machines; the processor seconds that those still running had used."""
        used = sum(machine.cpu_s for machine in self._machines)
        for machine in self._machines:
            machine.quit()
        self.disk.unlink(missing_ok=True)
        return used
