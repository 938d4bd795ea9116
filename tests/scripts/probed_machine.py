# SPDX-License-Identifier: Apache-2.0
"""Machines for board/probe.sh to look at: a description becomes a tree of /proc, /sys, /dev, /usr.

A description (probed_machines/*.yaml) names its sources, and what of it is inferred: nobody here
has seen these boards. Keys: `files` (path to text, \\0 as in device trees), `config` (a kernel's
options, or a list of fixtures and single options), `programs` (path to processor, then words that
stand in the file), `links`, `folders`, `cards` (name to driver and outlets: state, mode, size in
cm), `render` (node to driver), `partitions` (name to MiB) and `expected`, the page without reasons.
"""

from __future__ import annotations

import gzip
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any, Final

import yaml

ROOT: Final = Path(__file__).resolve().parents[2]
PROBE: Final = ROOT / "board/probe.sh"
MACHINES: Final = Path(__file__).resolve().parent / "probed_machines"
SHELLS: Final = ("dash", "bash", "busybox")
_PROCESSORS: Final = {"aarch64": (2, 183), "arm": (1, 40), "x86_64": (2, 62)}


def described(name: str) -> dict[str, Any]:
    """One machine's description."""
    content: dict[str, Any] = yaml.safe_load((MACHINES / f"{name}.yaml").read_text("utf-8"))
    return content


def build(machine: dict[str, Any], root: Path) -> Path:
    """The tree of a machine below `root`."""
    for folder in machine.get("folders", []):
        (root / folder.lstrip("/")).mkdir(parents=True, exist_ok=True)
    for path, text in machine.get("files", {}).items():
        write(root, path, text.encode())
    for path, words in machine.get("programs", {}).items():
        processor, _, rest = words.partition(" ")
        write(root, path, program(processor) + rest.encode())
    for path, target in machine.get("links", {}).items():
        link = root / path.lstrip("/")
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(target)
    if "config" in machine:
        options = machine["config"]
        if isinstance(options, list):
            text = "".join(
                f"CONFIG_{each}\n" if "=" in each else (ROOT / each).read_text() for each in options
            )
        else:
            text = "".join(
                f"# CONFIG_{name} is not set\n" if value == "n" else f"CONFIG_{name}={value}\n"
                for name, value in options.items()
            )
        write(root, "/proc/config.gz", gzip.compress(text.encode()))
    _make_cards(machine, root)
    for number, (name, mib) in enumerate(machine.get("partitions", {}).items(), 1):
        entry = f"/sys/class/block/mmcblk0p{number}"
        write(root, f"{entry}/uevent", f"DEVTYPE=partition\nPARTNAME={name}\n".encode())
        write(root, f"{entry}/size", f"{mib * 2048}\n".encode())
    return root


def write(root: Path, path: str, data: bytes) -> None:
    """One file of the tree; `path` is as on the machine."""
    file = root / path.lstrip("/")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(data)


def program(processor: str) -> bytes:
    """The first bytes of a program, as far as they say for which processor it is."""
    bits, machine = _PROCESSORS[processor]
    return b"\x7fELF" + bytes([bits, 1, 1, *[0] * 9, 3, 0, machine, 0])


def edid(width: int, height: int) -> bytes:
    """An EDID's head: a serial number that nobody may see, and the picture's size in cm."""
    return (
        bytes([0, *[255] * 6, 0]) + b"\x10\xacSECRET\x00\x00\x01\x04\xa5" + bytes([width, height])
    )


def _make_cards(machine: dict[str, Any], root: Path) -> None:
    for card, (driver, *outlets) in machine.get("cards", {}).items():
        write(root, f"/sys/class/drm/{card}/device/uevent", f"DRIVER={driver}\n".encode())
        for outlet in outlets:
            name, state, *rest = outlet.split()
            folder = f"/sys/class/drm/{card}-{name}"
            write(root, f"{folder}/status", f"{state}\n".encode())
            write(root, f"{folder}/modes", f"{rest[0]}\n640x480\n".encode() if rest else b"")
            size = [int(side) for side in rest[1].split("x")] if len(rest) > 1 else []
            write(root, f"{folder}/edid", edid(*size) if size else b"")
    for node, driver in machine.get("render", {}).items():
        write(root, f"/sys/class/drm/{node}/device/uevent", f"DRIVER={driver}\n".encode())


def probe(
    root: Path | None, *words: str, shell: str = "dash", path: str | None = None
) -> subprocess.CompletedProcess[str]:
    """What the probe says of a tree (None: of this machine). `path` holds the only tools it has."""
    found = shutil.which(shell)
    assert found is not None
    environment = {"PATH": path or os.environ["PATH"]}
    if root is not None:
        environment["PROBE_ROOT"] = str(root)
    command = [found, *(["sh"] if shell == "busybox" else []), str(PROBE), *words]
    return subprocess.run(
        command, capture_output=True, text=True, check=False, env=environment, timeout=300
    )


def page(output: str) -> str:
    """The page's lines without the reasons below them."""
    return "".join(f"{line}\n" for line in output.splitlines()[1:] if line and line[0] != " ")
