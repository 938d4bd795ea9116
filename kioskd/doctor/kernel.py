# SPDX-License-Identifier: Apache-2.0
"""Whether the board's kernel has what the kiosk needs of it.

Vendors' kernels are configured for one product. What they lack cannot be mended from here,
so the text says what it costs and who can.
"""

from __future__ import annotations

import gzip
import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Final

from kioskd.health.status import Finding, Reason, Status, passed

_NEEDED: Final = {
    "SQUASHFS": "no image can be mounted",
    "SQUASHFS_XZ": "images packed with xz cannot be mounted; build with `compression: gzip`",
    "BLK_DEV_LOOP": "no image can be mounted",
}
_USEFUL: Final = {
    "CGROUP_BPF": "the service's DeviceAllow= has no effect: kioskd could open any device that "
    "its groups allow",
    "SECCOMP_FILTER": "the service's system call filter has no effect",
}
_LINE: Final = re.compile(r"CONFIG_(\w+)=[ym]")


@dataclass(frozen=True, slots=True)
class KernelCheck:
    """The kernel's configuration, from /proc/config.gz or /boot; its file systems without."""

    name: ClassVar[str] = "kernel"
    root: Path = Path("/")
    release: str = field(default_factory=lambda: os.uname().release)

    def run(self, _now: float) -> Finding:
        """Fails without what images need, warns without what the sandbox needs."""
        options = self._options()
        if options is None:
            return self._without_config()
        lost = [name for name in _NEEDED if name not in options]
        weak = [name for name in _USEFUL if name not in options]
        told = {**_NEEDED, **_USEFUL}
        reasons = tuple(
            Reason(
                f"kernel_lacks_{name.lower()}",
                f"{told[name]}; ask the board's maker for a kernel with CONFIG_{name}",
            )
            for name in (*lost, *weak)
        )
        status = Status.FAIL if lost else Status.WARN if weak else Status.PASS
        return Finding(status, f"Linux {self.release}", reasons)

    def _without_config(self) -> Finding:
        """What can be seen of a kernel that does not tell how it was configured."""
        observed = f"Linux {self.release}, which does not publish its configuration"
        try:
            systems = (self.root / "proc/filesystems").read_text("ascii", "replace").split()
        except OSError:
            systems = []
        if "squashfs" in systems and (self.root / "dev/loop-control").exists():
            return passed(f"{observed}; it has squashfs and loop devices")
        text = "squashfs or loop devices are not loaded (modprobe squashfs loop)"
        return Finding(Status.WARN, observed, (Reason("kernel_unknown", text),))

    def _options(self) -> set[str] | None:
        for path in (self.root / "proc/config.gz", self.root / f"boot/config-{self.release}"):
            try:
                raw = path.read_bytes()
                text = (gzip.decompress(raw) if path.suffix == ".gz" else raw).decode("ascii")
            except (OSError, EOFError, ValueError):
                continue
            options = {found[1] for line in text.splitlines() if (found := _LINE.match(line))}
            if options:
                return options
        return None
