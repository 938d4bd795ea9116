# SPDX-License-Identifier: Apache-2.0
"""Proves that a tree is complete: every library that a file in it needs is in it too.

Reads what `readelf` says of each ELF file: its machine, the libraries it needs and where it
looks for them ($ORIGIN). Libraries opened by name at run time do not show here; those are
found by importing the modules, and OpenGL's are the board's.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from firmware.errors import FirmwareError
from firmware.steps import run
from firmware.tree import walk

LIBRARIES: Final = "usr/lib/aarch64-linux-gnu"
MACHINE: Final = "AArch64"
_MAGIC: Final = b"\x7fELF"


@dataclass(frozen=True, slots=True)
class ElfFile:
    """One file: `needed` are library names, `search` the folders of its run path."""

    path: str
    machine: str
    needed: tuple[str, ...]
    search: tuple[str, ...]


def elf_files(tree: Path) -> list[ElfFile]:
    """Every ELF file of a tree."""
    paths = [
        path
        for path in walk(tree)
        if path.is_file() and not path.is_symlink() and _begins_like_elf(path)
    ]
    if not paths:
        return []
    # one file alone would be told of without its name
    printed = run(
        ["readelf", "--wide", "--file-header", "--dynamic", *paths, paths[0]],
        doing="reading ELF files",
    ).decode("utf-8", "replace")
    sections = re.split(r"^File: (.+)$", printed, flags=re.MULTILINE)
    told = dict(zip(sections[1::2], sections[2::2], strict=True))
    return [_parse(str(path.relative_to(tree)), told[str(path)]) for path in paths]


def check_libraries(tree: Path) -> int:
    """Number of ELF files; raises FirmwareError with every library that is missing."""
    files = elf_files(tree)
    missing: dict[str, str] = {}
    for file in files:
        if file.machine != MACHINE:
            raise FirmwareError(f"{file.path} is for {file.machine}, not for the board")
        folder = (tree / file.path).parent
        places = [Path(each.replace("$ORIGIN", str(folder))) for each in file.search]
        for name in file.needed:
            if not any((place / name).exists() for place in [*places, tree / LIBRARIES]):
                missing.setdefault(name, file.path)
    if missing:
        listing = "; ".join(f"{name} (needed by {path})" for name, path in sorted(missing.items()))
        raise FirmwareError(
            f"the payload lacks libraries: {listing}; add their packages in firmware/packages.py"
        )
    return len(files)


def drop_unneeded_libraries(tree: Path) -> int:
    """Remove libraries that a wheel brought along and nothing needs; returns how many.

    Wheels keep theirs in a folder `<name>.libs` under names of their own, so none of them is
    opened by name at run time.
    """
    count = 0
    while True:
        files = elf_files(tree)
        needed = {name for file in files for name in file.needed}
        unneeded = [
            tree / file.path
            for file in files
            if Path(file.path).parent.name.endswith(".libs") and Path(file.path).name not in needed
        ]
        if not unneeded:
            return count
        for path in unneeded:
            path.unlink()
        count += len(unneeded)


def _begins_like_elf(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4) == _MAGIC


def _parse(path: str, told: str) -> ElfFile:
    machine = re.search(r"^\s*Machine:\s*(.+)$", told, re.MULTILINE)
    needed = re.findall(r"\(NEEDED\).*\[(.+)\]", told)
    search = re.findall(r"\((?:RPATH|RUNPATH)\).*\[(.+)\]", told)
    return ElfFile(
        path,
        machine[1].strip() if machine else "",
        tuple(needed),
        tuple(folder for entry in search for folder in entry.split(":") if folder),
    )
