# SPDX-License-Identifier: Apache-2.0
"""The inputs that are kept: a few hundred small files, made here, which reach every branch.

tests/fuzz/corpus/TARGET/HASH holds one input each, named by the first digits of its SHA-1, so
that the same input is never there twice.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from fuzzing.target import Target

ROOT: Final = Path(__file__).resolve().parents[2]
CORPUS: Final = ROOT / "tests/fuzz/corpus"
FAULTS: Final = ROOT / "out/fuzz/faults"
FAULT: Final = "fault:"
"""What a process says before the file of an input that a parser failed at."""


def kept(target: Target, folder: Path = CORPUS) -> list[bytes]:
    """The corpus of a target, in the order of its names, after its seeds: what is mutated."""
    files = sorted((folder / target.name).glob("*"))
    return [*target.seeds, *(file.read_bytes() for file in files)]


def keep(target: Target, inputs: Iterable[bytes], folder: Path = CORPUS) -> None:
    """Make these inputs the corpus of a target; its seeds need no file."""
    place = folder / target.name
    place.mkdir(parents=True, exist_ok=True)
    for file in place.glob("*"):
        file.unlink()
    for data in set(inputs) - set(target.seeds):
        (place / name_of(data)).write_bytes(data)


def name_of(data: bytes) -> str:
    """The file name of an input."""
    return hashlib.sha1(data, usedforsecurity=False).hexdigest()[:12]


def write_fault(target: Target, data: bytes) -> Path:
    """Keep an input that a parser failed at, to try it again; returns the file."""
    place = FAULTS / target.name
    place.mkdir(parents=True, exist_ok=True)
    (place / name_of(data)).write_bytes(data)
    return place / name_of(data)
