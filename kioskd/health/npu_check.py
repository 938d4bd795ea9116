# SPDX-License-Identifier: Apache-2.0
"""The check of the NPU: what there is of it, where the speech model runs, and why there.

A missing NPU is not a fault: the CPU does the same work. Only one that was in use and failed, and a
model that neither can run, are worth a person's look. What is read are small files of the kernel
and whether the vendor's parts exist.
"""

from __future__ import annotations

import importlib.metadata
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final

from driving_client.lipsync.npu import ChosenNet, NpuNet
from kioskd.health.status import Finding, passed, warned

WHEEL: Final = "rknn-toolkit-lite2"
LIBRARY: Final = "usr/lib/librknnrt.so"
_VERSIONS: Final = (
    "sys/module/rknpu/version",
    "proc/rknpu/version",
    "sys/kernel/debug/rknpu/version",
)


@dataclass(frozen=True, slots=True)
class NpuCheck:
    """`source` gives the net that was chosen, None while that is still being tried.

    `damage` tells what is wrong with the model, or nothing.
    """

    name: ClassVar[str] = "npu"
    source: Callable[[], ChosenNet | None]
    root: Path = Path("/")
    damage: Callable[[], str] = str

    def run(self, _now: float) -> Finding:
        """Warns where the NPU was in use and failed, and where there is no model to run."""
        chosen, parts = self.source(), vendor_parts(self.root)
        damage = self.damage()
        if damage:
            text = f"{damage}. Until that is fixed, a voice without motion has a face at rest"
            return warned(f"no lips without motion; {parts}", "speech_model_damaged", text)
        if chosen is None:
            return passed(f"lips by CPU while the NPU is tried; {parts}")
        observed = f"lips by {chosen.backend.upper()}: {chosen.reason}; {parts}"
        if isinstance(chosen.net, NpuNet) and chosen.net.failure:
            text = f"{chosen.net.failure}; the CPU makes the lips. Restart the board to try again"
            return warned(f"lips by CPU; {parts}", "npu_failed", text)
        return passed(observed)


def vendor_parts(root: Path = Path("/")) -> str:
    """Device, driver, runtime library and Python package, as far as they are there."""
    devices = [
        path.parent.parent.name
        for path in sorted(root.glob("sys/class/drm/renderD*/device/driver"))
        if path.resolve().name.lower() == "rknpu"
    ]
    if (root / "dev/rknpu").exists():
        devices.append("rknpu")
    try:
        wheel = importlib.metadata.version(WHEEL)
    except importlib.metadata.PackageNotFoundError:
        wheel = ""
    if not devices and not wheel and not has_library(root):
        return "no NPU software is installed"
    versions = filter(None, (_first_line(root / path) for path in _VERSIONS))
    driver = next(versions, "of unknown version") if devices else "none"
    library = f"/{LIBRARY}" if has_library(root) else "none"
    return (
        f"device {', '.join(devices) or 'none'}, driver {driver}, library {library}, "
        f"{WHEEL} {wheel or 'none'}"
    )


def has_library(root: Path = Path("/")) -> bool:
    """Whether the vendor's runtime library is there; a payload holds an empty file in its place."""
    try:
        return (root / LIBRARY).stat().st_size > 0
    except OSError:
        return False


def _first_line(path: Path) -> str:
    try:
        return path.read_text(errors="replace").strip().splitlines()[0][:80]
    except (OSError, IndexError):
        return ""
