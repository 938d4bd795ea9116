# SPDX-License-Identifier: Apache-2.0
"""Reads a kiosk's configuration from a stick: kiosk.yaml, its company, and what they name.

A stick may carry anything else besides. Only regular files are taken, none through a link,
and none that is larger than a configuration needs.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from kioskd.config.loading import DEFAULT_FILE
from kioskd.config.options import Kind
from kioskd.config.reading import Reading, read_file
from kioskd.config.table import OPTIONS
from kioskd.durable_files import opened
from kioskd.first_boot.stick_names import (
    AUTHORISATION,
    MAIN,
    StickError,
    check_nothing_is_passed_over,
    drop_ins,
    find_home,
    known_files,
    locate,
)

MAX_FILE_BYTES: Final = 8 << 20
MAX_TOTAL_BYTES: Final = 24 << 20

Content = dict[str, bytes]
"""Relative path to content."""


@dataclass(frozen=True, slots=True)
class Brought:
    """The files of a stick, and the token by which it proves itself, empty where it has none."""

    content: Content
    proof: str


def read_stick(folder: Path) -> Brought:
    """The configuration on a stick; raises StickError, also where there is none."""
    home = find_home(folder)
    files = known_files(home)
    proof = _proof(folder, home)
    files.pop(AUTHORISATION, None)
    documents = {name: place for name, place in files.items() if name == MAIN} | drop_ins(home)
    files |= documents | _named(home, documents)
    check_nothing_is_passed_over(home, list(files.values()))
    content = {name: _read(home, place) for name, place in files.items()}
    total = sum(map(len, content.values()))
    if total > MAX_TOTAL_BYTES:
        raise StickError(f"{total >> 20} MiB are more than the {MAX_TOTAL_BYTES >> 20} allowed")
    return Brought(content, proof)


def digest(content: Content) -> str:
    """A SHA-256 that tells two sticks apart."""
    hasher = hashlib.sha256()
    for name in sorted(content):
        hasher.update(f"{name}\0{len(content[name])}\0".encode())
        hasher.update(content[name])
    return hasher.hexdigest()


def _proof(stick: Path, home: Path) -> str:
    """Beside the configuration or at the top."""
    for folder in (home, stick):
        place = known_files(folder).get(AUTHORISATION)
        if place is not None:
            return _read(folder, place).decode("utf-8", "replace").strip()
    return ""


def _named(home: Path, documents: Mapping[str, str]) -> dict[str, str]:
    """Files at or below kiosk.yaml that the documents name, and where they lie on the stick.

    What is not there is left out, and so is what lies elsewhere on the board.
    """
    reading = Reading()
    names = {str(home / place): name for name, place in documents.items()}
    for document in names:
        if Path(document).is_file():
            read_file(Path(document), reading)
    found = {}
    for key, value in reading.values.items():
        if OPTIONS[key].rule.kind not in (Kind.FILE, Kind.SECRET_FILE) or not value:
            continue
        named_in = names[reading.origins[key].rpartition(":")[0]]
        path = Path(os.path.normpath((DEFAULT_FILE.parent / named_in).parent / str(value)))
        if path == DEFAULT_FILE.parent or not path.is_relative_to(DEFAULT_FILE.parent):
            continue
        name = str(path.relative_to(DEFAULT_FILE.parent))
        place = locate(home, name)
        if place is not None:
            found[name] = place
    return found


def _read(folder: Path, name: str) -> bytes:
    # Not blocking: a named pipe would be waited for
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
    try:
        with opened(folder / name, flags) as handle:
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                raise StickError(f"{name}: must be a file")
            with os.fdopen(handle, "rb", closefd=False) as file:
                content = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise StickError(f"{name}: cannot be read ({error.strerror})") from error
    if len(content) > MAX_FILE_BYTES:
        raise StickError(f"{name}: larger than the {MAX_FILE_BYTES >> 20} MiB allowed")
    return content
